# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keeps one link alive: opens it, keeps a session on it, opens it again when the cable is back.

Every opening starts with a fresh engine: what the old one knew went with the cable, and what
must not be lost waits in the mailboxes. This side connects as soon as the link is open, when
it hears a session it does not know (we restarted, the board did not), and again with growing
pauses when a handshake fails. When both sides connect at once, the engine makes one of two.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NoReturn

from pqmesh.engine import Engine
from pqmesh.engine.events import Closed, Delivered, Established, Expired, Lost, Received, Refused
from pqmesh.errors import (
    Busy,
    NoSuchSession,
    ProtocolError,
    Unexpected,
    UnknownSession,
    UsageError,
)
from pqmesh.identity import short
from pqmesh.record import Record

from ..driver import LinkDriver, now_ms
from ..errors import OperatorError
from ..events import Event, EventBus
from ..transports.base import Link, LinkBroken, LinkUnavailable, Provider
from .backoff import RADIO_FIRST_MS, RADIO_LONGEST_MS, Backoff
from .board_session import BoardSession
from .handshake_counts import HandshakeCounts
from .radio_air import RadioAir
from .switchboard import Switchboard

REOPEN_FIRST_MS = 250
REOPEN_LONGEST_MS = 5_000
HINT_MS = 1_000
"""A frame of an unknown session starts a handshake at most this often: anyone can send one."""

DROP_REPORT_MS = 10_000
"""Frames the engine refuses are all counted, but reported at most this often."""

STEADY_MS = 5_000
"""A link that lived this long may be opened again at once."""

Trust = Callable[[bytes], bool]


