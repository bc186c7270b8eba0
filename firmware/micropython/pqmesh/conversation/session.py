# SPDX-License-Identifier: MIT OR Apache-2.0
"""A session as a program holds it: ``async with``, send, receive, flush, close."""

from ..compat import TYPE_CHECKING
from ..errors import Busy, MessageExpired, NoSuchSession, TimedOut, UsageError
from ..wire.application import APPLICATION
from .line import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..record import Record
    from .line import Line
    from .sessions import Sessions


class Session:
    """Made by ``session()`` or ``accept()`` of a node; open inside ``async with``.

    Leaving the block without an exception waits until everything sent is delivered or expired,
    and closes the session, if this node has no other use for it. With one it closes at once.
    """

    def __init__(
        self,
        sessions: "Sessions",
        peer: "bytes | None",
        dial: bool,
        timeout_ms: "int | None",
        on_event: "Callable[[Record], None] | None",
    ) -> None:
        self._sessions = sessions
        self._wanted = (peer, dial, timeout_ms)
        self._on_event = on_event
        self._line: "Line | None" = None

    @property
    def peer_id(self) -> bytes:
        """Who is at the other end, proved. :raises NoSuchSession: it is not open"""
        return self._open().peer_id

    @property
    def ended(self) -> bool:
        """Whether it has been closed or lost, or was never open."""
        return self._line is None or self._line.end is not None

    @property
    def dropped(self) -> int:
        """Messages pushed out by newer ones because the program did not fetch them in time."""
        return self._open().dropped

    async def __aenter__(self) -> "Session":
        """
        :raises SessionRefused: the handshake failed, or whom we ask for may not be had
        :raises TimedOut: it did not come about in time
        :raises UsageError: the session with this peer is held by another part of the program
        """
        if self._line is not None:
            raise UsageError("this session is open already")
        self._line = await self._sessions.open(*self._wanted)
        self._line.on_event = self._on_event
        return self

    async def __aexit__(self, kind: "Any", error: "Any", trace: "Any") -> None:
        try:
            if kind is None and self._line is not None:
                await self.flush()
        finally:
            line = self._let_go()
        if kind is None and line is not None:
            await line.until(lambda: line.end, None)

    async def send(
        self, data: bytes, priority: int = 0, deadline_ms: "int | None" = None
    ) -> Message:
        """Queue a message, reliable and in order with others of its priority.

        Waits while the queue is full. ``Message.delivered`` waits for the acknowledgement.

        :param priority: among messages not begun yet a larger one goes first
        :param deadline_ms: if it has not begun to leave after so long it is dropped whole
        :raises MessageExpired: the queue was full for so long
        :raises SessionEnded: the session is over
        :raises UsageError: longer than both sides accept; 4,095 octets always pass
        """
        line = self._open()
        payload = bytes((APPLICATION,)) + data
        now = self._sessions.carrier.now
        deadline = None if deadline_ms is None else now() + deadline_ms
        while line.end is None:
            try:
                number = self._sessions.carrier.send(line.session, payload, priority, deadline)
            except (Busy, NoSuchSession):  # until the next Delivered; or its end is on its way
                pass
            else:
                message = line.under_way[number] = Message(line, number)
                return message
            left = None if deadline is None else max(0, deadline - now())
            if not await line.until(line.next_news(), left):
                raise MessageExpired("the queue was full until the deadline")
        raise line.ending()

    async def receive(self, timeout_ms: "int | None" = None) -> bytes:
        """Return the next message of the peer's program.

        :raises SessionEnded: the session is over, and everything that came was returned
        :raises TimedOut: none came in time; none is lost by that
        """
        line = self._open()
        if not await line.until(lambda: line.inbox or line.end, timeout_ms):
            raise TimedOut("no message within %d ms" % (timeout_ms or 0))
        if line.inbox:
            return line.inbox.popleft()
        raise line.ending()

    async def flush(self, timeout_ms: "int | None" = None) -> None:
        """Wait until everything sent is delivered or expired.

        :raises SessionEnded: the session is over, and something was under way
        :raises TimedOut: something is under way still
        """
        line = self._open()
        if not await line.until(lambda: line.end or not line.under_way, timeout_ms):
            raise TimedOut("%d messages are not delivered yet" % len(line.under_way))
        if line.under_way:
            raise line.ending()

    async def close(self) -> None:
        """End it without waiting for what is under way; the peer is told. Idempotent."""
        line = self._let_go()
        if line is not None:
            await line.until(lambda: line.end, None)

    def _open(self) -> "Line":
        if self._line is None:
            raise NoSuchSession("not open: use `async with`")
        return self._line

    def _let_go(self) -> "Line | None":
        """Give the line back; return it if an end is to be waited for."""
        line, self._line = self._line, None
        if line is None:
            return None
        line.held = False
        line.on_event = None
        if line.end is None and self._sessions.carrier.hang_up(line.session):
            return line
        return None
