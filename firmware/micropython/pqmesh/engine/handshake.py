# SPDX-License-Identifier: MIT OR Apache-2.0
"""One handshake in progress: its state, its cryptography, and the message it is sending.

The legal moves are in handshake_states.py, the cryptography in hs_s.py and hs_k.py, retransmission
in sender.py and repeater.py. What decides between handshakes is in handshakes.py.
"""

from ..compat import TYPE_CHECKING, const
from ..limits import replace
from ..wire.handshake import HS_S, Params
from .front import NO_FRONT
from .handshake_states import PROVED, START, advance
from .hs_s import Initiator, Responder
from .sender import MessageSender
from .stats import Tally
from .timers import earliest

if TYPE_CHECKING:
    from ..credentials.ids import PeerKey
    from ..credentials.intake import Intake
    from ..limits import LinkProfile
    from . import hs_k
    from .caller import Caller
    from .context import Context
    from .front import Front
    from .hs_s import Outcome
    from .peering import Peering
    from .repeater import Repeater

_MAX_WINDOW = const(32)
_STALE_RTOS = const(8)  # of the least timeout: a silent half-open handshake may give way


def own_params(context: "Context") -> Params:
    """Return what we tell a peer we can take."""
    window = min(context.link.window, _MAX_WINDOW)
    return Params(min(context.limits.message_bytes, 0xFFFF), window, 0, bytes(4))


class Handshake:
    """Common to both roles; ``ours`` says whether we began it, that is which role is ours."""

    def __init__(self, context: "Context", ours: bool, now: int, mode: int = HS_S) -> None:
        self.ours = ours
        self.mode = mode
        self.handle = context.new_handle()
        self.cid = context.take_cid()
        self.state = START
        self.expect: "bytes | None" = None  # the PeerId our owner insists on
        self.tally = Tally()
        self.started_at = now
        self.expires_at = now + context.link.handshake_ms
        self.opened_at = now  # a peer's: when M1 began to arrive
        self.touched_at = now  # when the peer was last heard to make progress
        self.initiator: "Initiator | hs_k.Initiator | None" = None
        self.responder: "Responder | hs_k.Responder | None" = None
        self.sender: "MessageSender | Repeater | None" = None
        self.outcome: "Outcome | None" = None  # once the session is made
        self.front: "Front" = NO_FRONT
        self.drawn = b""  # ours: the nonce of our HELLO, if we have one
        self.caller: "Caller | None" = None  # ours: it called before M1
        self.peer: "PeerKey | None" = None  # ours, HS-K: the key we encapsulate to
        self.credential = b""  # a peer's, HS-K: the id of our key that it used
        self.intake: "Intake | None" = None  # a peer's, HS-K: its credential, as it arrives
        self.parts = 0  # HS-K: halves of a credential that were shown, or taken
        self.admitted = True  # a peer's: it may use the last place
        self.hint = ""  # what the silence may mean, said by somebody who proved nothing
        self.address = context.source  # of the peer on the link, as far as it is known
        self._mtu = context.link.mtu
        self._context = context

    def begin(self) -> Initiator:
        """Become initiator, with fresh secrets; also to begin again after yielding."""
        context = self._context
        self.initiator = Initiator(
            context.identity, context.crypto, context.entropy, own_params(context)
        )
        return self.initiator

    def begin_answer(self) -> Responder:
        """Become responder."""
        context = self._context
        self.responder = Responder(
            context.identity, context.crypto, context.entropy, own_params(context)
        )
        return self.responder

    def nonce(self) -> bytes:
        """Return what decides between crossed handshakes; empty while we are not initiator."""
        if self.drawn or not isinstance(self.initiator, Initiator):
            return self.drawn
        return self.initiator.nonce

    def limit_mtu(self, mtu: int) -> None:
        """Send no frame that is longer than the peer takes."""
        self._mtu = min(self._mtu, mtu)

    def goes_on_from(self, resumption: "Peering") -> None:
        """Bring about what HS-R did not: under its handle, its octets and its time included."""
        self.handle = resumption.handle
        self.tally = resumption.tally
        self.started_at = resumption.started_at

    def proved_peer(self) -> bytes:
        """Return whom M2 has proved, while our M3 is out; empty at any other time."""
        if self.state == PROVED and self.initiator is not None:
            return self.initiator.peer_id
        return b""

    def advance(self, what: int) -> None:
        """Move on in the table of handshake_states. :raises Unexpected: not from here"""
        self.state = advance(self.state, what)

    def send(self, message: bytes, number: int, now: int) -> None:
        """Send ``message`` until it is acknowledged; the one before it is done."""
        self.stop_sending()
        link = self._context.link
        if self._mtu < link.mtu:
            link = replace(link, mtu=self._mtu)
        self.sender = MessageSender(message, number, self.mode, link, self.tally)
        self.sender.start(self._context.tx, now)

    def say(self, frame: bytes, answer_bytes: int, now: int) -> None:
        """Send a frame until it is answered; the message before it is done."""
        from .repeater import Repeater

        self.stop_sending()
        self.sender = Repeater(self._context, frame, answer_bytes, self.tally, self.address)
        self.sender.start(self._context.tx, now)

    def stop_sending(self) -> None:
        """Send nothing more of the present message."""
        if self.sender is not None:
            self.sender.finished = True
            self.sender = None

    def retransmit(self, now: int) -> bool:
        """Repeat what has gone unanswered; returns False once that has gone on too long."""
        sender = self.sender
        if sender is None or sender.deadline is None or now < sender.deadline:
            return True
        return sender.on_timeout(self._context.tx, now, self._context.stats)

    def next_deadline(self) -> "int | None":
        """Return when the handshake next wants attention."""
        return earliest((self.expires_at, self.sender.deadline if self.sender else None))


def stalest_of(handshakes: "list[Handshake]", now: int, link: "LinkProfile") -> "Handshake | None":
    """Return the peer's handshake that has been silent longest, if that is long enough."""
    stalest: "Handshake | None" = None
    for handshake in handshakes:
        if not handshake.ours and (stalest is None or handshake.touched_at < stalest.touched_at):
            stalest = handshake
    if stalest is None or now < stalest.touched_at + _STALE_RTOS * link.min_rto_ms:
        return None
    return stalest
