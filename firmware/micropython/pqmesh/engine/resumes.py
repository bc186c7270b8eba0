# SPDX-License-Identifier: MIT OR Apache-2.0
"""All resumptions of one engine: when one may begin, which gives way, what comes of it.

    our connect      R1, again after a timeout, of the other generation where there are two;
                     unanswered for long enough: the next mode (healing.py), and after the last
                     the full handshake, under the same handle
    the peer's R1    R2, the identical one for a repeated nonce; none for an older nonce
    crossed R1s      one that heals goes first, else the smaller PeerId's (resumption.py); the
                     other side answers and its handle names the session. If R3 does not come, it
                     begins again
    R1 and M1        whichever ends first gives its session to both handles. A full handshake
                     whose M3 is out goes first, and every full handshake resets the ratchet

Nothing that is not authenticated moves anything here: there is no message for "unknown ticket",
only silence, and silence leads to the stronger handshake. The work of HS-R is symmetric, so
``receive`` does it; that of HS-RK and HS-RP is queued in heals.py.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Busy, Exhausted, Replayed, Unexpected
from ..wire.handshake import HS_RP, NONCE_BYTES
from ..wire.layout import decode
from ..wire.resumption import HS_R, RESUME_BYTES, Resumed, decode_resume
from ..wire.session import HEADER_BYTES
from . import events
from .admission import objection
from .answer import Answer
from .healing import full_due, healing_modes, modes
from .hs_r import Responder
from .peerings import Peerings
from .resumption import Pending
from .session import ENDED, Session
from .tickets import Ticket, worn_out
from .timers import earliest

_REMEMBERED = const(4)  # nonces answered, per half-open one
_WAITED_FOR = const(2)  # silences of a peer whose attempt our owner waits for

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..credentials.keyring import Keyring
    from .context import Context
    from .floors import Floors
    from .flows import FlowTable
    from .handshakes import HandshakeTable
    from .heals import HealTable, Prekeys
    from .hs_s import Outcome
    from .peering import Peering
    from .sessions import SessionTable
    from .stats import Tally
    from .tickets import Tickets


class ResumeTable:
    """At most ``limits.half_open`` under way, and one unconfirmed session per peer of ours."""

    def __init__(
        self,
        context: "Context",
        handshakes: "HandshakeTable",
        sessions: "SessionTable",
        trust: "Callable[[bytes], bool] | None",
        tickets: "Tickets",
        flows: "FlowTable",
        keyring: "Keyring | None" = None,
        prekeys: "Prekeys | None" = None,
        floors: "Floors | None" = None,
    ) -> None:
        self._context = context
        self._handshakes = handshakes
        self._sessions = sessions
        self._trust = trust
        self._tickets = tickets
        self._alone = context.link.point_to_point
        self._keyring = keyring
        self._prekeys = prekeys
        self._floors = floors
        self._peerings = Peerings(context, tickets)
        self._answered: "list[bytes]" = []  # nonces of R1s, newest last
        self._flows = flows
        self.healing: "HealTable | None" = None  # since the first message of HS-RK or HS-RP

    @property
    def heals(self) -> "HealTable":
        """The messages of HS-RK and HS-RP. A board pays for them when the first one comes."""
        if self.healing is None:
            from .heals import HealTable

            self.healing = HealTable(
                self._context, self._flows, self._peerings, self, self._prekeys
            )
        return self.healing

    # Inputs

    def connect(self, now: int, expect: "bytes | None", heal: bool = False) -> int:
        """Begin to resume with ``expect``; returns 0 when it is the full handshake's turn.

        :param heal: take in a KEM secret, whether it is due or not
        :raises Busy: one is under way already
        """
        for other in self._peerings.all:
            if other.handle and (self._alone or other.peer_id == expect):
                raise Busy("a resumption with this peer is under way")
        busy = self._handshakes.next_deadline() is not None  # every handshake has one
        if expect is None or (self._alone and busy):
            return 0
        peering = self._peerings.of(expect)
        if peering is None or not self._peerings.make_room(peering):
            return 0
        wanted = self._modes(peering, heal)
        if not wanted:
            return 0
        peering.connect(now, wanted)
        self._context.stats.handshakes_started += 1
        answer = peering.answer
        weaker = wanted[0] != HS_R and answer is not None and answer.mode == HS_R
        if answer is not None and not (weaker or answer.settled()):  # the peer was first
            peering.handle = answer.session.handle
        else:
            self._try(peering, now)
        self._peerings.keep(peering)
        return peering.handle

    def abandon(self, handle: int) -> bool:
        """Give up the connect of this handle; returns False when it is none of ours."""
        for peering in self._peerings.all:
            if peering.handle == handle:
                self._refuse(peering, "given up by its owner", None)
                return True
        return False

    def on_resume(self, frame: bytes, now: int) -> None:
        """Take R1.

        :raises ProtocolError: it is not answered; the peer will try again, or otherwise
        """
        resume = decode_resume(frame)
        peering, base = self._peerings.holder(resume.ticket)
        responder = Responder(base, peering.names(False), frame)
        answer = peering.answer
        if answer is not None and peering.ratchet.repeated(resume.nonce, base) is not None:
            answer.tally.received += len(frame)
            answer.send(self._context, now)
            return
        self.check(peering, base, resume.nonce, HS_R)
        cid = self._context.take_cid()
        nonce = self._context.entropy(NONCE_BYTES)
        r2, outcome = responder.answer(cid, nonce)
        handle = self._context.new_handle()
        session = self.draft(peering, handle, (cid, responder.peer_cid), outcome)
        answer = Answer(session, r2, now)
        answer.tally.received += RESUME_BYTES
        pending = Pending(resume.nonce, nonce, base, outcome.resumption, False)
        self.answer(peering, answer, pending, now)

    def on_resumed(self, frame: bytes, now: int) -> None:
        """Take R2.

        :raises ProtocolError: it does not answer an R1 of ours
        """
        resumed = decode(Resumed, frame)
        for peering in self._peerings.all:
            session = peering.unconfirmed
            if session is not None and session.state != ENDED and peering.r2 == frame:
                session.repeat(now)  # R3 was lost
                return
            initiator = peering.initiator
            if initiator is not None and initiator.cid == resumed.to:
                outcome = initiator.verify(frame)
                peering.tally.received += len(frame)
                cids = (initiator.cid, initiator.peer_cid)
                self.accept(peering, cids, outcome, frame, now)
                return
        raise Unexpected("R2 for no resumption of ours")

    def on_frame(self, session: Session, now: int) -> None:
        """A frame of ``session`` has verified: it may be R3, or the first one after our R3."""
        for peering in self._peerings.all:
            answer = peering.answer
            if answer is not None and answer.session is session:
                self._admit(peering, answer, now)
                return
            if peering.unconfirmed is session:
                peering.confirmed()
                self._peerings.sweep()
                return

    def full_handshake(self, session: Session, outcome: "Outcome") -> None:
        """One has opened ``session``: its secret replaces all there was for this peer."""
        peering = self._peerings.find(session.peer_id)
        epoch = self._epoch_of(session.peer_id)
        if peering is None:
            params = outcome.params.encode()
            now_s = self._tickets.now_s()
            self._tickets.save(
                Ticket(session.peer_id, outcome.resumption, None, 0, params, now_s, now_s, epoch)
            )
            return
        peering.reset(outcome, epoch)
        if peering.handle == session.handle:
            peering.handle = 0
        peering.unconfirmed = None
        self._refuse(peering, "a full handshake with this peer came about", session.peer_id)

    def handle_of(self, peer_id: bytes) -> int:
        """Return the handle of our open connect to this peer, or 0."""
        peering = self._peerings.find(peer_id)
        return 0 if peering is None else peering.handle

    def handle_timeout(self, now: int) -> None:
        """Send again, and give up, what has fallen due."""
        for peering in list(self._peerings.all):
            answer = peering.answer
            if answer is not None and answer.due(now):
                self._on_silence(peering, answer, now)
            if peering.attempt_due(now):
                self._try(peering, now)
        self._peerings.sweep()

    def next_deadline(self) -> "int | None":
        """Return when handle_timeout is wanted, or None."""
        own = None if self.healing is None else self.healing.next_deadline()
        return earliest([own] + [peering.next_deadline() for peering in self._peerings.all])

    # What heals.py asks

    def go_on(self, peering: "Peering", now: int) -> None:
        """The present mode is over: take up the next, or the full handshake."""
        if peering.next_mode(now):
            self._try(peering, now)
        else:
            self._full_handshake_with(peering, now)

    # Initiator

    def _modes(self, peering: "Peering", heal: bool) -> "tuple[int, ...]":
        """Return the modes to try with a peer; empty: a full handshake is due."""
        ticket, now_s = peering.ticket(), self._tickets.now_s()
        epoch = self._epoch_of(peering.peer_id)
        if (epoch or self._alone) and full_due(ticket, now_s, epoch):
            return ()
        stocked = self._prekeys is not None and self._prekeys.stocked(peering.peer_id) > 0
        heal = heal or self._below(peering, HS_R) is not None
        wanted = modes(ticket, now_s, heal, healing_modes(self._context.link, stocked))
        return tuple([mode for mode in wanted if self._below(peering, mode) is None])

    def _below(self, peering: "Peering", mode: int) -> "str | None":
        """Say why a resumption by ``mode`` is below the owner's floors, or None.

        That a full handshake is due counts where there is a way to do one.
        """
        if self._floors is None:
            return None
        epoch = self._epoch_of(peering.peer_id)
        now_s = self._tickets.now_s() if epoch or self._alone else 0
        return self._floors.objection(peering.peer_id, mode, peering.ticket(), now_s, epoch)

    def _try(self, peering: "Peering", now: int) -> None:
        """Send R1, or send it again; after enough of that go on otherwise."""
        if not peering.send_r1(now):
            self.go_on(peering, now)
        elif peering.wants_offer():
            self.heals.offer(peering, now)

    def _full_handshake_with(self, peering: "Peering", now: int) -> None:
        try:
            self._handshakes.connect(now, peering.peer_id, peering)
        except Busy as busy:
            self._refuse(peering, "no answer, and no full handshake: %s" % busy, None)
            return
        self._context.stats.handshakes_failed += 1
        peering.handle = 0

    def accept(
        self, peering: "Peering", cids: "tuple[int, int]", outcome: "Outcome", r2: bytes, now: int
    ) -> None:
        """R2 has verified: the session is open, and R3 goes out.

        :param cids: ours and the peer's
        :param r2: the frame, for when it comes again; empty if it came in fragments
        """
        fault = objection(peering.peer_id, None, self._trust)
        if fault:
            self._refuse(peering, fault, peering.peer_id)
            return
        session = Session(self._context, peering.handle, cids, outcome)
        peering.answered(outcome)
        peering.unconfirmed = session
        peering.r2 = r2
        self._sessions.add(session)
        peering.tally.sent += self._empty_bytes()
        self._established(session, True, peering.tally, peering.started_at, now)
        session.confirm(now)  # R3

    # Responder

    def check(self, peering: "Peering", base: bytes, nonce: bytes, mode: int) -> None:
        """:raises ProtocolError: this R1, though genuine, is not answered now"""
        if mode == HS_R and worn_out(peering.ticket(), self._tickets.now_s()):
            raise Exhausted("a fresh secret is due")
        if nonce in self._answered:
            raise Replayed("an R1 that was answered before")
        if self._handshakes.proving(peering.peer_id):
            raise Unexpected("a full handshake with this peer is nearly done")
        if not peering.ratchet.may_answer(base, mode != HS_R):
            raise Unexpected("crossed resumptions, and ours goes first")
        fault = objection(peering.peer_id, None, self._trust) or self._below(peering, mode)
        if fault:
            raise Unexpected(fault)
        if self._sessions.full_for(peering.peer_id) or not self._peerings.make_room(peering):
            raise Exhausted("no room for another session")

    def draft(
        self, peering: "Peering", handle: int, cids: "tuple[int, int]", outcome: "Outcome"
    ) -> Session:
        """Return the session that R3 will open; our own connect, if any, names it."""
        session = Session(self._context, peering.handle or handle, cids, outcome)
        session.quiet = True  # the owner does not know it before R3
        return session

    def answer(self, peering: "Peering", answer: Answer, pending: Pending, now: int) -> None:
        """Send R2, and expect R3."""
        self._answered.append(pending.nonce)
        del self._answered[: -_REMEMBERED * self._context.limits.half_open]
        peering.answering(answer, pending, now)
        self._sessions.add(answer.session)
        self._peerings.keep(peering)

    def _admit(self, peering: "Peering", answer: Answer, now: int) -> None:
        """R3 has come: the ratchet moves first, then the owner is told."""
        session = answer.session
        if answer.mode == HS_RP:
            self.heals.spend(peering.peer_id, answer.index)
        peering.commit()
        session.handle = self._handshakes.give_way(peering.peer_id) or session.handle
        session.quiet = False
        answer.tally.received += self._empty_bytes()
        self._established(session, False, answer.tally, answer.started_at, now)
        self._peerings.sweep()

    def _on_silence(self, peering: "Peering", answer: Answer, now: int) -> None:
        impatient = peering.handle and answer.repeats >= _WAITED_FOR
        if not (answer.settled() or impatient):
            answer.repeat(self._context, now)
        elif not peering.handle and now < answer.expires_at:
            answer.wait(answer.expires_at)  # its first frame may still be R3
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

    def _refuse(self, peering: "Peering", reason: str, peer_id: "bytes | None") -> None:
        """End what is under way with a peer; tell the owner if it waits for it."""
        peering.drop_answer()
        peering.drop_attempt()
        if peering.handle:
            self._context.stats.handshakes_failed += 1
            self._context.events.append(events.Refused(peering.handle, reason, peer_id))
        peering.handle = 0
        self._peerings.sweep()

    def _empty_bytes(self) -> int:
        return HEADER_BYTES + self._context.link.tag_bytes

    def _epoch_of(self, peer_id: bytes) -> int:
        """Return the epoch of the peer's present credential; 0 when none is known."""
        key = None if self._keyring is None else self._keyring.peer(peer_id)
        return 0 if key is None else key.epoch
