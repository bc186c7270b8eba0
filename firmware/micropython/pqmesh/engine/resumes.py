# SPDX-License-Identifier: MIT OR Apache-2.0
"""All resumptions (HS-R) of one engine: when one may begin, which gives way, what comes of it.

    our connect      R1, again after a timeout, of the other generation where there are two;
                     unanswered for long enough: the full handshake, under the same handle
    the peer's R1    R2, the identical one for a repeated nonce
    crossed R1s      the smaller PeerId's goes first (resumption.py); the other side answers and
                     its handle names the session. If R3 does not come, it begins again
    R1 and M1        whichever ends first gives its session to both handles. A full handshake
                     whose M3 is out goes first, and every full handshake resets the ratchet

Nothing that is not authenticated moves anything here: there is no message for "unknown ticket",
only silence, and silence leads to the stronger handshake. All work is symmetric, so ``receive``
does it.
"""

from ..compat import TYPE_CHECKING
from ..errors import Busy, Exhausted, Unexpected
from ..wire.handshake import NONCE_BYTES
from ..wire.layout import decode
from ..wire.resumption import RESUME_BYTES, Resumed, decode_resume
from ..wire.session import HEADER_BYTES
from . import events
from .admission import objection
from .hs_r import Initiator, Responder
from .peering import Answer, Peering
from .resumption import Pending
from .session import ENDED, Session
from .tickets import Ticket, worn_out
from .timers import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context
    from .handshakes import HandshakeTable
    from .hs_s import Outcome
    from .sessions import SessionTable
    from .stats import Tally
    from .tickets import Tickets


