# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sessions of one carrier: which are open, who holds them, who waits for one."""

from ..compat import TYPE_CHECKING, const
from ..engine.events import Established, Lost, Refused
from ..errors import Busy, SessionRefused, TimedOut, UsageError
from ..identity import short
from .line import Line
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..record import Record
    from .line import Carrier, Event


INBOX_MESSAGES = const(8)  # that a program has not fetched, per session
_AGAIN_MS = const(1_000)  # from one vain try to dial to the next


class _Waiter:
    """A program that wants a session with ``peer``; None: with whoever comes."""

    def __init__(self, peer: "bytes | None", news: "Event") -> None:
        self.peer = peer
        self.news = news
        self.attempt: "int | None" = None
        self.refusal: "SessionRefused | None" = None


class Sessions:
    """The sessions of one Carrier: which are open, who holds them, who waits for one."""

    def __init__(self, carrier: "Carrier", inbox: int = INBOX_MESSAGES) -> None:
        self.carrier = carrier
        self._inbox = inbox
        self._lines: "dict[int, Line]" = {}
        self._waiters: "list[_Waiter]" = []

    def session(
        self,
        peer: "bytes | None" = None,
        timeout_ms: "int | None" = None,
        on_event: "Callable[[Record], None] | None" = None,
    ) -> Session:
        """Return a session to be opened by ``async with``: the one there is, or a new one.

        :param peer: the PeerId that must be at the other end; None takes whoever answers
        :param timeout_ms: how long opening may take
        :param on_event: gets every event of pqmesh.engine.events that names this session
        """
        return Session(self, peer, True, timeout_ms, on_event)

    def accept(
        self,
        timeout_ms: "int | None" = None,
        on_event: "Callable[[Record], None] | None" = None,
    ) -> Session:
        """Return a session to be opened by ``async with``: the next that a peer begins."""
        return Session(self, None, False, timeout_ms, on_event)

    def established(self, session: int, peer_id: bytes) -> None:
        """A session is open, by an event or since before this object was made."""
        self._lines[session] = Line(self.carrier, session, peer_id, self._inbox)
        self._wake()

    def handle_event(self, event: "Any", ours: bool = False) -> None:
        """Take an event of the engine.

        :param ours: it is a Refused of an attempt that ``dial`` left to others
        """
        if isinstance(event, Established):
            self.established(event.session, event.peer_id)
            return
        line = self._lines.get(event.session)
        if isinstance(event, Refused):
            self._refuse(event, ours)
        elif line is not None:
            line.handle_event(event)
            if line.end is not None:
                del self._lines[event.session]
                self._wake()

    def lost(self, reason: str) -> None:
        """The engine is gone, and every session with it."""
        for session in list(self._lines):
            self.handle_event(Lost(session, reason))

    async def open(self, peer: "bytes | None", dial: bool, timeout_ms: "int | None") -> "Line":
        """Wait for a session, and hold it. As Session.__aenter__."""
        carrier = self.carrier
        limit = None if timeout_ms is None else carrier.now() + timeout_ms
        waiter = _Waiter(peer, carrier.event())
        self._waiters.append(waiter)
        try:
            while True:
                waiter.news.clear()
                line = self._free(waiter)
                if line is not None:
                    waiter.attempt = None
                    line.held = True
                    return line
                if waiter.refusal is not None:
                    raise waiter.refusal
                if dial:
                    self._dial(waiter)
                left = _AGAIN_MS if limit is None else min(_AGAIN_MS, limit - carrier.now())
                if left <= 0:
                    raise TimedOut("no session within %d ms" % (timeout_ms or 0))
                await carrier.within(waiter.news.wait(), left)
        finally:
            self._waiters.remove(waiter)
            if waiter.attempt is not None:
                carrier.hang_up(waiter.attempt)

    def _dial(self, waiter: "_Waiter") -> None:
        if waiter.attempt is None:
            try:
                waiter.attempt = self.carrier.dial(waiter.peer)
            except Busy:
                pass  # somebody's handshake fills the table; it will end

    def _free(self, waiter: _Waiter) -> "Line | None":
        """Return a session that this one may have.

        Whoever asked for a peer by name comes before those who take anybody.
        """
        named = [other.peer for other in self._waiters]
        held = False
        for line in self._lines.values():
            wanted = line.peer_id not in named if waiter.peer is None else False
            if wanted or line.peer_id == waiter.peer:
                if not line.held:
                    return line
                held = waiter.peer is not None
        if held:
            raise UsageError("the session with %s is held" % short(waiter.peer or b""))
        return None

    def _refuse(self, event: Refused, ours: bool) -> None:
        for waiter in self._waiters:
            if waiter.attempt == event.session or (ours and waiter.attempt is None):
                waiter.attempt = None
                waiter.refusal = SessionRefused(event.reason, event.peer_id)
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.news.set()
