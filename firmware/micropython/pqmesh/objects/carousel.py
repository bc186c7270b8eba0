# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is held for others, and which fragment of it goes next.

An object of our own goes round once: its shards, then parity, the head before every sixteenth of
them and at the end. Three neighbours that say they have it end that. After that, and for objects
of others, fragments go when somebody asks: as many as whoever lacks most would need, a quarter
more and one, any k being enough, however many ask. What another holder sends meanwhile is not
sent here again.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Busy
from ..wire.objects import FLAG_BITMAP, OBJECT_ID_BYTES

if TYPE_CHECKING:
    from ..limits import ObjectLimits
    from ..wire.objects import CodedFragment, ObjFetch
    from .source import Source

NEIGHBOURS = const(3)  # that have it are enough: constrained-design 6.1
HEAD_EVERY = const(16)
_LOST = const(4)  # one in so many may be lost of what was asked for, and nobody asks again
_ANY = bytes(OBJECT_ID_BYTES)


class Offer:
    """One object and what is owed of it.

    :param enough: neighbours that have it, at which there is no need to go on
    :param cursor: the fragment to begin with, 1..n: 1 at whose own it is, anywhere at others, so
        that two holders do not send the same
    """

    def __init__(self, source: "Source", cursor: int, own: bool, enough: int, now: int) -> None:
        self.source = source
        self.own = own
        self._enough = enough
        self.owed = source.shape.shards if own else 0
        self.start_at = now
        self.added_at = now
        self.spreading = own  # its owner has not been told that it is over
        self.neighbours: "list[bytes]" = []  # dtags, of those that have it
        self._picked: "list[int]" = []  # by name, beside what is owed
        self._cursor = cursor
        self._to_head = 0  # shards before the next head
        self._closing = own  # a last head follows: without one, nobody can tell what was missed

    def next_index(self) -> "int | None":
        """Return the fragment that goes next; None: nothing is owed."""
        if not self.source.ready:
            return None
        if not (self.owed or self._picked):
            return 0 if self._closing else None
        if self._to_head == 0:
            return 0
        return self._picked[0] if self._picked else self._cursor

    def sent(self, index: int) -> None:
        """The fragment that ``next_index`` named has left."""
        if index == 0:
            self._to_head = HEAD_EVERY
            self._closing = self._closing and bool(self.owed)
            return
        self._to_head -= 1
        if self._picked:
            self._picked.pop(0)
        else:
            self.owed -= 1
            self._cursor = self._cursor % self.source.shape.shards + 1

    def overheard(self) -> None:
        """Somebody else has sent a shard."""
        self.owed = max(self.owed - 1, 0)

    def on_have(self, dtag: bytes) -> None:
        """A neighbour has it. When enough do, nothing more is owed."""
        if dtag not in self.neighbours and len(self.neighbours) < self._enough:
            self.neighbours.append(dtag)
            if len(self.neighbours) == self._enough:
                self.owed = 0
                self._picked = []
                self._closing = False

    def on_wish(self, fetch: "ObjFetch", start_at: int) -> None:
        """Somebody wants it, or more of it."""
        shape = self.source.shape
        if not (self.owed or self._picked):
            self.start_at = start_at
        if fetch.flags & FLAG_BITMAP:
            seen = fetch.value
            held = len([i for i in range(1, min(shape.shards, 31) + 1) if seen >> i & 1])
            lost = [i for i in range(1, shape.count + 1) if i > 31 or not seen >> i & 1]
            self._picked = lost[: max(shape.count - held, 0)]
            if seen & 1 and self._to_head == 0:
                self._to_head = HEAD_EVERY
        else:
            would_do = fetch.value or shape.count
            self.owed = max(self.owed, min(would_do + 1 + would_do // _LOST, shape.shards))
            if not fetch.value:
                self._to_head = 0


class Carousel:
    """All offers of one link, within the limits."""

    def __init__(self, limits: "ObjectLimits") -> None:
        self._limits = limits
        self.offers: "list[Offer]" = []

    def check(self, octets: int) -> None:
        """Whether another object may be held.

        :raises Busy: no; withdraw one first
        """
        used = sum([offer.source.shape.total for offer in self.offers])
        if len(self.offers) >= self._limits.offers or used + octets > self._limits.offer_bytes:
            raise Busy("no room to offer another %d octets" % octets)

    def find(self, object_id: bytes) -> "Offer | None":
        """Return the offer of an object, or None."""
        for offer in self.offers:
            if offer.source.object_id == object_id:
                return offer
        return None

    def answering(self, fetch: "ObjFetch") -> "Offer | None":
        """Return what a wish is about: by the id, or the newest of the dtag."""
        if fetch.object_id != _ANY:
            return self.find(fetch.object_id)
        found = [offer for offer in self.offers if offer.source.dtag == fetch.dtag]
        return found[-1] if found else None

    def step(self) -> bool:
        """Do one piece of preparation; returns whether there was one to do."""
        for offer in self.offers:
            if not offer.source.ready:
                offer.source.step()
                return True
        return False

    def overheard(self, fragment: "CodedFragment") -> bool:
        """Note a shard of another holder's; returns whether it was one of ours. One hash."""
        for offer in self.offers:
            if offer.source.ready and offer.source.flow == fragment.flow:
                if offer.owed and offer.source.genuine(fragment):
                    offer.overheard()
                return True
        return False

    def next(self, now: int) -> "Offer | None":
        """Return whose fragment goes next: the one that has waited longest to begin."""
        best = None
        for offer in self.offers:
            if offer.start_at > now or offer.next_index() is None:
                continue
            if best is None or offer.start_at < best.start_at:
                best = offer
        return best

    def starts(self, now: int) -> "list[int]":
        """Return the moments at which more may go."""
        waiting = [one for one in self.offers if one.next_index() is not None]
        return [one.start_at for one in waiting if one.start_at > now]

    def finished(self) -> "Offer | None":
        """Return an offer of our own that has gone round and whose owner has not been told."""
        for offer in self.offers:
            if offer.spreading and offer.source.ready and offer.next_index() is None:
                offer.spreading = False
                return offer
        return None