class ResumeTable:
    """At most ``limits.half_open`` under way, and one unconfirmed session per peer of ours.

    Full: an answer that the peer has had three times without going on gives way.
    """

    def __init__(
        self,
        context: "Context",
        handshakes: "HandshakeTable",
        sessions: "SessionTable",
        trust: "Callable[[bytes], bool] | None",
        tickets: "Tickets",
    ) -> None:
        self._context = context
        self._handshakes = handshakes
        self._sessions = sessions
        self._trust = trust
        self._tickets = tickets
        self._alone = context.link.point_to_point
        self._all: "list[Peering]" = []

    # Inputs

    def connect(self, now: int, expect: "bytes | None") -> int:
        """Begin to resume with ``expect``; returns 0 when it is the full handshake's turn.

        :raises Busy: one is under way already
        """
        for other in self._all:
            if other.handle and (self._alone or other.peer_id == expect):
                raise Busy("a resumption with this peer is under way")
        busy = self._handshakes.next_deadline() is not None  # every handshake has one
        if expect is None or (self._alone and busy):
            return 0
        peering = self._peering(expect)
        if peering is None or self._worn_out(peering) or not self._make_room(peering):
            return 0
        peering.connect(now)
        self._context.stats.handshakes_started += 1
        if peering.answer is not None and not peering.answer.settled():  # the peer was first
            peering.handle = peering.answer.session.handle
        else:
            peering.send_r1(now)
        self._keep(peering)
        return peering.handle

    def abandon(self, handle: int) -> bool:
        """Give up the connect of this handle; returns False when it is none of ours."""
        for peering in self._all:
            if peering.handle == handle:
                self._refuse(peering, "given up by its owner", None)
                return True
        return False

    def on_resume(self, frame: bytes, now: int) -> None:
        """Take R1.

        :raises ProtocolError: it is not answered; the peer will try again, or otherwise
        """
        resume = decode_resume(frame)
        peer_id = self._tickets.find(resume.ticket)
        peering = None if peer_id is None else self._peering(peer_id)
        base = None if peering is None else peering.generation(resume.ticket)
        if peering is None or base is None:
            raise Unexpected("a ticket that is not known here")
        responder = Responder(base, peering.names(False), frame)
        answer = peering.answer
        if answer is not None and peering.ratchet.repeated(resume.nonce, base) is not None:
            answer.tally.received += len(frame)
            peering.send_r2(answer, now)
            return
        self._check(peering, base)
        self._answer(peering, responder, base, now)

    def on_resumed(self, frame: bytes, now: int) -> None:
        """Take R2.

        :raises ProtocolError: it does not answer an R1 of ours
        """
        resumed = decode(Resumed, frame)
        for peering in self._all:
            session = peering.unconfirmed
            if session is not None and session.state != ENDED and peering.r2 == frame:
                session.repeat(now)  # R3 was lost
                return
            initiator = peering.initiator
            if initiator is not None and initiator.cid == resumed.to:
                self._on_answer(peering, initiator, frame, now)
                return
        raise Unexpected("R2 for no resumption of ours")

    def on_frame(self, session: Session, now: int) -> None:
        """A frame of ``session`` has verified: it may be R3, or the first one after our R3."""
        for peering in self._all:
            answer = peering.answer
            if answer is not None and answer.session is session:
                self._admit(peering, answer, now)
                return
            if peering.unconfirmed is session:
                peering.confirmed()
                self._sweep()
                return

    def full_handshake(self, session: Session, outcome: "Outcome") -> None:
        """HS-S has opened ``session``: its secret replaces all there was for this peer."""
        peering = self._find(session.peer_id)
        if peering is None:
            params = outcome.params.encode()
            now_s = self._tickets.now_s()
            self._tickets.save(
                Ticket(session.peer_id, outcome.resumption, None, 0, params, now_s, now_s, 0)
            )
            return
        peering.reset(outcome)
        if peering.handle == session.handle:
            peering.handle = 0
        peering.unconfirmed = None
        self._refuse(peering, "a full handshake with this peer came about", session.peer_id)

    def handle_of(self, peer_id: bytes) -> int:
        """Return the handle of our open connect to this peer, or 0."""
        peering = self._find(peer_id)
        return 0 if peering is None else peering.handle

    def handle_timeout(self, now: int) -> None:
        """Send again, and give up, what has fallen due."""
        for peering in list(self._all):
            answer = peering.answer
            if answer is not None and now >= answer.deadline:
                self._on_silence(peering, answer, now)
            if peering.attempt_due(now):
                self._try(peering, now)
        self._sweep()

    def next_deadline(self) -> "int | None":
        """Return when handle_timeout is wanted, or None."""
        return earliest([peering.next_deadline() for peering in self._all])

    # Initiator

    def _try(self, peering: Peering, now: int) -> None:
        """Send R1 again, or turn to the full handshake."""
        if peering.send_r1(now):
            return
        peering.drop_attempt()
        try:
            self._handshakes.connect(now, peering.peer_id, peering)
        except Busy as busy:
            self._refuse(peering, "no answer, and no full handshake: %s" % busy, None)
            return
        self._context.stats.handshakes_failed += 1
        peering.handle = 0

    def _on_answer(self, peering: Peering, initiator: Initiator, r2: bytes, now: int) -> None:
        outcome = initiator.verify(r2)
        peering.tally.received += len(r2)
        fault = objection(peering.peer_id, None, self._trust)
        if fault:
            self._refuse(peering, fault, peering.peer_id)
            return
        cids = (initiator.cid, initiator.peer_cid)
        session = Session(self._context, peering.handle, cids, outcome)
        peering.answered(outcome)
        peering.unconfirmed = session
        peering.r2 = r2
        self._sessions.add(session)
        peering.tally.sent += self._empty_bytes()
        self._established(session, True, peering.tally, peering.started_at, now)
        session.confirm(now)  # R3

    # Responder

    def _check(self, peering: Peering, base: bytes) -> None:
        """:raises ProtocolError: this R1, though genuine, is not answered now"""
        if self._worn_out(peering):
            raise Exhausted("a full handshake is due")
        if self._handshakes.proving(peering.peer_id):
            raise Unexpected("a full handshake with this peer is nearly done")
        if not peering.ratchet.may_answer(base):
            raise Unexpected("crossed resumptions, and ours goes first")
        fault = objection(peering.peer_id, None, self._trust)
        if fault:
            raise Unexpected(fault)
        if self._sessions.full_for(peering.peer_id) or not self._make_room(peering):
            raise Exhausted("no room for another session")

    def _answer(self, peering: Peering, responder: Responder, base: bytes, now: int) -> None:
        context = self._context
        cid = context.take_cid()
        nonce = context.entropy(NONCE_BYTES)
        r2, outcome = responder.answer(cid, nonce)
        pending = Pending(responder.nonce, nonce, base, outcome.resumption)
        handle = peering.handle or context.new_handle()
        session = Session(context, handle, (cid, responder.peer_cid), outcome)
        session.quiet = True  # the owner does not know it before R3
        answer = Answer(session, r2, now)
        answer.tally.received += RESUME_BYTES
        peering.answering(answer, pending, now)
        self._sessions.add(session)
        self._keep(peering)

    def _admit(self, peering: Peering, answer: Answer, now: int) -> None:
        """R3 has come: the ratchet moves first, then the owner is told."""
        session = answer.session
        peering.commit()
        session.handle = self._handshakes.give_way(peering.peer_id) or session.handle
        session.quiet = False
        answer.tally.received += self._empty_bytes()
        self._established(session, False, answer.tally, answer.started_at, now)
        self._sweep()

    def _on_silence(self, peering: Peering, answer: Answer, now: int) -> None:
        if not answer.settled():
            peering.repeat_r2(answer, now)
        elif not peering.handle and now < answer.expires_at:
            answer.deadline = answer.expires_at  # its first frame may still be R3
        else:
            peering.drop_answer()
            if peering.handle:
                self._try(peering, now)

    # Both

    def _established(
        self, session: Session, ours: bool, tally: "Tally", started_at: int, now: int
    ) -> None:
        session.admit(now)
        self._sessions.replace_others(session)
        self._context.stats.handshakes_finished += 1
        self._context.stats.handshakes_resumed += 1
        self._context.events.append(
            events.Established(
                session.handle,
                session.peer_id,
                ours,
                tally.sent,
                tally.received,
                now - started_at,
            )
        )

    def _refuse(self, peering: Peering, reason: str, peer_id: "bytes | None") -> None:
        """End what is under way with a peer; tell the owner if it waits for it."""
        peering.drop_answer()
        peering.drop_attempt()
        if peering.handle:
            self._context.stats.handshakes_failed += 1
            self._context.events.append(events.Refused(peering.handle, reason, peer_id))
        peering.handle = 0
        self._sweep()

    def _empty_bytes(self) -> int:
        return HEADER_BYTES + self._context.link.tag_bytes

    # Tables

    def _find(self, peer_id: bytes) -> "Peering | None":
        for peering in self._all:
            if peering.peer_id == peer_id:
                return peering
        return None

    def _peering(self, peer_id: bytes) -> "Peering | None":
        """Return what is under way with a peer, or what its ticket allows to begin."""
        peering = self._find(peer_id)
        if peering is not None:
            return peering
        ticket = self._tickets.load(peer_id)
        return None if ticket is None else Peering(self._context, self._tickets, ticket)

    def _worn_out(self, peering: Peering) -> bool:
        return worn_out(peering.ticket(), self._tickets.now_s())

    def _keep(self, peering: Peering) -> None:
        if peering not in self._all:
            self._all.append(peering)

    def _make_room(self, peering: Peering) -> bool:
        """Whether one more may be under way; an answer the peer ignores gives way to it."""
        others = [other for other in self._all if other is not peering and other.busy()]
        if len(others) < self._context.limits.half_open:
            return True
        for other in others:
            if not other.handle and other.answer is not None and other.answer.settled():
                other.drop_answer()
                self._sweep()
                return True
        return False

    def _sweep(self) -> None:
        """Forget the peers with whom nothing is under way."""
        for peering in self._all:
            if peering.unconfirmed is not None and peering.unconfirmed.state == ENDED:
                peering.unconfirmed = None
            if peering.answer is not None and peering.answer.session.state == ENDED:
                peering.drop_answer()
        self._all = [peering for peering in self._all if not peering.idle()]
