# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every handshake there is: the work it waits for, the session it leads to, how it ends.

Nothing here knows what a message means. Which handshake may begin or must give way is decided in
handshakes.py; what is done with a message, in a module per mode (hs_s_steps.py, hs_k_steps.py).

On a shared link crossed connects are two handshakes, which the PeerIds settle: the smaller one's
goes first. HS-K sees the crossing in M1 already, and the side that gives way stops its own; what
gets past that ends when M3 or M4 comes, as sessions.py says.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Exhausted, Unexpected
from ..wire.handshake import HS_K
from ..wire.session import HEADER_BYTES, REASON_FULL, REASON_REFUSED
from . import events
from . import handshake_states as states
from .admission import objection
from .handshake import Handshake, stalest_of
from .sender import MessageSender
from .session import OPEN, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from .context import Context
    from .flows import FlowTable
    from .hs_s import Outcome
    from .resumes import ResumeTable
    from .sessions import SessionTable
    from .straight import Straight

OFFER = const(0)  # kinds of queued work
ANSWER = const(1)
VERIFY = const(2)
FINISH = const(3)
ADMIT = const(4)
SHOW = const(5)  # HS-K, to a responder that lacks our credential
PART = const(6)
STAMP = const(7)  # that RETRY asks for

_CROSSED = "crossed with the peer's own handshake"


