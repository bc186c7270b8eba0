# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sending half of a session's stream: messages cut into numbered segments, kept until acked.

A segment's number and octets never change; each transmission of it is a new packet. The peer
acknowledges segments (wire.session.AckBlock). Its bitmap only saves retransmissions: a message
is delivered when everything up to its end has been taken *in order*, because what waits out of
order in the peer's memory would die with the peer.

Among messages not begun yet the one of the highest priority goes next, the oldest of them first.
One that has begun is finished; one that has not by its deadline is dropped whole.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Busy, Malformed
from ..wire.session import LAST, SEQUENCE_MASK, SegmentHeader
from .timers import earliest

if TYPE_CHECKING:
    from ..limits import Limits
    from ..wire.session import AckBlock

_HALF = const(0x4000)  # of the sequence space: beyond it a difference is negative
_BITMAP_BITS = const(32)


class OutMessage:
    """One message on its way."""

    def __init__(self, number: int, payload: bytes, priority: int, deadline: "int | None") -> None:
        self.number = number
        self.payload = payload
        self.priority = priority
        self.deadline = deadline
        self.begun = False
        self.cut = 0  # octets already in segments
        self.sent_at = -1  # when its first segment was queued for the link


class Segment:
    """A piece of a message, and what became of its last transmission."""

    def __init__(self, sequence: int, message: OutMessage, begin: int, end: int) -> None:
        self.sequence = sequence
        self.message = message
        self.last = end == len(message.payload)
        self._begin = begin
        self._end = end
        self.packet = -1  # packet number of the last transmission
        self.sent_at = 0  # when it has left the link, or should have
        self.queued = False  # it waits for the link
        self.tries = 0
        self.due = True  # to be (re)transmitted
        self.here = False  # the peer has it, perhaps out of order

    def left(self, at: "int | None") -> None:
        """The link has taken it, and will have sent it at this moment; None: as was reckoned."""
        self.queued = False
        self.sent_at = self.sent_at if at is None else at

    def body(self) -> bytes:
        """Return the plaintext of a SEGMENT frame."""
        header = SegmentHeader(self.sequence | (LAST if self.last else 0)).encode()
        return header + bytes(memoryview(self.message.payload)[self._begin : self._end])


class Acknowledged:
    """What one AckBlock changed."""

    def __init__(self) -> None:
        self.rtt: "int | None" = None  # a sample, if it is unambiguous
        self.delivered: "list[tuple[int, int]]" = []  # (message number, ms since first sent)
        self.progress = False