class LinkRunner:
    """
    :param make_engine: ``make_engine(trust)`` gives a fresh engine with this link's profile
    :param expect: the only PeerId this link may carry, or None
    :param likely: ``likely(peer_id)`` tells whom to try to resume with on a link that anybody may
        use, given whom it carried last in this life; None for nobody
    :param wait: at the start, wait for a missing device instead of raising LinkUnavailable
    :param air: whose airtime this link spends; None: it is no radio
    """

    def __init__(
        self,
        provider: Provider,
        make_engine: Callable[[Trust | None], Engine],
        switchboard: Switchboard,
        bus: EventBus,
        *,
        expect: bytes | None = None,
        likely: Callable[[bytes | None], bytes | None] | None = None,
        wait: bool = False,
        air: RadioAir | None = None,
    ) -> None:
        self.name = provider.name
        self.ready = asyncio.Event()
        """The first opening has succeeded, or is being waited for."""

        self.link: Link | None = None
        self.sessions: dict[int, BoardSession] = {}
        self.drops: dict[str, int] = {}
        """Frames the engine refused, by the name of the error."""

        self.handshakes = HandshakeCounts()
        self.air = air
        self.broadcast_status: Callable[[], dict[str, int]] = dict
        """What went round and came in beside the sessions; empty where nothing does."""

        self._likely = likely
        self._last_peer: bytes | None = None
        self._guessed_wrong = False
        self._provider = provider
        self._make_engine = make_engine
        self._switchboard = switchboard
        self._bus = bus
        self.expect = expect
        self._wait = wait
        self._reopen = Backoff(REOPEN_FIRST_MS, REOPEN_LONGEST_MS)
        self._reconnect = Backoff() if air is None else Backoff(RADIO_FIRST_MS, RADIO_LONGEST_MS)
        self._engine: Engine
        self._driver: LinkDriver
        self._stopping = False
        self._connecting: int | None = None
        self._connect_timer: asyncio.TimerHandle | None = None
        self._pump_timer: asyncio.Handle | None = None
        self._hinted_at_ms = -HINT_MS
        self._drops_reported_ms = -DROP_REPORT_MS
        self._in_mark = 0
        """The driver's octet count when the last message came in."""

    async def run(self) -> NoReturn:
        """Serve the link until cancelled.

        :raises LinkUnavailable: it could not be opened the first time, and ``wait`` is not set
        """
        while True:
            opened_ms = now_ms()
            try:
                async with self._provider.open() as link:
                    self._publish("link-open")
                    self.ready.set()
                    await self._serve(link)
            except LinkUnavailable as error:
                if not (self.ready.is_set() or self._wait):
                    raise
                kind, text = "link-waiting", str(error)
            except LinkBroken as error:
                kind, text = "link-lost", str(error) or "the cable was pulled"
            self.ready.set()
            if now_ms() - opened_ms > STEADY_MS:
                self._reopen.reset()
            pause_ms = self._reopen.next_ms()
            self._publish(kind, text=text, retry_in_ms=pause_ms)
            await asyncio.sleep(pause_ms / 1000)

    async def shutdown(self) -> None:
        """Say goodbye to every board on the link; ``run`` may be cancelled afterwards."""
        self._stopping = True
        self._cancel_timers()
        if self.link is None:
            return
        for session in list(self.sessions):
            with contextlib.suppress(NoSuchSession):  # it ended in this very moment
                self._engine.close(session, self._driver.engine_ms())
        self._driver.settle()
        self._cancel_timers()
        await self._driver.flush()

    def carries(self, peer_id: bytes) -> bool:
        """Whether a session with this board is open here."""
        return any(session.hop.peer_id == peer_id for session in self.sessions.values())

    def pump_soon(self) -> None:
        """Give the engine what the mailboxes hold, from the top of the event loop."""
        if self._pump_timer is None and self.link is not None:
            self._pump_timer = asyncio.get_running_loop().call_soon(self._pump)

    def say(self, session: int, payload: bytes, priority: int, deadline_ms: int | None) -> int:
        """As Talker.say. A deadline waits with everything else while there is no airtime."""
        engine_ms = self._driver.engine_ms()
        deadline = None if deadline_ms is None else engine_ms + deadline_ms - now_ms()
        self.pump_soon()
        return self._engine.send(session, payload, engine_ms, priority, deadline)

    async def _serve(self, link: Link) -> None:
        self.link = link
        self._engine = self._make_engine(self._admits if self.expect is not None else None)
        self.handshakes.follow(self._engine.stats)
        air = None if self.air is None else self.air.passage(self._engine)
        self._driver = LinkDriver(
            *(self._engine, link, self._on_event, self._on_drop, air, self._on_wait)
        )
        self._reconnect.reset()
        self._connecting = None
        self._in_mark = 0
        self._connect_in(0)
        try:
            await self._driver.run()
        finally:
            self.link = None
            self._cancel_timers()
            for session in list(self.sessions):
                if self._stopping:
                    self._end(session, "session-closed", "this node stops")
                else:
                    self._end(session, "session-lost", "the link is gone")

    def _admits(self, peer_id: bytes) -> bool:
        return peer_id == self.expect

    # Connecting

    def _connect_in(self, pause_ms: int) -> None:
        if self._connect_timer is not None:
            self._connect_timer.cancel()
        loop = asyncio.get_running_loop()
        self._connect_timer = loop.call_later(pause_ms / 1000, self._connect)

    def _connect(self) -> None:
        self._connect_timer = None
        whom = self._whom()
        nobody = whom is None and self.air is not None and not self.air.strangers
        if self.sessions or self._connecting is not None or nobody:  # nobody: they call us
            return
        try:
            self._connecting = self._engine.connect(self._driver.engine_ms(), whom)
        except Busy:  # a board's own handshake is in progress; it ends in an event
            self._connect_in(self._reconnect.next_ms())
        self._settle()

    def _whom(self) -> bytes | None:
        """Whom to connect to: the pinned board, or one that can be resumed with if it is there."""
        if self.expect is None and self._likely is not None and not self._guessed_wrong:
            return self._likely(self._last_peer)
        return self.expect

    def _settle(self) -> None:
        """Settle from a timer, where nobody waits for an exception."""
        try:
            self._driver.settle()
        except OperatorError as error:
            self._driver.fail(error)

    def _cancel_timers(self) -> None:
        for timer in (self._connect_timer, self._pump_timer):
            if timer is not None:
                timer.cancel()
        self._connect_timer = self._pump_timer = None

    # What the engine tells

    def _on_event(self, event: Record) -> None:
        if isinstance(event, Received):
            self._received(event)
        elif isinstance(event, Delivered):
            self._delivered(event)
        elif isinstance(event, Expired):
            self._switchboard.programs.expired(self.sessions[event.session], event.message)
            self.pump_soon()
        elif isinstance(event, Established):
            self._established(event)
        elif isinstance(event, Refused):
            self._refused(event)
        elif isinstance(event, Lost):
            self._end(event.session, "session-lost", event.reason)
            self._connect_in(0)
        elif isinstance(event, Closed):
            if event.session in self.sessions:
                closed = self.sessions[event.session]
                self._switchboard.programs.closed(closed, event.reason, by_peer=event.by_peer)
            if event.by_peer:
                text = f"closed by the board, reason {event.reason}"
                self._end(event.session, "session-lost", text)
            else:
                self._end(event.session, "session-closed", f"closed, reason {event.reason}")
            self._connect_in(self._reconnect.next_ms())

    def _established(self, event: Established) -> None:
        session = BoardSession(self, event.session, event.peer_id)
        session.mailbox = self._switchboard.attach(session)
        self._switchboard.programs.opened(session)
        self.sessions[event.session] = session
        self._connecting = None
        self._last_peer = event.peer_id
        self._guessed_wrong = False
        self._reconnect.reset()
        self._in_mark = self._driver.frame_bytes_in
        self._publish(
            "session-open",
            peer=event.peer_id,
            wire_bytes=event.sent_bytes + event.received_bytes,
            ms=event.elapsed_ms,
            initiator=event.initiator,
            resumed=self.handshakes.was_resumed(),
        )
        self.pump_soon()

    def _received(self, event: Received) -> None:
        session = self.sessions[event.session]
        wire_bytes = self._driver.frame_bytes_in - self._in_mark
        self._in_mark = self._driver.frame_bytes_in
        try:
            self._switchboard.take(event.payload, session, wire_bytes)
        except ProtocolError as error:
            self._publish("dropped", peer=session.hop.peer_id, text=f"no mesh message: {error}")

    def _delivered(self, event: Delivered) -> None:
        session = self.sessions[event.session]
        self._switchboard.programs.delivered(session, event.message, event.rtt_ms)
        handed = session.mailbox.delivered(session.serial, event.message, now_ms())
        if handed is not None:
            mark = session.sent_marks.pop(event.message, self._driver.frame_bytes_out)
            self._switchboard.handed_over(session, handed, self._driver.frame_bytes_out - mark)
        self.pump_soon()

    def _refused(self, event: Refused) -> None:
        if event.session == self._connecting:
            self._connecting = None
            self._guessed_wrong = True  # another board may hang on this cable now
        pause_ms = self._reconnect.next_ms()
        wrong = self.expect is not None and event.peer_id not in (None, self.expect)
        if wrong and self.expect is not None:
            self._publish(
                "wrong-key",
                peer=event.peer_id,
                text=f"this link is pinned to {short(self.expect)}; put that board back, or "
                "change `expect` in the configuration if the new board is meant",
                expected=self.expect.hex(),
                retry_in_ms=pause_ms,
            )
        elif not self.sessions:  # with one, this was the loser of two crossed handshakes
            self._publish("session-refused", text=event.reason, retry_in_ms=pause_ms)
        if not self.sessions:
            self._connect_in(pause_ms)

    def _end(self, handle: int, kind: str, text: str) -> None:
        session = self.sessions.pop(handle, None)
        if session is None:
            return
        self._switchboard.detach(session)
        self._switchboard.programs.lost(session, text)
        if session.mailbox.session_ended(session.serial):
            self._switchboard.wake(session.hop.peer_id)  # a newer session takes over
        self._publish(kind, peer=session.hop.peer_id, text=text)

    def _on_drop(self, error: ProtocolError) -> None:
        name = type(error).__name__
        self.drops[name] = self.drops.get(name, 0) + 1
        now = now_ms()
        if isinstance(error, UnknownSession) and now - self._hinted_at_ms >= HINT_MS:
            self._hinted_at_ms = now
            due = self.air is not None and self._connect_timer is not None  # and soon enough
            if not (self.sessions or due) and self._connecting is None:
                self._connect_in(0)
        if isinstance(error, Unexpected) and self._connecting is not None:
            return  # both sides connected at once; the engine makes one handshake of the two
        if now - self._drops_reported_ms >= DROP_REPORT_MS:
            self._drops_reported_ms = now
            count = sum(self.drops.values())
            self._publish("dropped", text=f"frame refused: {error} ({count} so far)", cause=name)

    def _on_wait(self, until_us: int) -> None:
        """Frames wait for airtime."""
        if self.air is not None:
            self._bus.publish(self.air.waiting_event(self.name, until_us))

    # What the mailboxes hold

    def _pump(self) -> None:
        self._pump_timer = None
        try:
            for session in self.sessions.values():
                self._pump_session(session)
        except OperatorError as error:
            self._driver.fail(error)
        self._settle()

    def _pump_session(self, session: BoardSession) -> None:
        box = session.mailbox
        while (waiting := box.waiting()) is not None:
            ident, payload = waiting
            try:
                number = self._engine.send(session.session, payload, self._driver.engine_ms())
            except (Busy, NoSuchSession):
                return  # Delivered wakes us; or the session's end is on its way to us
            except UsageError as error:  # longer than the board takes: never will be shorter
                box.discard(ident)
                self._publish("dropped", peer=session.hop.peer_id, text=str(error))
            else:
                box.sent(ident, session.serial, number)
                session.sent_marks[number] = self._driver.frame_bytes_out

    def _publish(
        self,
        kind: str,
        *,
        peer: bytes | None = None,
        wire_bytes: int | None = None,
        ms: int | None = None,
        text: str = "",
        **details: object,
    ) -> None:
        self._bus.publish(
            Event(
                kind=kind,
                peer=peer,
                over=self.name,
                wire_bytes=wire_bytes,
                ms=ms,
                text=text,
                details=details,
            )
        )
