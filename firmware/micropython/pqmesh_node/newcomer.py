# SPDX-License-Identifier: MIT OR Apache-2.0
"""The door to provisioning: knows its messages by their first octet, and opens the desk for them.

The desk (provisioning.py) and all it needs are imported when the first message comes: most of a
node's life nobody provisions it, and 10 KB of heap are 10 KB.
"""

import asyncio

from pqmesh.compat import TYPE_CHECKING, const

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .provisioning import ProvisioningDesk

FIRST_KIND = const(0x50)  # of pqmesh.wire.provisioning
LAST_KIND = const(0x58)
_NOW = const(0x58)
_NOW_BYTES = const(5)  # kind 1, Unix seconds 4


def objection_to(peer_id: bytes, expect: "bytes | None", alone: bool) -> "str | None":
    """Why this neighbour may not provision us: it needs a cable in its hand, or our pin.

    :param alone: it is the only one that can be on the link
    """
    if expect not in (None, peer_id):
        return "this node belongs to another gateway"
    if expect is None and not alone:
        return "a node that belongs to nobody is provisioned over a cable only"
    return None


class Newcomer:
    """
    :param time: told by Now
    :param make_desk: makes the desk, once
    """

    def __init__(self, time: "Any", make_desk: "Callable[[], ProvisioningDesk]") -> None:
        self._time = time
        self._make_desk = make_desk
        self._desk: "ProvisioningDesk | None" = None
        self._opened = asyncio.Event()

    def take(self, payload: bytes, session: int, peer_id: bytes, objection: "str | None") -> bool:
        """Take a message if it is one of provisioning; whether it was. Durable on return.

        :param objection: why this peer may not provision this node, or None
        """
        if not payload or not FIRST_KIND <= payload[0] <= LAST_KIND:
            return False
        if payload[0] == _NOW and len(payload) == _NOW_BYTES:
            if objection is None:
                self._time.set(int.from_bytes(payload[1:], "big"))
            return True
        if self._desk is None:
            self._desk = self._make_desk()
            self._opened.set()
        self._desk.take(payload, session, peer_id, objection)
        return True

    def delivered(self, session: int, number: int) -> bool:
        """Whether that message was one of the desk's."""
        return self._desk is not None and self._desk.delivered(session, number)

    def session_ended(self, session: int) -> None:
        """What is under way in it stops; the next Begin goes on from there."""
        if self._desk is not None:
            self._desk.session_ended(session)

    async def run(self) -> None:
        """Serve until cancelled."""
        while self._desk is None:
            await self._opened.wait()
        await self._desk.run()

    def counts(self) -> "dict[str, int]":
        """How many runs were begun, finished and refused."""
        return {} if self._desk is None else self._desk.counts
