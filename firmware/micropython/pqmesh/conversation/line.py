# SPDX-License-Identifier: MIT OR Apache-2.0
"""One open session of a carrier, and the messages a program has under way in it."""

from collections import deque

from ..compat import TYPE_CHECKING
from ..engine.events import Closed, Delivered, Expired, Lost, Received
from ..errors import MessageExpired, SessionEnded, TimedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, Protocol

    from ..record import Record

    class Event(Protocol):
        """Of asyncio."""

        def set(self) -> None: ...
        def clear(self) -> None: ...
        async def wait(self) -> "Any": ...

    class Waits(Protocol):
        """Time, and waiting for something, as this runtime has them."""

        def now(self) -> int:
            """Return the clock that ``send`` takes deadlines of, in ms."""
            ...

        def event(self) -> Event:
            """Make an event."""
            ...

        async def within(self, awaitable: "Awaitable[Any]", ms: int) -> bool:
            """Wait for it, at most ``ms``; returns whether it came."""
            ...

    class Carrier(Waits, Protocol):
        """Whoever owns the engine, or what is in its place."""

        def dial(self, peer: "bytes | None") -> "int | None":
            """Begin a handshake; return its handle, None if others see to it that one begins.

            :raises Busy: not now
            :raises SessionRefused: never
            """
            ...

        def send(self, session: int, payload: bytes, priority: int, deadline: "int | None") -> int:
            """As Engine.send."""
            ...

        def hang_up(self, session: int) -> bool:
            """End a session or an attempt; False: it goes on, for others have use for it."""
            ...


class Message:
    """One message on its way to the peer."""

    def __init__(self, line: "Line", number: int) -> None:
        self.number = number
        self.rtt_ms: "int | None" = None  # from its first frame to its last acknowledgement
        self.expired = False
        self._line = line

    async def delivered(self, timeout_ms: "int | None" = None) -> int:
        """Wait until the peer has acknowledged the whole of it; returns ``rtt_ms``.

        :raises MessageExpired: it had not begun to leave by its deadline
        :raises SessionEnded: before an acknowledgement came; the peer may have it
        :raises TimedOut: not yet
        """
        if not await self._line.until(self._is_settled, timeout_ms):
            raise TimedOut("message %d is not delivered yet" % self.number)
        if self.rtt_ms is not None:
            return self.rtt_ms
        if self.expired:
            raise MessageExpired("message %d did not leave in time" % self.number)
        raise self._line.ending()

    def _is_settled(self) -> bool:
        return self.rtt_ms is not None or self.expired or self._line.end is not None


class Line:
    """An open session of the engine, whether a program holds it or not."""

    def __init__(self, carrier: "Carrier", session: int, peer_id: bytes, inbox: int) -> None:
        self.session = session
        self.peer_id = peer_id
        self.held = False
        self.dropped = 0
        self.end: "Record | None" = None
        self.inbox: "deque[bytes]" = deque((), inbox)
        self.under_way: "dict[int, Message]" = {}
        self.on_event: "Callable[[Record], None] | None" = None
        self._room = inbox
        self._carrier = carrier
        self._news = carrier.event()
        self._turn = 0  # counts events

    def handle_event(self, event: "Record") -> None:
        if isinstance(event, Received):
            if len(self.inbox) == self._room:
                self.dropped += 1
            self.inbox.append(event.payload[1:])
        elif isinstance(event, Delivered):
            message = self.under_way.pop(event.message, None)
            if message is not None:
                message.rtt_ms = event.rtt_ms
        elif isinstance(event, Expired):
            message = self.under_way.pop(event.message, None)
            if message is not None:
                message.expired = True
        elif isinstance(event, (Closed, Lost)):
            self.end = event
        if self.on_event is not None:
            self.on_event(event)
        self._turn += 1
        self._news.set()

    def next_news(self) -> "Callable[[], bool]":
        """Return a condition that the next event makes true."""
        turn = self._turn
        return lambda: self._turn != turn

    async def until(self, condition: "Callable[[], Any]", timeout_ms: "int | None") -> bool:
        """Wait until an event has made it true; False when the time is over first."""
        now = self._carrier.now
        limit = None if timeout_ms is None else now() + timeout_ms
        while not condition():
            self._news.clear()
            if limit is None:
                await self._news.wait()
            elif now() >= limit:
                return False
            else:
                await self._carrier.within(self._news.wait(), limit - now())
        return True

    def ending(self) -> SessionEnded:
        """How it ended, as a fresh error for one of its users."""
        if isinstance(self.end, Closed):
            who = "the peer" if self.end.by_peer else "this side"
            text = "closed by %s, reason %d" % (who, self.end.reason)
            return SessionEnded(text, self.end.reason, self.end.by_peer)
        return SessionEnded(getattr(self.end, "reason", "the link is gone"))
