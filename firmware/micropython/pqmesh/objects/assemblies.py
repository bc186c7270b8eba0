# SPDX-License-Identifier: MIT OR Apache-2.0
"""The objects on their way in, within the memory there is for them.

A full table refuses a newcomer; only a flow without a single shard gives way, because whoever
made its head has spent nothing on it yet. So to take a place from a genuine object a stranger
must keep sending shards of its own, in airtime.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Exhausted
from .assembly import Assembly

if TYPE_CHECKING:
    from ..limits import ObjectLimits
    from ..wire.objects import CodedFragment
    from .assembly import Offered

IDLE_MS = const(7_200_000)  # a sender out of airtime may be silent for an hour
WAIT_MS = const(120_000)  # for a head, from the last fragment that waits for it


class Assemblies:
    """At most ``limits.assemblies`` flows, and one more of which the head is missing."""

    def __init__(self, limits: "ObjectLimits") -> None:
        self._limits = limits
        self._waiting: "list[CodedFragment]" = []  # all of one flow
        self._waiting_until = 0
        self.open_flows: "list[Assembly]" = []

    def find(self, flow: bytes) -> "Assembly | None":
        """Return the assembly of a flow, or None."""
        for assembly in self.open_flows:
            if assembly.flow == flow:
                return assembly
        return None

    def of(self, object_id: bytes) -> "list[Assembly]":
        """Return the assemblies of an object; more than one if some head lies."""
        return [one for one in self.open_flows if one.head.object_id == object_id]

    def open(self, offered: "Offered", now: int) -> Assembly:
        """Begin an assembly, and give it what has waited for its head.

        :raises Exhausted: the object is too long, or there is no room
        :raises BadTag: the flow is not named after this head
        """
        if offered.head.total > self._limits.object_bytes:
            raise Exhausted("an object of %d octets" % offered.head.total)
        gone = self._make_room(offered.cost())
        try:
            assembly = Assembly(offered, now)
        except MemoryError:
            raise Exhausted("no memory for an object of %d octets" % offered.head.total)
        self.open_flows = [one for one in self.open_flows if one not in gone] + [assembly]
        return assembly

    def _make_room(self, cost: int) -> "list[Assembly]":
        """Return which of the empty ones, oldest first, have to go; none has yet."""
        used = sum([one.cost for one in self.open_flows])
        places = self._limits.assemblies - len(self.open_flows)
        gone: "list[Assembly]" = []
        for one in self.open_flows:
            if places > 0 and used + cost <= self._limits.assembly_bytes:
                break
            if not one.held:
                gone.append(one)
                used -= one.cost
                places += 1
        if places < 1 or used + cost > self._limits.assembly_bytes:
            raise Exhausted("no room for an object of %d octets" % cost)
        return gone

    def wait(self, fragment: "CodedFragment", now: int) -> bool:
        """Keep a fragment until its head comes; returns False when there is no place for it."""
        if self._waiting and now >= self._waiting_until:
            self._waiting = []
        for piece in self._waiting:
            if piece.flow != fragment.flow:
                return False
            if piece.index == fragment.index:
                return True
        if len(self._waiting) >= self._limits.waiting:
            return False
        self._waiting.append(fragment)
        self._waiting_until = now + WAIT_MS
        return True

    def take_waiting(self, flow: bytes) -> "list[CodedFragment]":
        """Return what has waited for the head of ``flow``, and keep it no longer."""
        if not self._waiting or self._waiting[0].flow != flow:
            return []
        pieces, self._waiting = self._waiting, []
        return pieces

    def drop(self, assembly: Assembly) -> None:
        """Let go of one."""
        self.open_flows.remove(assembly)

    def expire(self, now: int) -> "list[Assembly]":
        """Let go of those that stopped growing long ago; returns them."""
        old = [one for one in self.open_flows if now >= one.touched_at + IDLE_MS]
        for one in old:
            self.drop(one)
        return old
