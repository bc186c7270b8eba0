# SPDX-License-Identifier: MIT OR Apache-2.0
"""All handshakes of one engine: which may begin, which gives way, what each leads to.

Public-key work is queued and done by ``step``, one operation's worth per call.

Where exactly one neighbour can be on the link, crossed connects merge. Both sides see both
nonces, and the greater goes first: its owner ignores the other's M1, the other one yields, that
is it answers, and its handle names the session that results. If nothing does, it begins again
with fresh secrets. Two cases are no crossing, because the peer has restarted: an M1 that begins
after the peer had acknowledged all of ours (it would be answering) goes first whatever its
nonce, and one that arrives after our M3 is answered beside it.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Busy, Exhausted, Malformed, ProtocolError, Unexpected, UnknownKind
from ..wire.fragment import fragment_kind
from ..wire.handshake import HS_S, M1, M2, M3, MESSAGE_BYTES
from ..wire.session import HEADER_BYTES, REASON_FULL, REASON_REFUSED, Close
from . import events
from . import handshake_states as states
from .admission import objection, refusal_text
from .handshake import Handshake, stalest_of
from .hs_s import read_offer
from .session import Session
from .stats import Tally
from .timers import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from .content import Content
    from .context import Context
    from .flows import Flow, FlowTable, Head
    from .hs_s import Outcome
    from .peering import Peering
    from .resumes import ResumeTable
    from .sessions import SessionTable

_OFFER = const(0)  # kinds of queued work
_ANSWER = const(1)
_VERIFY = const(2)
_FINISH = const(3)
_ADMIT = const(4)


class HandshakeTable:
    """At most ``limits.half_open`` handshakes."""

    def __init__(
        self,
        context: "Context",
        flows: "FlowTable",
        sessions: "SessionTable",
        trust: "Callable[[bytes], bool] | None",
    ) -> None:
        self._context = context
        self._flows = flows
        self._sessions = sessions
        self._trust = trust
        self.resumes: "ResumeTable | None" = None  # None: there is no HS-R here
        self._alone = context.link.point_to_point  # one neighbour: crossed connects merge
        self._all: "list[Handshake]" = []
        self._work: "list[tuple[int, Handshake, Buffer]]" = []
        self._work_at = 0

    # Inputs

    def connect(self, now: int, expect: "bytes | None", after: "Peering | None" = None) -> int:
        """Begin as initiator; see Engine.connect. ``after``: the resumption that failed."""
        if self._alone and self._initiators():
            raise Busy("a handshake with the one neighbour is under way")
        if not self._make_room(now):
            raise Busy("%d handshakes are under way" % len(self._all))
        handshake = Handshake(self._context, True, now)
        handshake.expect = expect
        if after is not None:
            handshake.goes_on_from(after)
        handshake.advance(states.CONNECT)
        self._context.stats.handshakes_started += 1
        self._all.append(handshake)
        if self._alone and self._answering():
            handshake.advance(states.YIELD)
        else:
            self._queue(_OFFER, handshake, b"", now)
        return handshake.handle

    def abandon(self, handle: int, now: int) -> bool:
        """Give up the handshake of this handle; returns False when there is none."""
        handshake = self._find(handle)
        if handshake is None:
            return False
        self._fail(handshake, "given up by its owner", now)
        return True

    def proving(self, peer_id: bytes) -> bool:
        """Whether our M3 is on its way to this peer: too late to give way."""
        return bool([own for own in self._all if own.proved_peer() == peer_id])

    def give_way(self, peer_id: bytes) -> int:
        """HS-R has opened a session with this peer: return the handle of ours to it, or 0."""
        for own in self._initiators():
            anybody = own.expect is None and self._alone
            if (own.expect == peer_id or anybody) and not own.proved_peer():
                self._end(own)
                return own.handle
        return 0

    def expects(self, head: "Head", fragment_octet: int) -> "tuple[int, Tally]":
        """Decide whether the message that ``head`` announces is wanted.

        Returns the handle of its handshake, 0 for an M1, and where to count its bytes.

        :raises ProtocolError: it is not
        """
        if fragment_octet != fragment_kind(HS_S):
            raise UnknownKind("handshake mode %d" % (fragment_octet & 7))
        if head.total != MESSAGE_BYTES[head.number]:
            raise Malformed("message %d of %d octets" % (head.number, head.total))
        if head.number == M1:
            return 0, Tally()
        wanted = states.M2 if head.number == M2 else states.M3
        cid = int.from_bytes(head.data[:2], "big")
        for handshake in self._all:
            if handshake.cid == cid and states.allows(handshake.state, wanted):
                return handshake.handle, handshake.tally
        raise Unexpected("message %d for no handshake of ours" % head.number)

    def on_message(self, flow: "Flow", now: int) -> int:
        """Take a whole message; returns the handle of the handshake it belongs to.

        :raises ProtocolError: it is not taken; the peer will send it again
        """
        if len(self._work) > self._context.limits.half_open:
            raise Exhausted("too much public-key work is waiting")
        if flow.number == M1:
            return self._on_offer(flow, now)
        handshake = self._find(flow.owner)
        if handshake is None:
            raise Unexpected("the handshake of this message is over")
        handshake.touched_at = now
        work = _VERIFY if flow.number == M2 else _ADMIT
        self._queue(work, handshake, flow.message, now)
        return handshake.handle

    def on_confirm(self, session: Session, content: "Content", now: int) -> None:
        """The first frame of a pending session has come: M4, or a refusal."""
        handshake = self._find(session.handle)
        if handshake is None:
            raise Unexpected("the handshake of this session is over")
        if isinstance(content.control, Close):
            session.quiet = True
            text = refusal_text(content.control.reason)
            self._fail(handshake, text, now, session.peer_id)
            return
        handshake.advance(states.CONFIRM)
        handshake.tally.received += HEADER_BYTES + self._context.link.tag_bytes  # M4
        self._established(handshake, session, now)

    def sender_of(self, flow: bytes, number: int) -> "Handshake | None":
        """Return the handshake that is sending this message, or None."""
        for handshake in self._all:
            sender = handshake.sender
            if sender and sender.number == number and sender.digest[: len(flow)] == flow:
                return handshake
        return None

    def handle_timeout(self, now: int) -> None:
        """Retransmit, and give up, what has fallen due."""
        for handshake in list(self._all):
            if now >= handshake.expires_at:
                self._fail(handshake, "the handshake took too long", now)
            elif not handshake.retransmit(now):
                self._fail(handshake, "no answer", now)

    def step(self, now: int) -> None:
        """Do the next piece of public-key work, if there is one.

        A node that lacks the memory for it gives the handshake up; the peer's may begin again.
        """
        if not self._work:
            return
        kind, handshake, message = self._work.pop(0)
        self._work_at = now
        try:
            self._do(kind, handshake, message, now)
        except MemoryError:
            if handshake in self._all:
                self._fail(handshake, "not enough memory", now)

    def next_deadline(self) -> "int | None":
        """Return when a handshake next wants attention; work is due at once."""
        if self._work:
            return self._work_at
        return earliest([handshake.next_deadline() for handshake in self._all])

    # What comes of a message

    def _do(self, kind: int, handshake: Handshake, message: "Buffer", now: int) -> None:
        if kind == _OFFER and handshake.state == states.OFFERED:  # else it has yielded
            handshake.send(handshake.begin().offer(handshake.cid), M1, now)
        elif kind == _ANSWER:
            self._do_answer(handshake, message, now)
        elif kind == _VERIFY:
            self._do_verify(handshake, message, now)
        elif kind == _FINISH:
            self._do_finish(handshake, now)
        elif kind == _ADMIT:
            self._do_admit(handshake, message, now)

    def _on_offer(self, flow: "Flow", now: int) -> int:
        offer = read_offer(flow.message)
        if not self._make_room(now):
            raise Exhausted("%d handshakes are under way" % len(self._all))
        if self._alone:
            self._yield_to(offer.nonce, flow.opened_at, now)
        handshake = Handshake(self._context, False, now)
        handshake.tally = flow.tally
        self._all.append(handshake)
        self._queue(_ANSWER, handshake, flow.message, now)
        return handshake.handle

    def _yield_to(self, nonce: bytes, opened_at: int, now: int) -> None:
        """:raises Unexpected: our own M1 is out and goes first"""
        for rival in self._all:
            if rival.state != states.OFFERED:
                continue
            if rival.nonce() == nonce:
                raise Unexpected("our own M1, come back")
            sender = rival.sender
            if sender is not None and rival.nonce() > nonce and not sender.was_here(opened_at):
                sender.hurry(self._context.tx, now)  # the peer does not have it yet
                raise Unexpected("crossed handshakes, and ours goes first")
            rival.stop_sending()
            rival.advance(states.YIELD)

    def _do_answer(self, handshake: Handshake, m1: bytes, now: int) -> None:
        try:
            m2 = handshake.begin_answer().answer(m1, handshake.cid)
        except ProtocolError as error:
            self._context.stats.drop(error)
            self._fail(handshake, str(error), now)
            return
        handshake.advance(states.M1)
        handshake.send(m2, M2, now)

    def _do_verify(self, handshake: Handshake, m2: bytes, now: int) -> None:
        initiator = handshake.initiator
        if initiator is None or not states.allows(handshake.state, states.M2):
            return  # a second M2, completed while the first was being verified
        try:
            initiator.verify(m2)
        except ProtocolError as error:  # forged: the genuine one may still come
            self._context.stats.drop(error)
            return
        fault = objection(initiator.peer_id, handshake.expect, self._trust)
        if fault:
            self._fail(handshake, fault, now, initiator.peer_id)
            return
        handshake.advance(states.M2)
        handshake.stop_sending()
        self._queue(_FINISH, handshake, b"", now)

    def _do_finish(self, handshake: Handshake, now: int) -> None:
        initiator = handshake.initiator
        if initiator is not None:
            m3, outcome = initiator.finish()
            self._add_session(handshake, initiator.peer_cid, outcome)
            handshake.send(m3, M3, now)

    def _do_admit(self, handshake: Handshake, m3: bytes, now: int) -> None:
        responder = handshake.responder
        if responder is None or not states.allows(handshake.state, states.M3):
            return
        try:
            outcome = responder.admit(m3)
        except ProtocolError as error:
            self._context.stats.drop(error)
            return
        handshake.stop_sending()
        fault = objection(outcome.peer_id, self._expected(), self._trust)
        full = self._sessions.full_for(outcome.peer_id)
        if not (fault or full):
            self._take_over(handshake, outcome.peer_id)
        session = self._add_session(handshake, responder.peer_cid, outcome)
        if fault or full:
            session.quiet = True
            session.close(REASON_REFUSED if fault else REASON_FULL, now)
            self._fail(handshake, fault or "no room for another session", now, outcome.peer_id)
            return
        handshake.advance(states.M3)
        handshake.tally.sent += HEADER_BYTES + self._context.link.tag_bytes  # M4
        self._established(handshake, session, now)
        session.confirm(now)

    def _add_session(self, handshake: Handshake, peer_cid: int, outcome: "Outcome") -> Session:
        cids = (handshake.cid, peer_cid)
        session = Session(self._context, handshake.handle, cids, outcome)
        self._sessions.add(session)
        handshake.outcome = outcome
        return session

    # Endings

    def _established(self, handshake: Handshake, session: Session, now: int) -> None:
        handshake.stop_sending()
        self._all.remove(handshake)
        if self.resumes is not None and handshake.outcome is not None:
            self.resumes.full_handshake(session, handshake.outcome)
        session.admit(now)
        self._sessions.replace_others(session)
        self._context.stats.handshakes_finished += 1
        self._context.events.append(
            events.Established(
                handshake.handle,
                session.peer_id,
                handshake.ours,
                handshake.tally.sent,
                handshake.tally.received,
                now - handshake.started_at,
            )
        )

    def _fail(
        self, handshake: Handshake, reason: str, now: int, peer_id: "bytes | None" = None
    ) -> None:
        """End a handshake; tell the owner if it began it, or if the peer has a name."""
        self._end(handshake)
        self._context.stats.handshakes_failed += 1
        if handshake.ours or peer_id is not None:
            self._context.events.append(events.Refused(handshake.handle, reason, peer_id))
        if not handshake.ours and not self._answering():
            self._resume(now)

    def _end(self, handshake: Handshake) -> None:
        handshake.advance(states.FAIL)
        handshake.stop_sending()
        self._all.remove(handshake)
        self._work = [work for work in self._work if work[1] is not handshake]
        session = self._sessions.by_handle(handshake.handle)
        if session is None:
            self._context.free_cid(handshake.cid)
            self._flows.forget(handshake.handle)
        elif not session.quiet:  # quiet: it lingers, to tell the peer or to hear it out
            session.discard()

    def _resume(self, now: int) -> None:
        """What we had yielded to has come to nothing: begin again."""
        for handshake in self._all:
            if handshake.state == states.YIELDED:
                handshake.advance(states.CONNECT)
                handshake.expires_at = now + self._context.link.handshake_ms
                self._queue(_OFFER, handshake, b"", now)

    def _take_over(self, handshake: Handshake, peer_id: bytes) -> None:
        """Our own attempt ends in what the peer began: HS-R anywhere, HS-S where it is alone."""
        handle = self.resumes.handle_of(peer_id) if self.resumes is not None else 0
        for own in self._initiators() if self._alone else ():
            self._end(own)
            handle = own.handle
        if handle:
            self._flows.reassign(handshake.handle, handle)
            handshake.handle = handle

    # Tables

    def _initiators(self) -> "list[Handshake]":
        return [handshake for handshake in self._all if handshake.ours]

    def _answering(self) -> bool:
        return bool([handshake for handshake in self._all if not handshake.ours])

    def _expected(self) -> "bytes | None":
        """Return whom the neighbour must be: a connect of ours under way may say so."""
        own = self._initiators() if self._alone else []
        return own[0].expect if own else None

    def _find(self, handle: int) -> "Handshake | None":
        for handshake in self._all:
            if handshake.handle == handle:
                return handshake
        return None

    def _make_room(self, now: int) -> bool:
        """Whether one more handshake may begin; a stale one of a peer's gives way to it."""
        if len(self._all) < self._context.limits.half_open:
            return True
        stalest = stalest_of(self._all, now, self._context.link)
        if stalest is None:
            return False
        self._fail(stalest, "given way to a newer one", now)
        return True

    def _queue(self, kind: int, handshake: Handshake, message: "Buffer", now: int) -> None:
        if not self._work:
            self._work_at = now
        self._work.append((kind, handshake, message))
