# SPDX-License-Identifier: MIT OR Apache-2.0
"""Commands this node has sent for its operator, and the replies they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .router import Hop

MAX_CALLS = 256
"""Commands that may wait for a reply at a time."""


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """How a command ended."""

    ok: bool
    result: Any
    """Whatever the node returned; a sentence when ``ok`` is false."""

    answered_by: bytes
    """The PeerId that answered: the destination, or a node on the way that could not reach it."""

    via: bytes
    """The neighbour that handed us the reply."""


@dataclass(kw_only=True)
class _Call:
    destination: bytes
    asked: set[bytes]
    answer: asyncio.Future[CallResult]


class Calls:
    """At most MAX_CALLS commands waiting for their reply."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, _Call] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def start(
        self, ident: bytes, destination: bytes, asked: Iterable[bytes]
    ) -> asyncio.Future[CallResult]:
        """Wait for the reply to command ``ident``, which went to the neighbours ``asked``.

        :raises OverflowError: MAX_CALLS are waiting already
        """
        if len(self._waiting) >= MAX_CALLS:
            raise OverflowError(f"{MAX_CALLS} commands are waiting for their reply already")
        answer: asyncio.Future[CallResult] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = _Call(destination=destination, asked=set(asked), answer=answer)
        answer.add_done_callback(lambda _: self._waiting.pop(ident, None))
        return answer

    def answer(self, ident: bytes, origin: bytes, hop: Hop, ok: bool, result: Any) -> bool:
        """Take a reply; False when no command waits for it, or it has no business answering.

        Another node than the destination can only say that *it* cannot reach it; the call
        fails when everyone who was asked has said so.
        """
        call = self._waiting.get(ident)
        if call is None or hop.peer_id not in call.asked:
            return False
        if origin != call.destination:
            if ok:
                return False
            call.asked.discard(hop.peer_id)
            if call.asked:
                return True
        del self._waiting[ident]
        call.answer.set_result(
            CallResult(ok=ok, result=result, answered_by=origin, via=hop.peer_id)
        )
        return True