class SendWindow:
    """At most ``window`` segments in flight; the queue behind it is bounded by ``limits``."""

    def __init__(self, segment_bytes: int, window: int, reorder: int, limits: "Limits") -> None:
        self._segment_bytes = segment_bytes
        self._window = window
        self._reorder = reorder
        self._limits = limits
        self._messages: "list[OutMessage]" = []  # not yet delivered, oldest first
        self._flight: "list[Segment]" = []  # not yet acknowledged in order, oldest first
        self._next_number = 1
        self._next_sequence = 0
        self._queued_bytes = 0

    def push(self, payload: bytes, priority: int = 0, deadline: "int | None" = None) -> int:
        """Queue a message; returns its number.

        :param priority: a larger one goes before a smaller one
        :param deadline: moment after which it must not begin any more; None: it may wait
        :raises Busy: too many messages, or too many bytes, are waiting
        """
        waiting = self._queued_bytes + len(payload)
        if len(self._messages) >= self._limits.queue_messages:
            raise Busy("%d messages are waiting" % len(self._messages))
        if self._messages and waiting > self._limits.queue_bytes:
            raise Busy("%d bytes are waiting" % self._queued_bytes)
        message = OutMessage(self._next_number, payload, priority, deadline)
        self._messages.append(message)
        self._queued_bytes = waiting
        self._next_number += 1
        return message.number

    def next_due(self) -> "Segment | None":
        """Return the next segment to transmit: a lost one first, then a fresh one, or None."""
        for segment in self._flight:
            if segment.due:
                return segment
        if len(self._flight) >= self._window:
            return None
        message = self._next_message()
        return None if message is None else self._cut(message)

    def expire(self, now: int) -> "list[int]":
        """Drop what has not begun by its deadline; return the numbers."""
        late = [m for m in self._waiting() if m.deadline is not None and now >= m.deadline]
        for message in late:
            self._forget(message)
        return [message.number for message in late]

    def next_expiry(self) -> "int | None":
        """Return the earliest deadline of a message that has not begun, or None."""
        return earliest([message.deadline for message in self._waiting()])

    def sent(self, segment: Segment, packet: int, left_at: int, now: int) -> None:
        """Note a transmission of ``segment``, which should leave the link at ``left_at``."""
        segment.due = False
        segment.packet = packet
        segment.sent_at = left_at
        segment.tries += 1
        if segment.message.sent_at < 0:
            segment.message.sent_at = now

    def oldest(self) -> "Segment | None":
        """Return the first segment the peer still lacks: the one the timer runs for."""
        for segment in self._flight:
            if not segment.here:
                return segment
        return None

    def check(self, ack: "AckBlock") -> None:
        """:raises Malformed: ``ack`` speaks of segments that were never sent"""
        ahead = (ack.wanted - self._base()) & SEQUENCE_MASK
        if ack.wanted > SEQUENCE_MASK or len(self._flight) < ahead < _HALF:
            raise Malformed("acknowledgement of segments never sent")

    def acknowledge(self, ack: "AckBlock", now: int) -> Acknowledged:
        """Take an acknowledgement that has passed ``check``. An old one changes nothing."""
        result = Acknowledged()
        newest: "Segment | None" = None
        for segment in self._flight:
            if not segment.here and _covers(ack, segment.sequence):
                segment.here = True
                segment.due = False
                if newest is None or segment.packet > newest.packet:
                    newest = segment
        if newest is not None:
            result.progress = True
            if newest.tries == 1:  # Karn: else we cannot tell which try it answers
                result.rtt = now - newest.sent_at
            self._mark_lost(newest.packet)
        ahead = (ack.wanted - self._base()) & SEQUENCE_MASK
        if ahead <= len(self._flight):
            self._retire(ahead, now, result)
        return result

    def _base(self) -> int:
        return self._flight[0].sequence if self._flight else self._next_sequence

    def _waiting(self) -> "list[OutMessage]":
        return [message for message in self._messages if not message.begun]

    def _next_message(self) -> "OutMessage | None":
        best: "OutMessage | None" = None
        for message in self._messages:
            if message.begun and message.cut < len(message.payload):
                return message
            if not message.begun and (best is None or message.priority > best.priority):
                best = message
        return best

    def _cut(self, message: OutMessage) -> Segment:
        message.begun = True
        begin = message.cut
        message.cut = min(begin + self._segment_bytes, len(message.payload))
        segment = Segment(self._next_sequence, message, begin, message.cut)
        self._next_sequence = (self._next_sequence + 1) & SEQUENCE_MASK
        self._flight.append(segment)
        return segment

    def _mark_lost(self, packet: int) -> None:
        """A packet sent well before one that arrived is taken for lost (RFC 9002, 6.1.1)."""
        for segment in self._flight:
            if not segment.here and segment.packet + self._reorder <= packet:
                segment.due = True

    def _retire(self, count: int, now: int, result: Acknowledged) -> None:
        for segment in self._flight[:count]:
            message = segment.message
            if segment.last:
                self._forget(message)
                result.delivered.append((message.number, now - message.sent_at))
        self._flight = self._flight[count:]

    def _forget(self, message: OutMessage) -> None:
        self._messages.remove(message)
        self._queued_bytes -= len(message.payload)


def _covers(ack: "AckBlock", sequence: int) -> bool:
    beyond = (sequence - ack.wanted) & SEQUENCE_MASK
    if beyond >= _HALF:
        return True
    return 1 <= beyond <= _BITMAP_BITS and bool(ack.bitmap >> (beyond - 1) & 1)
