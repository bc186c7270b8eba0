# SPDX-License-Identifier: MIT OR Apache-2.0
"""When to ask for an object, or for what is missing of it: late, ever less often, and not at all
when somebody else has just asked (negative acknowledgements of RFC 5740, suppression included)."""

from ..compat import TYPE_CHECKING, const
from ..errors import Busy
from ..wire.objects import (
    FLAG_BITMAP,
    OBJ_FETCH,
    OBJECT_ID_BYTES,
    PROOF_BYTES,
    ObjFetch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import LinkProfile
    from .assembly import Assembly

TRIES = const(5)
QUIET_FRAMES = const(32)  # of the link's longest, without a shard: then the sender has finished
SLOTS = const(16)  # in which neighbours answer, so that not all do at once
MAX_WISHES = const(8)
_BITS = const(31)  # shards that a bitmap has room for
_JITTER_BYTES = const(2)
ANY = bytes(OBJECT_ID_BYTES)


class Wish:
    """An object that was asked for and of which nothing has come yet."""

    def __init__(self, dtag: bytes, object_id: bytes, now: int) -> None:
        self.dtag = dtag
        self.object_id = object_id
        self.asked = 0
        self.ask_at: "int | None" = now

    def names(self, dtag: bytes, object_id: bytes) -> bool:
        """Whether an object is the one that was wished for."""
        return self.dtag == dtag and self.object_id in (object_id, ANY)


class Asking:
    """The questions of one node on one link."""

    def __init__(self, link: "LinkProfile", entropy: "Callable[[int], bytes]") -> None:
        self.wishes: "list[Wish]" = []
        self._link = link
        self._entropy = entropy

    def jitter(self, octets: int) -> int:
        """Return a random time of up to SLOTS answers of ``octets``."""
        slot = self._link.airtime_ms(octets) + self._link.turnaround_ms
        dice = int.from_bytes(self._entropy(_JITTER_BYTES), "big")
        return dice % (SLOTS * slot)

    def wish(self, dtag: bytes, object_id: bytes, now: int) -> None:
        """Ask for an object of which nothing is here.

        :raises Busy: too many are asked for already
        """
        for wish in self.wishes:
            if (wish.dtag, wish.object_id) == (dtag, object_id):
                return
        if len(self.wishes) >= MAX_WISHES:
            raise Busy("%d objects are asked for already" % MAX_WISHES)
        self.wishes.append(Wish(dtag, object_id, now))

    def wants(self, dtag: bytes, object_id: bytes) -> bool:
        """Whether an object was asked for."""
        return any([wish.names(dtag, object_id) for wish in self.wishes])

    def granted(self, dtag: bytes, object_id: bytes) -> None:
        """It is here, or has begun to come."""
        self.wishes = [wish for wish in self.wishes if not wish.names(dtag, object_id)]

    def due(self, one: "Assembly | Wish", now: int) -> bool:
        """Whether to ask for it now."""
        return one.ask_at is not None and one.ask_at <= now and one.asked < TRIES

    def put_off(self, one: "Assembly | Wish", now: int) -> None:
        """Ask when it has been quiet for a while from now, longer each time."""
        quiet = QUIET_FRAMES * self._link.airtime_ms(self._link.mtu)
        one.ask_at = now + (quiet << one.asked) + self.jitter(self._link.mtu)

    def ask(self, one: "Assembly | Wish", now: int) -> bytes:
        """Return the question, and put off the next."""
        one.asked += 1
        if one.asked >= TRIES and not isinstance(one, Wish):
            one.ask_at = None  # it may still come by itself
        else:
            self.put_off(one, now)
        nonce = self._entropy(PROOF_BYTES)
        if isinstance(one, Wish):
            return ObjFetch(OBJ_FETCH, 0, one.dtag, one.object_id, 0, nonce).encode()
        head, flags, value = one.head, 0, one.missing
        if self._link.point_to_point and one.shape.shards <= _BITS:
            flags, value = FLAG_BITMAP, one.seen
        return ObjFetch(OBJ_FETCH, flags, head.dtag, head.object_id, value, nonce).encode()

    def overheard(self, fetch: ObjFetch, assemblies: "list[Assembly]", now: int) -> None:
        """Somebody else asks. What it draws serves us, if it asks for no less than we would."""
        for assembly in assemblies:
            enough = not fetch.value or fetch.value >= assembly.missing
            if assembly.ask_at is not None and not fetch.flags and enough:
                self.put_off(assembly, now)
        for wish in self.wishes:
            if wish.names(fetch.dtag, fetch.object_id) and not fetch.value and not fetch.flags:
                self.put_off(wish, now)

    def give_up(self, now: int) -> "list[Wish]":
        """Return the wishes that stayed unanswered for good, and forget them."""
        gone = [w for w in self.wishes if w.asked >= TRIES and (w.ask_at or 0) <= now]
        self.wishes = [wish for wish in self.wishes if wish not in gone]
        return gone
