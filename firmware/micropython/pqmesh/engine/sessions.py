# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sessions of one engine, found by the owner's handle and by the id on the wire."""

from ..compat import TYPE_CHECKING
from ..errors import NoSuchSession, UnknownSession
from ..wire.session import REASON_REPLACED
from .session import ENDED, OPEN
from .timers import earliest

if TYPE_CHECKING:
    from .context import Context
    from .session import Session


class SessionTable:
    """Holds every session until it has ended, those that linger to answer a Close included."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._sessions: "list[Session]" = []

    def add(self, session: "Session") -> None:
        """Make a session reachable by its CID."""
        self._sessions.append(session)

    def by_cid(self, cid: int) -> "Session":
        """:raises UnknownSession: nobody here receives under this CID"""
        for session in self._sessions:
            if session.cid == cid and session.state != ENDED:
                return session
        raise UnknownSession("no session of CID 0x%04x" % cid)

    def by_handle(self, handle: int) -> "Session | None":
        """Return the session of this handle in whatever state, or None."""
        for session in self._sessions:
            if session.handle == handle and session.state != ENDED:
                return session
        return None

    def open(self, handle: int) -> "Session":
        """Return an open session. :raises NoSuchSession: it is not open (any more)"""
        session = self.by_handle(handle)
        if session is None or session.state != OPEN:
            raise NoSuchSession("session %d is not open" % handle)
        return session

    def full_for(self, peer_id: bytes) -> bool:
        """Whether a session with this peer would be one too many. A newer replaces its older."""
        others = [s for s in self._sessions if s.state == OPEN and s.peer_id != peer_id]
        return len(others) >= self._context.limits.sessions

    def replace_others(self, session: "Session") -> bool:
        """End what ``session``, just opened, takes the place of; False: it was ended itself.

        A newer session of a peer replaces the older. But of two that crossed on a shared link,
        one begun by each side, the two sides may open either first: they keep the one that the
        smaller PeerId began.
        """
        for other in self._sessions:
            if other is session or other.state != OPEN or other.peer_id != session.peer_id:
                continue
            if self._goes_first(other, session.ours, session.began_at):
                session.discard()
                return False
            other.replaced(REASON_REPLACED)
        return True

    def crossed(self, peer_id: bytes, began_at: int) -> bool:
        """Whether a session that the peer began meanwhile goes before an attempt of ours."""
        return bool(
            [
                other
                for other in self._sessions
                if other.state == OPEN
                and other.peer_id == peer_id
                and self._goes_first(other, True, began_at)
            ]
        )

    def _goes_first(self, other: "Session", ours: bool, began_at: "int | None") -> bool:
        if self._context.link.point_to_point or other.began_at is None or began_at is None:
            return False
        if other.ours == ours or began_at >= other.opened_at:
            return False
        return other.ours == (self._context.identity.peer_id < other.peer_id)

    def handle_timeout(self, now: int) -> None:
        """Run the timers of every session."""
        for session in self._sessions:
            session.handle_timeout(now)

    def sweep(self) -> None:
        """Forget the sessions that have ended."""
        for session in self._sessions:
            if session.state == ENDED:
                self._context.free_cid(session.cid)
        self._sessions = [s for s in self._sessions if s.state != ENDED]

    def next_deadline(self) -> "int | None":
        """Return the earliest deadline of all sessions, or None."""
        return earliest([session.next_deadline() for session in self._sessions])
