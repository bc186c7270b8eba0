# SPDX-License-Identifier: MIT OR Apache-2.0
"""What stands between a program's sessions (pqmesh.conversation) and this runtime's event loop."""

import asyncio

from pqmesh.compat import TYPE_CHECKING
from pqmesh.conversation.sessions import Sessions
from pqmesh.errors import SessionRefused
from pqmesh.identity import short

from .compat import wait_for_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from .clock import Clock
    from .settings import Settings


class Waits:
    """The half of a Carrier that waits, on asyncio's loop."""

    def __init__(self, clock: "Clock") -> None:
        self.now = clock.now
        self.event = asyncio.Event

    async def within(self, awaitable: "Awaitable[Any]", ms: int) -> bool:
        try:
            await wait_for_ms(awaitable, ms)
        except asyncio.TimeoutError:
            return False
        return True


class NodeCarrier(Waits):
    """Of a node, which keeps its one session itself, for its readings and commands too."""

    def __init__(
        self,
        clock: "Clock",
        send: "Callable[[int, bytes, int, int | None], int]",
        settings: "Callable[[], Settings]",
    ) -> None:
        super().__init__(clock)
        self.send = send
        self._settings = settings

    def dial(self, peer: "bytes | None") -> None:
        expect = self._settings().expect
        if peer is not None and expect is not None and peer != expect:
            raise SessionRefused("this node belongs to %s" % short(expect), peer)

    def hang_up(self, session: int) -> bool:
        return False


def node_sessions(
    clock: "Clock",
    send: "Callable[[int, bytes, int, int | None], int]",
    settings: "Callable[[], Settings]",
) -> Sessions:
    """The sessions of a node: ``send`` leads to its engine, ``settings`` name its gateway."""
    return Sessions(NodeCarrier(clock, send, settings))
