# SPDX-License-Identifier: MIT OR Apache-2.0
"""Broadcast objects on one link: the state machine. No clock, no dice, no link of its own.

    offer --> prepared, a shard per handle_timeout --> goes round, at most 1 % of the channel
              --> Spread: three neighbours have it, or it has gone round; then on demand
    head of a wanted object --> shards --> any k are here --> its hash holds --> Arrived
              --> accept: says that it is here        reject: it is not taken again
    quiet while something is missing --> ObjFetch, ever later --> Missed

The calls are those of the engine: inputs (``offer``, ``fetch``, ``receive``, ``handle_timeout``),
then outputs (``next_event``, ``next_transmit``), drained after every input. Whoever drives both
sends the engine's frames first: an object can always wait.

Memory is bounded by ObjectLimits and asked for before it is needed. A stranger's frame costs at
most one hash; what is heavier (parity, decoding) is done in handle_timeout, a piece at a time.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Exhausted, ProtocolError, Unexpected
from ..limits import BOARD_OBJECTS
from ..wire.objects import (
    CODED_KIND,
    FETCH_BYTES,
    FLAG_HAVE,
    OBJ_FETCH,
    CodedFragment,
    ObjFetch,
    decode_coded,
    decode_fetch,
)
from .asking import ANY, Asking
from .assemblies import IDLE_MS, Assemblies
from .assembly import Offered
from .carousel import NEIGHBOURS, Carousel, Offer
from .events import Arrived, Missed, Spread
from .library import Known, Library
from .share import Share
from .source import Source, have

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..limits import LinkProfile, ObjectLimits
    from ..record import Record
    from .asking import Wish
    from .assembly import Assembly

_NONCES = const(8)


class ObjectStats:
    """What passed through one Exchange. Counters only grow; nothing decides by them."""

    def __init__(self) -> None:
        self.frames_sent = 0
        self.bytes_sent = 0
        self.frames_received = 0
        self.arrived = 0
        self.dropped: "dict[str, int]" = {}  # by the name of the ProtocolError

    def drop(self, error: ProtocolError) -> None:
        """Count a frame, or a whole object, that was refused."""
        cause = type(error).__name__
        self.dropped[cause] = self.dropped.get(cause, 0) + 1


class Exchange:
    """The objects of one link.

    :param link: what the link can do (pqmesh.limits)
    :param entropy: ``entropy(n)`` returns n fresh random bytes: nonces, and who speaks first
    :param dtag: how we call ourselves when we say that we have something, 8 bytes
    :param wants: ``wants(what, dtag, object_id)`` is asked when a head comes that was not asked
        for: whether the object is worth its memory. A look-up, no more.
    :param limits: how much memory and air this may take
    :raises UsageError: the air would not do for one frame
    """

    def __init__(
        self,
        link: "LinkProfile",
        entropy: "Callable[[int], bytes]",
        dtag: bytes,
        wants: "Callable[[int, bytes, bytes], bool]",
        limits: "ObjectLimits" = BOARD_OBJECTS,
    ) -> None:
        self.stats = ObjectStats()
        self._link = link
        self._entropy = entropy
        self._dtag = dtag
        self._wants = wants
        self._assemblies = Assemblies(limits)
        self._carousel = Carousel(limits)
        self._library = Library(limits.remembered)
        self._asking = Asking(link, entropy)
        self._share = Share(link, limits.share_permille)
        self._events: "list[Record]" = []
        self._nonces: "list[bytes]" = []
        self._next_long = 0  # when a fragment may go again
        self._looked_at = -1  # when handle_timeout last was
        self._stalled: "int | None" = None  # when next_transmit will have more than it had

    @staticmethod
    def takes(frame: bytes) -> bool:
        """Whether a frame is for an Exchange and not for an engine."""
        return bool(frame) and frame[0] in (CODED_KIND, OBJ_FETCH)

    def used_ms(self, now: int) -> int:
        """Return how long was sent in the hour that ends now."""
        return self._share.used_ms(now)

    # Inputs

    def offer(self, what: int, dtag: bytes, octets: "Buffer", now: int, own: bool = True) -> bytes:
        """Hold an object for others; returns its id. One that is held is not taken twice.

        :param octets: not copied; must not change until ``withdraw``
        :param own: send it round once; else only when somebody asks
        :raises Busy: no room
        :raises UsageError: it is too long for this link
        """
        source = Source(what, dtag, octets, self._link.mtu)
        if self._carousel.find(source.object_id) is None:
            self._carousel.check(len(octets))
            dice = int.from_bytes(self._entropy(2), "big")
            cursor = 1 if own else 1 + dice % source.shape.shards
            enough = 1 if self._link.point_to_point else NEIGHBOURS
            self._carousel.offers.append(Offer(source, cursor, own, enough, now))
            self._library.add(source.object_id, source.digest)
        return source.object_id

    def withdraw(self, object_id: bytes) -> None:
        """Hold an object no longer. Harmless when it is not held."""
        kept = [one for one in self._carousel.offers if one.source.object_id != object_id]
        self._carousel.offers = kept

    def fetch(self, dtag: bytes, now: int, object_id: bytes = ANY) -> None:
        """Ask the neighbours for an object of ``dtag``; zeros: for whichever they offer.

        :raises Busy: too many are asked for already
        """
        self._asking.wish(dtag, object_id, now)

    def accept(self, object_id: bytes, now: int) -> None:
        """The object of an Arrived is good: tell the neighbours that it is here."""
        known = self._library.find(object_id)
        if known is not None:
            known.good = True
            known.plan(now + self._asking.jitter(FETCH_BYTES), now)

    def reject(self, object_id: bytes) -> None:
        """The object of an Arrived is no good; it is not taken again while it is remembered."""
        known = self._library.find(object_id)
        if known is not None:
            known.good = False

    def receive(self, frame: bytes, now: int) -> None:
        """Take one whole frame that ``takes`` says is for us.

        :raises ProtocolError: the frame was dropped, and state is as it was before
        """
        self.stats.frames_received += 1
        try:
            if frame[:1] == bytes((OBJ_FETCH,)):
                self._on_fetch(frame, now)
            else:
                self._on_fragment(decode_coded(frame), now)
        except ProtocolError as error:
            self.stats.drop(error)
            raise

    def forget(self, object_id: bytes) -> None:
        """The object of an Arrived could not be judged: let it come once more."""
        self._library.forget(object_id)

    def handle_timeout(self, now: int) -> None:
        """Do what has fallen due; of heavy work one piece. Harmless when called early or often."""
        self._looked_at = now
        if not self._finish_one(now):
            self._carousel.step()
        gone = [(one.head.dtag, one.head.object_id) for one in self._assemblies.expire(now)]
        gone += [(wish.dtag, wish.object_id) for wish in self._asking.give_up(now)]
        for dtag, object_id in gone:
            self._events.append(Missed(dtag, object_id))

    # Outputs

    def next_event(self) -> "Record | None":
        """Return the next event of objects.events, None when there is none."""
        offer = self._carousel.finished()
        if offer is not None:
            self._events.append(Spread(offer.source.object_id, len(offer.neighbours)))
        return self._events.pop(0) if self._events else None

    def next_transmit(self, now: int) -> "bytes | None":
        """Return the next frame that may go now, None when there is none."""
        chosen = self._choose(now)
        if chosen is None:
            return None
        if isinstance(chosen, Known):
            chosen.said(now)
            return self._sent(have(chosen.digest, self._dtag), now)
        if isinstance(chosen, Offer):
            index = chosen.next_index() or 0
            frame = chosen.source.frame(index)
            chosen.sent(index)
            return self._sent(frame, now, True)
        return self._sent(self._asking.ask(chosen, now), now)

    def waits(self, now: int) -> bool:
        """Whether ``next_transmit`` has a frame now; nothing is pulled to find out."""
        return self._choose(now) is not None

    def next_deadline(self) -> "int | None":
        """Return when ``handle_timeout`` is wanted, in ms on the caller's clock, or None."""
        to_send: "list[int | None]" = [self._stalled]
        to_send += self._library.moments()
        to_send += [one.ask_at for one in self._askers()]
        # What was due at the last handle_timeout is waiting to be pulled; its time is over.
        moments = [at for at in to_send if at is not None and at > self._looked_at]
        moments += [one.touched_at for one in self._whole()]
        moments += [one.touched_at + IDLE_MS for one in self._assemblies.open_flows]
        moments += [one.added_at for one in self._carousel.offers if not one.source.ready]
        return min(moments) if moments else None

    # Inside: what comes in

    def _on_fragment(self, fragment: CodedFragment, now: int) -> None:
        if fragment.index == 0:
            self._on_head(Offered(fragment), now)
            return
        assembly = self._assemblies.find(fragment.flow)
        if assembly is not None:
            if assembly.missing and assembly.store(fragment, now):
                self._asking.put_off(assembly, now)
            return
        if self._carousel.overheard(fragment) or self._assemblies.wait(fragment, now):
            return
        raise Unexpected("no such flow here")

    def _on_head(self, offered: Offered, now: int) -> None:
        head = offered.head
        known = self._library.find(head.object_id)
        if known is not None:
            known.plan(now + self._asking.jitter(FETCH_BYTES), now)
            return
        if self._assemblies.find(offered.flow) is not None:
            return
        asked = self._asking.wants(head.dtag, head.object_id)
        if not asked and not self._wants(head.what, head.dtag, head.object_id):
            raise Unexpected("an object that is not wanted here")
        if self._library.is_liar(offered.verify()):
            raise BadTag("an object that was not what its id names")
        assembly = self._assemblies.open(offered, now)
        self._asking.put_off(assembly, now)
        for piece in self._assemblies.take_waiting(offered.flow):
            try:
                assembly.store(piece, now)
            except ProtocolError as error:  # a forgery; only now that can be told
                self.stats.drop(error)

    def _on_fetch(self, frame: bytes, now: int) -> None:
        fetch = decode_fetch(frame)
        if fetch.flags == FLAG_HAVE:
            self._on_have(fetch, frame, now)
            return
        if fetch.nonce in self._nonces:
            raise Unexpected("the same ObjFetch again")
        self._nonces = (self._nonces + [fetch.nonce])[-_NONCES:]
        offer = self._carousel.answering(fetch)
        if offer is not None:
            late = 0 if offer.own else self._asking.jitter(self._link.mtu)
            offer.on_wish(fetch, now + late)
        self._asking.overheard(fetch, self._assemblies.of(fetch.object_id), now)

    def _on_have(self, fetch: ObjFetch, frame: bytes, now: int) -> None:
        offer = self._carousel.find(fetch.object_id)
        known = self._library.find(fetch.object_id)
        if offer is not None:
            digest = offer.source.digest
        elif known is not None:
            digest = known.digest
        else:
            return
        if frame != have(digest, fetch.dtag):
            raise BadTag("a neighbour that does not have the object")
        if offer is not None:
            offer.on_have(fetch.dtag)
        if known is not None:
            known.on_have(fetch.dtag, now)

    # Inside: what falls due

    def _whole(self) -> "list[Assembly]":
        return [one for one in self._assemblies.open_flows if not one.missing]

    def _finish_one(self, now: int) -> bool:
        """Decode one object that is complete; returns whether there was one."""
        for assembly in self._whole():
            self._assemblies.drop(assembly)
            try:
                self._arrived(assembly, assembly.finish())
            except MemoryError:
                self.stats.drop(Exhausted("no memory to decode an object"))
            except ProtocolError as error:
                self._library.lied(assembly.digest)
                self.stats.drop(error)
            return True
        return False

    def _arrived(self, assembly: "Assembly", octets: "Buffer") -> None:
        head = assembly.head
        for other in self._assemblies.of(head.object_id):
            self._assemblies.drop(other)
        self._asking.granted(head.dtag, head.object_id)
        self._library.add(head.object_id, assembly.object_digest)
        self.stats.arrived += 1
        self._events.append(Arrived(head.what, head.dtag, head.object_id, octets))

    # Inside: what goes out

    def _askers(self) -> "list[Assembly | Wish]":
        coming = [one.head for one in self._assemblies.open_flows if one.held]
        pending: "list[Assembly | Wish]" = []
        pending += [one for one in self._assemblies.open_flows if one.missing]
        for wish in self._asking.wishes:
            if not any([wish.names(head.dtag, head.object_id) for head in coming]):
                pending.append(wish)
        return pending

    def _choose(self, now: int) -> "Known | Assembly | Wish | Offer | None":
        """Return what has something to send that may go now; else note when it will."""
        self._stalled = None
        known = self._library.due(now)
        if known is not None:
            return known if self._may(FETCH_BYTES, now) else None
        for one in self._askers():
            if self._asking.due(one, now):
                return one if self._may(FETCH_BYTES, now) else None
        offer = self._carousel.next(now)
        if offer is None:
            starts = self._carousel.starts(now)
            self._stalled = min(starts) if starts else None
            return None
        if now < self._next_long:
            self._stalled = self._next_long
            return None
        octets = offer.source.frame_bytes(offer.next_index() or 0)
        return offer if self._may(octets, now) else None

    def _may(self, octets: int, now: int) -> bool:
        possible = self._share.possible(octets, now)
        if possible > now:
            self._stalled = possible
        return possible <= now

    def _sent(self, frame: bytes, now: int, long: bool = False) -> bytes:
        after = self._share.spend(len(frame), now)
        if long:
            self._next_long = after
        self.stats.frames_sent += 1
        self.stats.bytes_sent += len(frame)
        return frame
