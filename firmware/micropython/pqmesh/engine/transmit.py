# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames on their way to the link: which goes next, and when the link will have sent it.

    control      acknowledgements, SACK, POLL, single-frame handshake messages   first
    strangers    the same for peers that have proved nothing                     then
    fragments    of handshake messages                                           then
    sessions     each one's messages in a lane of its own, deficit round robin   then, in turns

A session's burst therefore delays another's frame by at most one frame per session (Shreedhar
and Varghese, SIGCOMM 1995; a turn is worth one frame of the link's mtu). Within a lane the order
is that of arrival.

Timers that began when a frame was queued would expire while a long burst is still on the wire.
``put`` therefore books the airtime of each frame after that of those before it and returns when
it should be through. What others queue later may delay it further: a session's segment is told
when it is pulled, and when it has left, by drivers that say what time it is.

Fragments of a handshake message, and questions about it, are queued by number and built when they
are pulled: a board need not hold 6 KB twice, and a POLL that was answered meanwhile is not sent.

On a shared link one listens after one has asked: a driver that says what time it is gets nothing
for as long as an answer would take, until a frame arrives.
"""

from ..compat import TYPE_CHECKING, const

if TYPE_CHECKING:
    from ..limits import LinkProfile
    from .outgoing import Segment
    from .sender import MessageSender
    from .stats import Stats

    Entry = tuple[bytes | MessageSender, int, bool, bytes, int, Segment | None]

POLL_INDEX = const(-1)  # among the fragments of a message: no fragment, a question about it
_ANSWER_BYTES = const(27)  # an acknowledgement: header 5, AckBlock 6, tag 16


class _Lane:
    """Frames that leave in the order of their arrival."""

    def __init__(self, cid: "int | None" = None) -> None:
        self.cid = cid  # None: not of one session
        self.entries: "list[Entry]" = []
        self.waiting_ms = 0  # how long the link is taken by what is in it
        self.credit = 0  # octets that its turns so far were worth and did not use

    def octets(self) -> int:
        """Return the size of the first frame."""
        return self.entries[0][4]


class TransmitQueue:
    """At most ``capacity`` frames of control, of strangers, of fragments, and of each session.

    One more is dropped and counted, as the medium might.
    """

    def __init__(self, link: "LinkProfile", capacity: int, stats: "Stats") -> None:
        self._link = link
        self._capacity = capacity
        self._stats = stats
        self._control = _Lane()
        self._strangers = _Lane()
        self._fragments = _Lane()
        self._sessions: "list[_Lane]" = []  # that have something to send; the first has its turn
        self._free_at = 0  # when the link will have sent what was ever queued
        self._listening_until = 0
        self.destination = b""  # of the frame that ``next`` returned last
        self.for_stranger = False  # whether that is for somebody who has proved nothing

    def put(
        self,
        frame: bytes,
        now: int,
        to: bytes = b"",
        asks: bool = False,
        stranger: bool = False,
    ) -> int:
        """Queue a finished frame of control; return when it should have left.

        :param to: link address it must go to; empty where there are none
        :param asks: the peer answers it at once
        :param stranger: it is for somebody who has proved nothing
        """
        lane = self._strangers if stranger else self._control
        return self._append(lane, (frame, 0, asks, to, len(frame), None), now)

    def put_fragment(
        self, sender: "MessageSender", index: int, poll: bool, now: int, to: bytes = b""
    ) -> int:
        """Queue fragment ``index`` of a message; return when it should have left."""
        size = sender.frame_bytes(index)
        return self._append(self._fragments, (sender, index, poll, to, size, None), now)

    def put_poll(self, sender: "MessageSender", now: int) -> int:
        """Queue a POLL about a message; return when it should have left."""
        entry = (sender, POLL_INDEX, False, b"", sender.frame_bytes(POLL_INDEX), None)
        return self._append(self._control, entry, now)

    def put_message(
        self, cid: int, frame: bytes, now: int, to: bytes = b"", segment: "Segment | None" = None
    ) -> int:
        """Queue a frame of the session of this CID; return when it should have left.

        :param segment: what it carries; the last one of a message is answered at once
        """
        lane = self._lane(cid)
        if lane is None:
            lane = _Lane(cid)
            self._sessions.append(lane)
            if len(self._sessions) == 1:
                self._begin_turn()
        asks = segment is not None and segment.last
        return self._append(lane, (frame, 0, asks, to, len(frame), segment), now)

    def drop(self, cid: int) -> None:
        """Forget what the session of this CID still had to send: it has ended."""
        lane = self._lane(cid)
        if lane is not None:
            self._free_at -= lane.waiting_ms
            self._leave(lane)

    def free_at(self, now: int) -> int:
        """Return when the link will be idle."""
        return max(self._free_at, now)

    def next(self, now: "int | None" = None) -> "bytes | None":
        """Return the next frame, skipping fragments that have become pointless.

        :param now: lets the queue listen after a question; None: the driver sees to that
        """
        if now is not None and now < self._listening_until:
            return None
        while True:
            lane = self._turn()
            if lane is None:
                return None
            item, index, asks, self.destination, octets, segment = lane.entries.pop(0)
            lane.waiting_ms -= self._cost_ms(octets, asks)
            if segment is not None:
                segment.left(None if now is None else now + self._link.airtime_ms(octets))
            if not lane.entries and lane.cid is not None:
                self._leave(lane)
                asks = True  # nothing follows: the peer acknowledges soon
            self.for_stranger = lane is self._strangers
            if not isinstance(item, (bytes, bytearray)):
                if not item.wanted(index, asks):
                    continue
                self.for_stranger = item.stranger()
                item = item.frame(index, asks)
            self._stats.frames_sent += 1
            self._stats.bytes_sent += len(item)
            if now is not None and asks and not self._link.point_to_point:
                self._listening_until = now + self._cost_ms(octets, True)
            return item

    def waits(self) -> bool:
        """Whether there is something to send. What has become pointless is forgotten."""
        for lane in (self._control, self._strangers, self._fragments):
            while lane.entries:
                item, index, asks, _, octets, _ = lane.entries[0]
                if isinstance(item, (bytes, bytearray)) or item.wanted(index, asks):
                    return True
                lane.entries.pop(0)
                lane.waiting_ms -= self._cost_ms(octets, asks)
        return bool(self._sessions)

    def quiet_from(self, now: int) -> "int | None":
        """Return from when on the link is free for what can wait; None: frames go before it."""
        return None if self.waits() else max(self._listening_until, now)

    def heard(self) -> None:
        """A frame has arrived: what was asked is answered, as far as the queue can tell."""
        self._listening_until = 0

    def next_deadline(self) -> "int | None":
        """Return until when the queue listens although something waits, or None."""
        lanes = (self._control, self._strangers, self._fragments)
        waits = self._sessions or [lane for lane in lanes if lane.entries]
        return self._listening_until or None if waits else None

    def handle_timeout(self, now: int) -> None:
        """Listen no longer than an answer takes."""
        if now >= self._listening_until:
            self._listening_until = 0

    def _cost_ms(self, octets: int, asks: bool) -> int:
        """Return how long the link is taken by a frame, and by listening to its answer."""
        link = self._link
        cost = link.airtime_ms(octets)
        if asks and not link.point_to_point:
            cost += 2 * link.turnaround_ms + link.airtime_ms(_ANSWER_BYTES)
        return cost

    def _lane(self, cid: int) -> "_Lane | None":
        for lane in self._sessions:
            if lane.cid == cid:
                return lane
        return None

    def _turn(self) -> "_Lane | None":
        """Return the lane whose first frame goes next, or None; its credit is taken."""
        for lane in (self._control, self._strangers, self._fragments):
            if lane.entries:
                return lane
        if not self._sessions:
            return None
        if self._sessions[0].octets() > self._sessions[0].credit:
            self._sessions.append(self._sessions.pop(0))
            self._begin_turn()
        first = self._sessions[0]
        first.credit -= first.octets()
        return first

    def _begin_turn(self) -> None:
        self._sessions[0].credit += self._link.mtu

    def _leave(self, lane: _Lane) -> None:
        had_its_turn = lane is self._sessions[0]
        self._sessions.remove(lane)
        if had_its_turn and self._sessions:
            self._begin_turn()

    def _append(self, lane: _Lane, entry: "Entry", now: int) -> int:
        if len(lane.entries) >= self._capacity:
            self._stats.frames_overflowed += 1
            return self.free_at(now)
        airtime = self._link.airtime_ms(entry[4])
        cost = self._cost_ms(entry[4], entry[2])
        if entry[5] is not None:
            entry[5].queued = True
        lane.entries.append(entry)
        lane.waiting_ms += cost
        self._free_at = self.free_at(now) + cost
        return max(self._free_at - self._behind_ms(lane) - cost, now) + airtime

    def _behind_ms(self, lane: _Lane) -> int:
        """Return the airtime of what waits already and yet leaves after the newest of ``lane``."""
        behind = 0
        for other in self._sessions:
            level = 0 if lane.cid is None else lane.waiting_ms
            behind += max(other.waiting_ms - level, 0)
        if lane is self._control:
            behind += self._strangers.waiting_ms
        if lane is self._control or lane is self._strangers:
            behind += self._fragments.waiting_ms
        return behind
