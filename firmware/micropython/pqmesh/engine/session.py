# SPDX-License-Identifier: MIT OR Apache-2.0
"""One session: when it is open, what each frame does to it, how it ends.

    PENDING --first frame from the peer--> OPEN --close()--> CLOSING --Closed, or tries--> ENDED
       |                                    |
       +---------- Close from the peer -----+--> DRAINING (answers Close again) ---------> ENDED

PENDING is the initiator's between its M3 and the peer's M4; a responder's is admitted, or
refused with a Close, as soon as it is made. Any failure ends in ENDED at once. What is reliable
about the messages is in stream.py, what is secret about the frames in packets.py.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Exhausted, UsageError
from ..wire.session import (
    CLOSE,
    CLOSED,
    CONTROL,
    FLAG_ACK,
    NONE,
    PING,
    SEGMENT,
    Close,
    Closed,
    Ping,
)
from . import events
from .content import parse
from .packets import Packets
from .stream import Stream
from .timers import Timers, earliest

if TYPE_CHECKING:
    from ..record import Record
    from ..wire.layout import WireObject
    from ..wire.session import DataHeader
    from .content import Content
    from .context import Context
    from .hs_s import Outcome
    from .outgoing import Segment

PENDING = const(0)
OPEN = const(1)
CLOSING = const(2)
DRAINING = const(3)
ENDED = const(4)

_KEEPALIVE = const(0)  # nothing heard for a while: ask
_SILENCE = const(1)  # nothing heard for too long: give up
_CLOSE = const(2)  # our Close went unanswered, or draining is over
_TIMERS = const(3)

_CLOSE_TRIES = const(4)


class Session:
    """Made when the handshake has both keys. ``handle`` is the owner's name for it."""

    def __init__(
        self, context: "Context", handle: int, cids: "tuple[int, int]", outcome: "Outcome"
    ) -> None:
        self.handle = handle
        self.cid, self._peer_cid = cids
        self.peer_id = outcome.peer_id
        self.state = PENDING
        self.quiet = False  # the owner has had its last event
        self.ours = False  # whether we began it, and when; None: not by a full handshake
        self.began_at: "int | None" = None
        self.opened_at = 0
        self.address = b""  # on the link, where the peer's newest frame came from
        self._context = context
        self._packets = Packets(context.crypto, context.link, outcome)
        self._stream = Stream(context, outcome.params)
        self._longest = min(outcome.params.message_bytes, context.limits.message_bytes)
        self._timers = Timers(_TIMERS)
        self._reason = 0
        self._close_tries = 0
        self._defended_until = 0  # against forgeries: the last request's answer is awaited

    # Inputs

    def began(self, ours: bool, at: int) -> None:
        """It is made by a full handshake that one side began, and here began at this time."""
        self.ours = ours
        self.began_at = at

    def admit(self, now: int) -> None:
        """Open a PENDING session: both sides are proved."""
        self.state = OPEN
        self.opened_at = now
        self._heard(now)

    def send(
        self, payload: bytes, now: int, priority: int = 0, deadline: "int | None" = None
    ) -> int:
        """Queue a message; see Engine.send."""
        if len(payload) > self._longest:
            raise UsageError(
                "a message to this peer has at most %d bytes, not %d"
                % (self._longest, len(payload))
            )
        number = self._stream.push(bytes(payload), priority, deadline)
        self._pump(now)
        return number

    def close(self, reason: int, now: int) -> None:
        """Begin to close; see Engine.close."""
        if not 0 <= reason <= 255:
            raise UsageError("a reason is a number from 0 to 255")
        self._reason = reason
        self._leave(CLOSING)
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

    def open(self, header: "DataHeader", frame: bytes, now: int) -> "Content":
        """Verify and parse a frame. The replay window has moved when this returns.

        :raises ProtocolError: replayed, forged, or malformed inside
        """
        try:
            plaintext = self._packets.open(header, frame, now)
        except (BadTag, Exhausted):
            self._defend(now)
            raise
        if self._packets.newest:
            self._follow(self._context.source)
        return parse(header.kind, plaintext)

    def take(self, content: "Content", now: int) -> None:
        """Act on a verified frame.

        :raises ProtocolError: it asks for something this state or the limits forbid
        """
        self._heard(now)
        if content.control is not None and self._on_control(content.control, now):
            return
        if self.state != OPEN:
            return
        if content.ack is not None:
            for number, elapsed in self._stream.on_ack(content.ack, now):
                self._say(events.Delivered(self.handle, number, elapsed))
        if content.segment is not None:
            for payload in self._stream.on_segment(content.segment, content.data, now):
                self._say(events.Received(self.handle, payload))
        self._pump(now)

    def handle_timeout(self, now: int) -> None:
        """Do what has fallen due."""
        self._packets.ratchet.handle_timeout(now)
        if self._timers.expired(_SILENCE, now):
            self._lose("the peer went silent")
        if self._timers.expired(_CLOSE, now):
            self._on_close_timeout(now)
        if self._stream.ack_due(now):
            self._transmit(NONE, b"", now)
        if self._stream.retransmit_due(now):
            self._on_retransmit_timeout(now)
        else:
            self._pump(now)  # for the deadlines of messages
        if self._timers.expired(_KEEPALIVE, now):
            self._ask(now)
            self._timers.set(_KEEPALIVE, now + self._context.link.ping_again_ms())

    def next_deadline(self) -> "int | None":
        """Return when handle_timeout is wanted, or None."""
        return earliest(
            (
                self._timers.next(),
                self._stream.next_deadline(),
                self._packets.ratchet.next_deadline(),
            )
        )

    def replaced(self, reason: int) -> None:
        """End at once: the same peer has opened a newer session."""
        self._end(events.Closed(self.handle, reason, True))

    def discard(self) -> None:
        """End at once and say nothing: the owner is told otherwise. The keys are erased."""
        self._leave(ENDED)
        self._packets.ratchet.erase()

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
            self._leave(DRAINING)
            self._transmit(CONTROL, Closed(CLOSED).encode(), now)
            self._end(events.Closed(self.handle, self._reason, False))
            return
        if self.state != DRAINING:
            self._say(events.Closed(self.handle, close.reason, True))
            self._leave(DRAINING)
            self._timers.set(_CLOSE, now + _CLOSE_TRIES * self._stream.rtt.rto())
        self._transmit(CONTROL, Closed(CLOSED).encode(), now)

    def _follow(self, address: bytes) -> None:
        """The newest frame of the peer came from this link address; empty: there are none."""
        if not address or address == self.address:
            return
        if self.address and self.state == OPEN:
            self._say(events.Moved(self.handle, address))
        self.address = address

    def _defend(self, now: int) -> None:
        """Forgeries wear out a key of the peer's: have it take the next one.

        Needs no timer. What is forged, and what the peer repeats in vain, brings us here.
        """
        ratchet = self._packets.ratchet
        if self.state != OPEN or now < self._defended_until or not ratchet.threatened():
            return
        ratchet.step()  # else the peer already has a step of ours to follow
        self._defended_until = self._ask(now) + self._stream.rtt.rto()

    # Frames out

    def _pump(self, now: int) -> None:
        """Send what the window allows, then a pending acknowledgement that nothing carried."""
        for number in self._stream.expire(now) if self.state == OPEN else ():
            self._say(events.Expired(self.handle, number))
        while self.state == OPEN:
            segment = self._stream.next_due()
            if segment is None:
                break
            packet = self._packets.next_number
            left_at = self._transmit(SEGMENT, segment.body(), now, segment)
            if self.state == OPEN:
                self._stream.sent(segment, packet, left_at, now)
        if self._stream.ack_due(now):
            self._transmit(NONE, b"", now)

    def _transmit(
        self, content: int, body: bytes, now: int, segment: "Segment | None" = None
    ) -> int:
        """Seal and queue one frame; return when it should have left the link."""
        if self._packets.worn_out():
            self._lose("the key has sealed all the frames it may")
            return now
        ack = self._stream.take_ack()
        kind = content | FLAG_ACK if ack else content
        frame = self._packets.seal(kind, self._peer_cid, ack + body, now)
        if content == SEGMENT or self.state == CLOSING:  # in turn, and a Close after them
            return self._context.tx.put_message(self.cid, frame, now, self.address, segment)
        return self._context.tx.put(frame, now, self.address, content == CONTROL)

    def _ask(self, now: int) -> int:
        return self._transmit(CONTROL, Ping(PING).encode(), now)

    def _send_close(self, now: int) -> None:
        self._close_tries += 1
        left_at = self._transmit(CONTROL, Close(CLOSE, self._reason).encode(), now)
        self._timers.set(_CLOSE, left_at + self._stream.rtt.rto())

    # Timers

    def _heard(self, now: int) -> None:
        link = self._context.link
        self._stream.heard()
        if link.keepalive_ms and self.state == OPEN:
            self._timers.set(_KEEPALIVE, now + link.keepalive_ms)
        if link.silence_ms and self.state == OPEN:
            self._timers.set(_SILENCE, now + link.silence_ms)

    def _on_retransmit_timeout(self, now: int) -> None:
        if self._stream.retransmit():
            self._pump(now)
        else:
            self._lose("no acknowledgement")

    def _on_close_timeout(self, now: int) -> None:
        if self.state == CLOSING and self._close_tries < _CLOSE_TRIES:
            self._stream.rtt.back_off()
            self._send_close(now)
        else:
            self._end(events.Closed(self.handle, self._reason, False))

    # Endings

    def _leave(self, state: int) -> None:
        """Enter a state in which no message goes on and no timer of the old one counts."""
        self.state = state
        self._timers = Timers(_TIMERS)
        self._stream.stop()
        if state != CLOSING:
            self._context.tx.drop(self.cid)

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
