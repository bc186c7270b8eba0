# SPDX-License-Identifier: MIT OR Apache-2.0
"""One session: sealed frames in both directions, reliable messages, keepalive, close.

    PENDING --first frame from the peer--> OPEN --close()--> CLOSING --Closed, or tries--> ENDED
       |                                    |
       +---------- Close from the peer -----+--> DRAINING (answers Close again) ---------> ENDED

PENDING is the initiator's between its M3 and the peer's M4; a responder's is admitted, or
refused with a Close, as soon as it is made. Any failure ends in ENDED at once.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Malformed, UsageError
from ..wire.layout import decode_at
from ..wire.session import (
    ACK_BYTES,
    CLOSE,
    CLOSED,
    CONTENT_MASK,
    CONTROL,
    FLAG_ACK,
    HEADER_BYTES,
    LAST,
    NONE,
    PING,
    SEGMENT,
    SEGMENT_BYTES,
    SEQUENCE_MASK,
    AckBlock,
    Close,
    Closed,
    DataHeader,
    Ping,
    SegmentHeader,
    decode_control,
)
from . import events
from .incoming import ReceiveWindow
from .outgoing import SendWindow
from .packets import Packets
from .rtt import RttEstimator
from .timers import Timers

if TYPE_CHECKING:
    from ..record import Record
    from ..wire.layout import WireObject
    from .context import Context
    from .hs_s import Outcome

PENDING = const(0)
OPEN = const(1)
CLOSING = const(2)
DRAINING = const(3)
ENDED = const(4)

_ACK = const(0)  # an acknowledgement has waited long enough for company
_RETRANSMIT = const(1)  # the oldest segment in flight went unanswered
_KEEPALIVE = const(2)  # nothing heard for a while: ask
_SILENCE = const(3)  # nothing heard for too long: give up
_CLOSE = const(4)  # our Close went unanswered, or draining is over
_TIMERS = const(5)

_CLOSE_TRIES = const(4)
_MAX_TRIES = const(40)  # of one segment, when the peer is there but never acknowledges it


class Content:
    """A verified frame, parsed: nothing about it has been acted on yet."""

    def __init__(self) -> None:
        self.ack: "AckBlock | None" = None
        self.segment: "SegmentHeader | None" = None
        self.data: memoryview = memoryview(b"")
        self.control: "WireObject | None" = None


class Session:
    """Made when the handshake has both keys. ``handle`` is the owner's name for it."""

    def __init__(
        self, context: "Context", handle: int, cids: "tuple[int, int]", outcome: "Outcome"
    ) -> None:
        link = context.link
        self.handle = handle
        self.cid, self._peer_cid = cids
        self.peer_id = outcome.peer_id
        self.state = PENDING
        self.quiet = False  # the owner has had its last event
        self._context = context
        self._packets = Packets(context.crypto, link, outcome)
        self._rtt = RttEstimator(link.initial_rto_ms(), link.min_rto_ms, link.max_rto_ms)
        segment_bytes = link.mtu - HEADER_BYTES - ACK_BYTES - SEGMENT_BYTES - link.tag_bytes
        window = min(link.window, max(outcome.params.window, 1))
        self._outgoing = SendWindow(segment_bytes, window, link.reorder_frames, context.limits)
        self._incoming = ReceiveWindow(link.window, context.limits.message_bytes)
        self._longest = min(outcome.params.message_bytes, context.limits.message_bytes)
        self._timers = Timers(_TIMERS)
        self._unacknowledged = 0  # segments taken since our last AckBlock
        self._reason = 0
        self._close_tries = 0
        self._timeouts = 0  # of the retransmission timer, since the peer was last heard

    # Inputs

    def admit(self, now: int) -> None:
        """Open a PENDING session: both sides are proved."""
        self.state = OPEN
        self._heard(now)

    def send(self, payload: bytes, now: int) -> int:
        """Queue a message; see Engine.send."""
        if len(payload) > self._longest:
            raise UsageError(
                "a message to this peer has at most %d bytes, not %d"
                % (self._longest, len(payload))
            )
        number = self._outgoing.push(bytes(payload))
        self._pump(now)
        return number

    def close(self, reason: int, now: int) -> None:
        """Begin to close; see Engine.close."""
        if not 0 <= reason <= 255:
            raise UsageError("a reason is a number from 0 to 255")
        self.state = CLOSING
        self._reason = reason
        self._timers = Timers(_TIMERS)
        self._send_close(now)

    def confirm(self, now: int) -> None:
        """Send an empty frame: the handshake's M4, or the answer to a Ping."""
        self._transmit(NONE, b"", now)

    def repeat(self, now: int) -> None:
        """The peer asks for M3's answer again: it gets M4 again, or the refusal."""
        if self.state == OPEN:
            self.confirm(now)
        elif self.state == CLOSING:
            self._transmit(CONTROL, Close(CLOSE, self._reason).encode(), now)

    def open(self, header: DataHeader, frame: bytes) -> Content:
        """Verify and parse a frame. The replay window has moved when this returns.

        :raises ProtocolError: replayed, forged, or malformed inside
        """
        try:
            plaintext = self._packets.open(header, frame)
        except BadTag:
            if self._packets.under_attack():
                self._lose("too many forged frames for one key")
            raise
        return _parse(header.kind, plaintext)

    def take(self, content: Content, now: int) -> None:
        """Act on a verified frame.

        :raises ProtocolError: it asks for something this state or the limits forbid
        """
        self._heard(now)
        if content.control is not None and self._on_control(content.control, now):
            return
        if self.state != OPEN:
            return
        if content.ack is not None:
            self._on_ack(content.ack, now)
        if content.segment is not None:
            self._on_segment(content.segment, content.data, now)
        self._pump(now)

    def handle_timeout(self, now: int) -> None:
        """Do what has fallen due."""
        if self._timers.expired(_SILENCE, now):
            self._lose("the peer went silent")
        if self.state == ENDED:
            return
        if self._timers.expired(_CLOSE, now):
            self._on_close_timeout(now)
        if self._timers.expired(_ACK, now):
            self._transmit(NONE, b"", now)
        if self._timers.expired(_RETRANSMIT, now):
            self._on_retransmit_timeout(now)
        if self._timers.expired(_KEEPALIVE, now):
            self._transmit(CONTROL, Ping(PING).encode(), now)
            self._timers.set(_KEEPALIVE, now + self._context.link.ping_again_ms())

    def next_deadline(self) -> "int | None":
        """Return when handle_timeout is wanted, or None."""
        return self._timers.next()

    def replaced(self, reason: int) -> None:
        """End at once: the same peer has opened a newer session."""
        self._end(events.Closed(self.handle, reason, True))

    def discard(self) -> None:
        """End at once and say nothing: the owner is told otherwise."""
        self.state = ENDED
        self._timers = Timers(_TIMERS)

    # Frames in

    def _on_control(self, control: "WireObject", now: int) -> bool:
        """Returns True when there is nothing more to do with the frame."""
        if isinstance(control, Close):
            self._on_close(control, now)
            return True
        if isinstance(control, Closed):
            if self.state == CLOSING:
                self._end(events.Closed(self.handle, self._reason, False))
            return True
        if self.state == OPEN:
            self.confirm(now)
        return False

    def _on_close(self, close: Close, now: int) -> None:
        if self.state == CLOSING:  # both at once: both answer, both are done
            self._transmit(CONTROL, Closed(CLOSED).encode(), now)
            self._end(events.Closed(self.handle, self._reason, False))
            return
        if self.state != DRAINING:
            self._say(events.Closed(self.handle, close.reason, True))
            self.state = DRAINING
            self._timers = Timers(_TIMERS)
            self._timers.set(_CLOSE, now + _CLOSE_TRIES * self._rtt.rto())
        self._transmit(CONTROL, Closed(CLOSED).encode(), now)

    def _on_ack(self, ack: AckBlock, now: int) -> None:
        self._outgoing.check(ack)
        result = self._outgoing.acknowledge(ack, now)
        if result.rtt is not None:
            self._rtt.sample(result.rtt)
        for number, elapsed in result.delivered:
            self._say(events.Delivered(self.handle, number, elapsed))
        if result.progress:
            self._arm_retransmit()

    def _on_segment(self, header: SegmentHeader, data: memoryview, now: int) -> None:
        last = bool(header.sequence & LAST)
        for payload in self._incoming.accept(header.sequence & SEQUENCE_MASK, last, data):
            self._say(events.Received(self.handle, payload))
        self._unacknowledged += 1
        link = self._context.link
        if last or not self._incoming.in_order or self._unacknowledged >= link.ack_every:
            self._timers.set(_ACK, now)
        elif not self._timers.running(_ACK):
            self._timers.set(_ACK, now + link.ack_delay_ms)

    # Frames out

    def _pump(self, now: int) -> None:
        """Send what the window allows, then a pending acknowledgement that nothing carried."""
        if self.state != OPEN:
            return
        while True:
            segment = self._outgoing.next_due()
            if segment is None:
                break
            if segment.tries:
                self._context.stats.frames_retransmitted += 1
            packet = self._packets.next_number
            left_at = self._transmit(SEGMENT, segment.body(), now)
            if self.state != OPEN:
                return
            self._outgoing.sent(segment, packet, left_at, now)
            self._arm_retransmit()
        if self._timers.expired(_ACK, now):
            self._transmit(NONE, b"", now)

    def _transmit(self, content: int, body: bytes, now: int) -> int:
        """Seal and queue one frame; return when it should have left the link."""
        if self._packets.worn_out():
            self._lose("the key has sealed all the frames it may")
            return now
        kind = content
        plaintext = body
        if self._unacknowledged:
            kind |= FLAG_ACK
            plaintext = self._incoming.ack_block().encode() + body
            self._unacknowledged = 0
            self._timers.stop(_ACK)
        frame = self._packets.seal(kind, self._peer_cid, plaintext)
        return self._context.tx.put(frame, now)

    def _send_close(self, now: int) -> None:
        self._close_tries += 1
        left_at = self._transmit(CONTROL, Close(CLOSE, self._reason).encode(), now)
        self._timers.set(_CLOSE, left_at + self._rtt.rto())

    # Timers

    def _heard(self, now: int) -> None:
        link = self._context.link
        self._timeouts = 0
        if link.keepalive_ms and self.state == OPEN:
            self._timers.set(_KEEPALIVE, now + link.keepalive_ms)
        if link.silence_ms and self.state == OPEN:
            self._timers.set(_SILENCE, now + link.silence_ms)

    def _arm_retransmit(self) -> None:
        oldest = self._outgoing.oldest()
        if oldest is None:
            self._timers.stop(_RETRANSMIT)
        else:
            self._timers.set(_RETRANSMIT, oldest.sent_at + self._rtt.rto())

    def _on_retransmit_timeout(self, now: int) -> None:
        oldest = self._outgoing.oldest()
        if oldest is None:
            return
        self._timeouts += 1
        link = self._context.link
        gone = self._timeouts > link.tries and not link.silence_ms  # else _SILENCE judges
        if gone or oldest.tries >= _MAX_TRIES:
            self._lose("no acknowledgement")
            return
        self._rtt.back_off()
        oldest.due = True
        self._pump(now)

    def _on_close_timeout(self, now: int) -> None:
        if self.state == CLOSING and self._close_tries < _CLOSE_TRIES:
            self._rtt.back_off()
            self._send_close(now)
        else:
            self._end(events.Closed(self.handle, self._reason, False))

    # Endings

    def _lose(self, reason: str) -> None:
        self._end(events.Lost(self.handle, reason))

    def _end(self, last: "Record") -> None:
        self._say(last)
        self.discard()

    def _say(self, event: "Record") -> None:
        """Tell the owner, unless it has been told the end already."""
        if not self.quiet:
            self._context.events.append(event)
            self.quiet = isinstance(event, (events.Closed, events.Lost))


def _parse(kind: int, plaintext: bytes) -> Content:
    view = memoryview(plaintext)
    at = 0
    content = Content()
    if kind & FLAG_ACK:
        content.ack, at = decode_at(AckBlock, view, at)
    if kind & CONTENT_MASK == SEGMENT:
        content.segment, at = decode_at(SegmentHeader, view, at)
        content.data = view[at:]
    elif kind & CONTENT_MASK == CONTROL:
        content.control = decode_control(view, at)
    elif at != len(view):
        raise Malformed("%d bytes of no content" % (len(view) - at))
    return content
