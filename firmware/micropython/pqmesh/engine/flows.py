# SPDX-License-Identifier: MIT OR Apache-2.0
"""Puts handshake messages back together, in bounded memory.

A flow begins with a head that somebody wants (the caller decides), grows by fragments whose
hashes the head lists, and ends as a whole message. Of finished flows only the digest is kept,
so that a sender whose SACK was lost can have it again.
"""

from ..compat import TYPE_CHECKING
from ..errors import BadTag, Exhausted, Malformed
from ..wire.fragment import FLOW_BYTES, HASH_BYTES, HEAD_FIXED_BYTES, SALT_BYTES
from .sender import fragment_hash, head_digest, make_sack
from .timers import earliest

if TYPE_CHECKING:
    from ..wire.fragment import Fragment
    from .headless import Headless
    from .stats import Tally


class Head:
    """A parsed head fragment. Nothing is kept of it until a Flow is opened.

    :raises BadTag: the flow's name is not the hash of the head
    :raises Malformed: the lengths in it do not agree
    """

    def __init__(self, fragment: "Fragment") -> None:
        payload = fragment.payload
        self.digest = head_digest(
            fragment.kind, fragment.number(), fragment.count, fragment.payload
        )
        if self.digest[:FLOW_BYTES] != fragment.flow:
            raise BadTag("the flow is not named after this head")
        others = fragment.count - 1
        at = HEAD_FIXED_BYTES + HASH_BYTES * others
        if len(payload) < at or payload[2] != others:
            raise Malformed("head of %d octets" % len(payload))
        self.mode = fragment.mode()
        self.number = fragment.number()
        self.count = fragment.count
        self.total = int.from_bytes(payload[:2], "big")
        self.hashes = payload[HEAD_FIXED_BYTES:at]
        self.data = payload[at:]
        self.room = len(payload)  # octets in every fragment but the last
        rest = self.total - len(self.data)
        most = others * self.room
        if not (most - self.room < rest <= most if others else rest == 0):
            raise Malformed("%d octets do not fill %d fragments" % (self.total, self.count))
        if others and len(self.data) < SALT_BYTES:
            raise Malformed("head without a salt")


class Flow:
    """One message under reassembly. Allocates the whole of it at once."""

    def __init__(self, head: Head, owner: int, tally: "Tally", now: int) -> None:
        self.mode = head.mode
        self.number = head.number
        self.digest = head.digest
        self.count = head.count
        self.owner = owner  # handle of the handshake it is for; 0 while there is none
        self.tally = tally
        self.opened_at = now
        self.touched_at = now
        self.have = 1
        self.message = bytearray(head.total)
        self.message[: len(head.data)] = head.data
        self._hashes = head.hashes
        self._in_head = len(head.data)
        self._room = head.room

    def store(self, fragment: "Fragment", now: int) -> None:
        """Take one more fragment. One that is here already changes nothing.

        :raises BadTag: it is not the one the head lists
        :raises Malformed: it does not fit the message
        """
        index = fragment.index
        if fragment.count != self.count:
            raise Malformed("fragment of %d in a message of %d" % (fragment.count, self.count))
        begin = self._in_head + self._room * (index - 1)
        end = min(begin + self._room, len(self.message))
        if len(fragment.payload) != end - begin:
            raise Malformed("fragment of %d octets" % len(fragment.payload))
        listed = self._hashes[HASH_BYTES * (index - 1) : HASH_BYTES * index]
        salt = bytes(self.message[:SALT_BYTES])
        if fragment_hash(salt, index, fragment.payload) != listed:
            raise BadTag("fragment %d is not the one its head lists" % index)
        self.message[begin:end] = fragment.payload
        self.have |= 1 << index
        self.touched_at = now

    def complete(self) -> bool:
        """Whether every fragment is here."""
        return self.have == (1 << self.count) - 1

    def sack(self) -> bytes:
        """Return the SACK frame of what is here."""
        return make_sack(self.number, self.digest, self.have)


class Finished:
    """What is kept of a flow that is complete: enough to acknowledge it again."""

    def __init__(self, flow: Flow) -> None:
        self.mode = flow.mode
        self.number = flow.number
        self.digest = flow.digest
        self.owner = flow.owner
        self.tally = flow.tally
        self._have = flow.have

    def sack(self) -> bytes:
        """Return the SACK frame that says all is here."""
        return make_sack(self.number, self.digest, self._have)


class FlowTable:
    """At most ``capacity`` flows. Full: the one that has grown least recently gives way.

    :param headless: where fragments wait for a head that was lost; None: they are dropped
    """

    def __init__(self, capacity: int, idle_ms: int, headless: "Headless | None" = None) -> None:
        self._capacity = capacity
        self._idle_ms = idle_ms
        self._headless = headless
        self._flows: "list[Flow]" = []
        self._finished: "list[Finished]" = []

    def find(self, flow: bytes, number: int) -> "Flow | None":
        """Return the flow under reassembly, or None."""
        for candidate in self._flows:
            if candidate.number == number and candidate.digest[:FLOW_BYTES] == flow:
                return candidate
        return None

    def find_finished(self, flow: bytes, number: int) -> "Finished | None":
        """Return what is kept of a complete flow, or None."""
        for candidate in self._finished:
            if candidate.number == number and candidate.digest[:FLOW_BYTES] == flow:
                return candidate
        return None

    def keep(self, fragment: "Fragment", now: int) -> bool:
        """Keep a fragment whose head may still come; returns False when it is to be dropped."""
        return self._headless is not None and self._headless.keep(fragment, now)

    def open(self, head: Head, owner: int, tally: "Tally", now: int) -> Flow:
        """Begin a flow.

        :raises Exhausted: there is no memory for the message
        """
        try:
            flow = Flow(head, owner, tally, now)
        except MemoryError:
            raise Exhausted("no memory for a message of %d octets" % head.total)
        if len(self._flows) >= self._capacity:
            stalest = self._flows[0]
            for candidate in self._flows:
                if candidate.touched_at < stalest.touched_at:
                    stalest = candidate
            self._flows.remove(stalest)
        self._flows.append(flow)
        if self._headless is not None:
            self._headless.adopt(flow, now)
        return flow

    def finish(self, flow: Flow, owner: int) -> None:
        """Drop the octets of a complete flow, and remember that ``owner`` has them."""
        self._flows.remove(flow)
        flow.owner = owner
        if len(self._finished) >= 2 * self._capacity:
            self._finished.pop(0)
        self._finished.append(Finished(flow))

    def drop(self, flow: Flow) -> None:
        """Forget a flow that nobody wants after all."""
        self._flows.remove(flow)

    def forget(self, owner: int) -> None:
        """Forget everything that belongs to a handshake: a repeat of it starts afresh."""
        self._flows = [flow for flow in self._flows if flow.owner != owner]
        self._finished = [done for done in self._finished if done.owner != owner]

    def reassign(self, owner: int, to: int) -> None:
        """Hand what belongs to ``owner`` to another handle."""
        for flow in self._flows:
            if flow.owner == owner:
                flow.owner = to
        for done in self._finished:
            if done.owner == owner:
                done.owner = to

    def handle_timeout(self, now: int) -> None:
        """Forget flows that stopped growing."""
        if self._headless is not None:
            self._headless.handle_timeout(now)
        self._flows = [flow for flow in self._flows if flow.touched_at + self._idle_ms > now]

    def next_deadline(self) -> "int | None":
        """Return when the next flow becomes too old, or None."""
        return earliest([flow.touched_at + self._idle_ms for flow in self._flows])
