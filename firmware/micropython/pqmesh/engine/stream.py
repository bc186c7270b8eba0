# SPDX-License-Identifier: MIT OR Apache-2.0
"""The reliable messages of one session, both ways: what to send, to acknowledge, to send again.

It seals nothing and queues nothing. The session asks it what is due, and tells it what came.
"""

from ..compat import TYPE_CHECKING, const
from ..wire.session import ACK_BYTES, HEADER_BYTES, LAST, SEGMENT_BYTES, SEQUENCE_MASK
from .incoming import ReceiveWindow
from .outgoing import SendWindow
from .rtt import RttEstimator
from .timers import Timers, earliest

if TYPE_CHECKING:
    from ..wire.handshake import Params
    from ..wire.session import AckBlock, SegmentHeader
    from .context import Context
    from .outgoing import Segment

_ACK = const(0)  # an acknowledgement has waited long enough for company
_RETRANSMIT = const(1)  # the oldest segment in flight went unanswered
_TIMERS = const(2)

_MAX_TRIES = const(40)  # of one segment, when the peer is there but never acknowledges it


class Stream:
    """A window out and a window in, the round trip between them, and two timers."""

    def __init__(self, context: "Context", params: "Params") -> None:
        link = context.link
        self._context = context
        self.rtt = RttEstimator(link.initial_rto_ms(), link.min_rto_ms, link.max_rto_ms)
        segment_bytes = link.mtu - HEADER_BYTES - ACK_BYTES - SEGMENT_BYTES - link.tag_bytes
        window = min(link.window, max(params.window, 1))
        self._outgoing = SendWindow(segment_bytes, window, link.reorder_frames, context.limits)
        self._incoming = ReceiveWindow(link.window, context.limits.message_bytes)
        self._timers = Timers(_TIMERS)
        self._stopped = False
        self._unacknowledged = 0  # segments taken since our last AckBlock
        self._timeouts = 0  # of the retransmission timer, since the peer was last heard

    # Out

    def push(self, payload: bytes, priority: int = 0, deadline: "int | None" = None) -> int:
        """Queue a message; returns its number. :raises Busy: the queue is full"""
        return self._outgoing.push(payload, priority, deadline)

    def expire(self, now: int) -> "list[int]":
        """Drop the messages that did not begin by their deadline; return their numbers."""
        return self._outgoing.expire(now)

    def next_due(self) -> "Segment | None":
        """Return the next segment to transmit, or None."""
        segment = self._outgoing.next_due()
        if segment is not None and segment.tries:
            self._context.stats.frames_retransmitted += 1
        return segment

    def sent(self, segment: "Segment", packet: int, left_at: int, now: int) -> None:
        """Note a transmission, which should leave the link at ``left_at``."""
        self._outgoing.sent(segment, packet, left_at, now)
        self._arm()

    def take_ack(self) -> bytes:
        """Return the AckBlock that the next frame should carry; empty when there is no news."""
        if not self._unacknowledged:
            return b""
        self._unacknowledged = 0
        self._timers.stop(_ACK)
        return self._incoming.ack_block().encode()

    # In

    def heard(self) -> None:
        """The peer is there."""
        self._timeouts = 0

    def on_ack(self, ack: "AckBlock", now: int) -> "list[tuple[int, int]]":
        """Return what it delivers: (message number, ms since first sent).

        :raises Malformed: it speaks of segments that were never sent
        """
        self._outgoing.check(ack)
        result = self._outgoing.acknowledge(ack, now)
        if result.rtt is not None:
            self.rtt.sample(result.rtt)
        if result.progress:
            self._arm()
        return result.delivered

    def on_segment(self, header: "SegmentHeader", data: memoryview, now: int) -> "list[bytes]":
        """Return the messages it completes.

        :raises Exhausted: beyond the window, or the message is too long
        """
        last = bool(header.sequence & LAST)
        whole = self._incoming.accept(header.sequence & SEQUENCE_MASK, last, data)
        self._unacknowledged += 1
        link = self._context.link
        lost = link.point_to_point and not self._incoming.in_order
        if last or lost or self._unacknowledged >= link.ack_every:
            self._timers.set(_ACK, now)
        elif not link.point_to_point:  # half duplex: not before the sender has had its say
            rest = link.turnaround_ms + link.airtime_ms(link.mtu)
            self._timers.set(_ACK, now + max(link.ack_delay_ms, rest))
        elif not self._timers.running(_ACK):
            self._timers.set(_ACK, now + link.ack_delay_ms)
        return whole

    # Timers

    def ack_due(self, now: int) -> bool:
        """Whether an acknowledgement must leave now, alone if need be. Says so once."""
        return self._timers.expired(_ACK, now)

    def retransmit_due(self, now: int) -> bool:
        """Whether the oldest segment went unanswered for too long. Says so once."""
        if not self._timers.expired(_RETRANSMIT, now):
            return False
        oldest = self._outgoing.oldest()
        if oldest is None:
            return False
        left_at = now if oldest.queued else oldest.sent_at
        if now >= left_at + self.rtt.rto():
            return True
        self._timers.set(_RETRANSMIT, left_at + self.rtt.rto())  # others kept it waiting
        return False

    def retransmit(self) -> bool:
        """Make the oldest segment due again; False: it has been sent often enough."""
        oldest = self._outgoing.oldest()
        link = self._context.link
        self._timeouts += 1
        gone = self._timeouts > link.tries and not link.silence_ms  # else silence judges
        if oldest is None or gone or oldest.tries >= _MAX_TRIES:
            return False
        self.rtt.back_off()
        oldest.due = True
        return True

    def next_deadline(self) -> "int | None":
        """Return when one of the questions above should be asked, or None."""
        if self._stopped:
            return None
        return earliest((self._timers.next(), self._outgoing.next_expiry()))

    def stop(self) -> None:
        """Ask nothing any more."""
        self._timers = Timers(_TIMERS)
        self._stopped = True

    def _arm(self) -> None:
        oldest = self._outgoing.oldest()
        if oldest is None:
            self._timers.stop(_RETRANSMIT)
        else:
            self._timers.set(_RETRANSMIT, oldest.sent_at + self.rtt.rto())
