# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every handshake there is: the work it waits for, the session it leads to, how it ends.

Nothing here knows what a message means. Which handshake may begin or must give way is decided in
handshakes.py; what is done with a message, in a module per mode (hs_s_steps.py).
"""

from ..compat import TYPE_CHECKING, const
from . import events
from . import handshake_states as states
from .handshake import Handshake, stalest_of
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from .context import Context
    from .flows import FlowTable
    from .hs_s import Outcome
    from .resumes import ResumeTable
    from .sessions import SessionTable

OFFER = const(0)  # kinds of queued work
ANSWER = const(1)
VERIFY = const(2)
FINISH = const(3)
ADMIT = const(4)


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

    def queue(self, kind: int, handshake: Handshake, message: "Buffer", now: int) -> None:
        """Leave a piece of public-key work to a later handle_timeout, due at once."""
        if not self.work:
            self.work_at = now
        self.work.append((kind, handshake, message))

    # Sessions and endings

    def add_session(self, handshake: Handshake, peer_cid: int, outcome: "Outcome") -> Session:
        """Make the session of a handshake whose peer is proved; frames find it from now on."""
        cids = (handshake.cid, peer_cid)
        session = Session(self._context, handshake.handle, cids, outcome)
        self.sessions.add(session)
        handshake.outcome = outcome
        return session

    def take_over(self, handshake: Handshake, peer_id: bytes) -> None:
        """Our own attempt ends in what the peer began: HS-R anywhere, HS-S where it is alone."""
        handle = self.resumes.handle_of(peer_id) if self.resumes is not None else 0
        for own in self.initiators() if self.alone else ():
            self.end(own)
            handle = own.handle
        if handle:
            self._flows.reassign(handshake.handle, handle)
            handshake.handle = handle

    def established(self, handshake: Handshake, session: Session, now: int) -> None:
        """Both sides are proved: open the session, and tell the owner."""
        handshake.stop_sending()
        self.all.remove(handshake)
        if self.resumes is not None and handshake.outcome is not None:
            self.resumes.full_handshake(session, handshake.outcome)
        session.admit(now)
        self.sessions.replace_others(session)
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

    def fail(
        self, handshake: Handshake, reason: str, now: int, peer_id: "bytes | None" = None
    ) -> None:
        """End a handshake; tell the owner if it began it, or if the peer has a name."""
        self.end(handshake)
        self._context.stats.handshakes_failed += 1
        if handshake.ours or peer_id is not None:
            self._context.events.append(events.Refused(handshake.handle, reason, peer_id))
        if not handshake.ours and not self.answering():
            self._resume(now)

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
                handshake.advance(states.CONNECT)
                handshake.expires_at = now + self._context.link.handshake_ms
                self.queue(OFFER, handshake, b"", now)