class HandshakePool:
    """At most ``limits.half_open`` handshakes.

    :param trust: asked before a proved peer is admitted; None admits all
    """

    def __init__(
        self,
        context: "Context",
        flows: "FlowTable",
        sessions: "SessionTable",
        trust: "Callable[[bytes], bool] | None",
        entrances: "Straight",
    ) -> None:
        self.sessions = sessions
        self.trust = trust
        self.resumes: "ResumeTable | None" = None  # None: there is no HS-R here
        self.alone = context.link.point_to_point  # one neighbour: crossed connects merge
        self.all: "list[Handshake]" = []
        self.work: "list[tuple[int, Handshake, Buffer]]" = []
        self.work_at = 0
        self._context = context
        self._flows = flows
        self._entrances = entrances

    # Tables

    def initiators(self) -> "list[Handshake]":
        """Return those that we began."""
        return [handshake for handshake in self.all if handshake.ours]

    def answering(self) -> bool:
        """Whether one is under way that a peer began."""
        return bool([handshake for handshake in self.all if not handshake.ours])

    def expected(self) -> "bytes | None":
        """Return whom the neighbour must be: a connect of ours under way may say so."""
        own = self.initiators() if self.alone else []
        return own[0].expect if own else None

    def find(self, handle: int) -> "Handshake | None":
        """Return the handshake of this handle, or None."""
        for handshake in self.all:
            if handshake.handle == handle:
                return handshake
        return None

    def make_room(self, now: int) -> bool:
        """Whether one more handshake may begin; a stale one of a peer's gives way to it."""
        if len(self.all) < self._context.limits.half_open:
            return True
        stalest = stalest_of(self.all, now, self._context.link)
        if stalest is None:
            return False
        self.fail(stalest, "given way to a newer one", now)
        return True

    def check_place(self, admitted: bool, now: int) -> None:
        """One place is kept for those whose HELLO showed that they belong here.

        :raises Exhausted: this one did not, and a stranger who is not stale has the others
        """
        limit = max(self._context.limits.half_open - 1, 1)
        strangers = [one for one in self.all if not (one.ours or one.admitted)]
        if admitted or len(strangers) < limit:
            return
        stalest = stalest_of(strangers, now, self._context.link)
        if stalest is None:
            raise Exhausted("%d strangers are under way" % len(strangers))
        self.fail(stalest, "given way to a newer one", now)

    def queue(self, kind: int, handshake: Handshake, message: "Buffer", now: int) -> None:
        """Leave a piece of public-key work to a later handle_timeout, due at once."""
        if not self.work:
            self.work_at = now
        self.work.append((kind, handshake, message))

    # Sessions and endings

    def begin(self, handshake: Handshake, now: int) -> None:
        """Begin a handshake of ours, or begin it again: with HELLO where that goes first."""
        if handshake.peer is not None:
            handshake.mode = HS_K
        if self._entrances.call(handshake, now):
            handshake.advance(states.CONNECT)
            self.queue(OFFER, handshake, b"", now)
        else:
            handshake.advance(states.CALL)

    def proved(self, handshake: Handshake, peer_id: bytes, now: int) -> bool:
        """M2 has proved the peer of a handshake of ours; returns whether it goes on."""
        fault = self._objection(handshake, peer_id, handshake.expect)
        if not fault and self.sessions.crossed(peer_id, handshake.started_at):
            fault = _CROSSED
        if fault:
            self.fail(handshake, fault, now, peer_id)
            return False
        handshake.advance(states.M2)
        handshake.stop_sending()
        return True

    def _objection(
        self, handshake: Handshake, peer_id: bytes, expect: "bytes | None"
    ) -> "str | None":
        fault = objection(peer_id, expect, self.trust)
        return fault or self._entrances.objection(peer_id, handshake.mode)

    def add_session(self, handshake: Handshake, peer_cid: int, outcome: "Outcome") -> Session:
        """Make the session of a handshake whose peer is proved; frames find it from now on."""
        cids = (handshake.cid, peer_cid)
        session = Session(self._context, handshake.handle, cids, outcome)
        session.began(handshake.ours, handshake.started_at)
        self.sessions.add(session)
        handshake.outcome = outcome
        return session

    def admit(self, handshake: Handshake, peer_cid: int, outcome: "Outcome", now: int) -> Session:
        """M3 has proved the peer of a handshake that it began: open the session, or refuse."""
        handshake.stop_sending()
        handshake.tally.stranger = False
        fault = self._objection(handshake, outcome.peer_id, self.expected())
        full = self.sessions.full_for(outcome.peer_id)
        if not (fault or full):
            self._take_over(handshake, outcome.peer_id)
        session = self.add_session(handshake, peer_cid, outcome)
        if fault or full:
            session.quiet = True
            session.close(REASON_REFUSED if fault else REASON_FULL, now)
            self.fail(handshake, fault or "no room for another session", now, outcome.peer_id)
            return session
        handshake.advance(states.M3)
        handshake.tally.sent += HEADER_BYTES + self._context.link.tag_bytes  # M4
        self.established(handshake, session, now)
        if session.state == OPEN:
            session.confirm(now)
        return session

    def _take_over(self, handshake: Handshake, peer_id: bytes) -> None:
        """Our own attempt ends in what the peer began, and its handle names that.

        On a shared link one that does not give way runs on; sessions.py settles which stays.
        """
        handle = self.resumes.handle_of(peer_id) if self.resumes is not None else 0
        for own in self.initiators():
            if self.alone or (peer_id in (own.expect, own.proved_peer()) and self._gives_way(own)):
                self.end(own)
                handle = own.handle
        if handle:
            self._flows.reassign(handshake.handle, handle)
            handshake.handle = handle

    def _gives_way(self, own: Handshake) -> bool:
        peer_id = own.expect or own.proved_peer()
        return own.state == states.YIELDED or peer_id < self._context.identity.peer_id

    def established(self, handshake: Handshake, session: Session, now: int) -> None:
        """Both sides are proved: open the session, and tell the owner.

        One that crossed with another, which both sides keep instead, ends here in silence.
        """
        handshake.stop_sending()
        self.all.remove(handshake)
        session.admit(now)
        if not self.sessions.replace_others(session):
            if handshake.ours:
                self._refused(handshake, _CROSSED, session.peer_id)
            return
        if self.resumes is not None and handshake.outcome is not None:
            self.resumes.full_handshake(session, handshake.outcome)
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

    def cross(self, handshake: Handshake, peer_id: bytes) -> None:
        """M1 on a shared link says who calls, and we may be calling it: one of the two gives way.

        It is a claim, but who makes it falsely can only hold us up: what has given way begins
        again when nothing comes of the other.

        :raises Unexpected: our own M1 is out and goes first
        """
        for own in () if self.alone else self.initiators():
            if own.expect != peer_id or own.state not in (states.CALLING, states.OFFERED):
                continue
            sender = own.sender
            heard = isinstance(sender, MessageSender) and sender.was_here(handshake.opened_at)
            first = self._context.identity.peer_id < peer_id
            if first and own.state == states.OFFERED and not heard:
                raise Unexpected("crossed handshakes, and ours goes first")
            own.stop_sending()
            own.advance(states.YIELD)

    def fail(
        self, handshake: Handshake, reason: str, now: int, peer_id: "bytes | None" = None
    ) -> None:
        """End a handshake; tell the owner if it began it, or if the peer has a name."""
        self.end(handshake)
        self._refused(handshake, reason, peer_id)
        if not handshake.ours and not self.answering():
            self._resume(now)

    def _refused(self, handshake: Handshake, reason: str, peer_id: "bytes | None") -> None:
        self._context.stats.handshakes_failed += 1
        if handshake.ours or peer_id is not None:
            self._context.events.append(events.Refused(handshake.handle, reason, peer_id))

    def end(self, handshake: Handshake) -> None:
        """Forget a handshake and what belongs to it, and say nothing."""
        handshake.advance(states.FAIL)
        handshake.stop_sending()
        self.all.remove(handshake)
        self.work = [work for work in self.work if work[1] is not handshake]
        session = self.sessions.by_handle(handshake.handle)
        if session is None:
            self._context.free_cid(handshake.cid)
            self._flows.forget(handshake.handle)
        elif not session.quiet:  # quiet: it lingers, to tell the peer or to hear it out
            session.discard()

    def _resume(self, now: int) -> None:
        """What we had yielded to has come to nothing: begin again."""
        for handshake in self.all:
            if handshake.state == states.YIELDED:
                handshake.expires_at = now + self._context.link.handshake_ms
                self.begin(handshake, now)
