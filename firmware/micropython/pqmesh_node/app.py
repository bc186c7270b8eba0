# SPDX-License-Identifier: MIT OR Apache-2.0
"""The node: one link, one engine, what it measures and what it can be told to do.

    link <-> LinkDriver <-> Engine --events--> Node --> Mailbox --> Engine
                                                |
                           Sensors --readings---+---commands--> CommandDesk --> Commands

One task serves the link, one takes readings, one runs commands in the order they came.
"""

import asyncio
import gc
from collections import deque

from pqmesh.compat import const
from pqmesh.engine.engine import Engine
from pqmesh.engine.events import Delivered, Established, Received
from pqmesh.errors import ProtocolError
from pqmesh.limits import BOARD, SERIAL_LINK
from pqmesh.wire import mesh
from pqmesh.wire.mesh import MeshMessage

from . import builtin
from . import settings as board_settings
from .clock import Clock
from .commands import Commands
from .compat import TYPE_CHECKING, sleep_ms, wait_for_ms
from .connection import Connection
from .custody import Custody
from .driver import LinkDriver
from .entropy import entropy as board_entropy
from .events import AirtimeWait, LinkFailed, Published
from .farewell import say_goodbye
from .identity import load_or_create
from .inbound import CommandDesk
from .journal import CommandJournal
from .mailbox import Mailbox
from .newcomer import Newcomer, objection_to
from .report import counters_of, status_of
from .sensors import Sensors
from .slots import FileSlots
from .tasks import run_together
from .vault import Vault
from .walltime import WallTime

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.conversation.session import Session
    from pqmesh.conversation.sessions import Sessions
    from pqmesh.engine.stats import Stats
    from pqmesh.limits import Limits, LinkProfile
    from pqmesh.record import Record

    from .driver import Link
    from .provisioning import ProvisioningDesk
    from .settings import Settings
    from .store import Store

INBOX_MESSAGES = const(8)
_LINK_RETRY_MS = const(1_000)
_APPLICATION = b"\x60"  # first octet of pqmesh.wire.application


class Node:
    """A mesh node on one link.

    :param link: frames in and out (serial.SerialLink, a radio); its owner closes it
    :param store: where identity, settings and the command journal live
    :param crypto: a provider of pqmesh.crypto (crypto.BoardCrypto on boards)
    :param settings: None takes what is stored, or the defaults
    :param profile: what the link can do (pqmesh.limits)
    :param limits: how much memory the engine may use
    :param on_event: called with every engine event and every event of events.py; must be quick
    :param vault: where replaceable secrets live; None keeps them in files beside ``store``'s
    :param watchdog: called at least once a second while the node lives, say ``WDT.feed``.
        A signature holds the loop for up to seconds on a slow core: choose its timeout so.

    On a shared link the stored plan holds (radio.py). Making a Node makes its identity at first
    boot. Raises store.StoreError when the flash fails, entropy.EntropyFailure when a new identity
    would not be random, settings.SettingsError when the plan cannot be kept.
    """

    def __init__(
        self,
        link: "Link",
        store: "Store",
        crypto: "Any",
        *,
        settings: "Settings | None" = None,
        profile: "LinkProfile" = SERIAL_LINK,
        limits: "Limits" = BOARD,
        on_event: "Callable[[Record], None] | None" = None,
        vault: "Vault | None" = None,
        watchdog: "Callable[[], None] | None" = None,
        entropy: "Callable[[int], bytes]" = board_entropy,
        clock: "Clock | None" = None,
    ) -> None:
        self.settings = settings or board_settings.load(store) or board_settings.default()
        self.sensors = Sensors()
        self.commands = Commands()
        self.counts = {"link_failures": 0, "unreadable": 0, "inbox_dropped": 0, "unheard": 0}
        self._link = link
        self._store = store
        self._clock = clock or Clock()
        self._watchdog = watchdog
        self._tell = on_event or _ignore
        self._crypto = crypto
        self._profile = profile
        self._limits = limits
        self._identity = load_or_create(store, crypto, entropy)
        time = WallTime(self._clock)
        vault = vault or Vault(FileSlots(store.files))
        self.custody = Custody(store, vault, self._identity, crypto, time, entropy)
        self._entropy = self.custody.random
        self.mailbox = Mailbox()
        self._desk = CommandDesk(
            self.peer_id,
            self.settings.expect is not None,
            self.commands,
            CommandJournal(store),
            self.mailbox,
            self._entropy,
            self._on_own_event,
        )
        self._time = time
        self._newcomer = Newcomer(time, self._make_desk)
        self.radio = self.custody.radio(profile)  # what is planned for a link that others share
        self._sessions: "Sessions | None" = None  # of the program, once it has asked for one
        self._start_afresh()
        self._round = asyncio.Event()  # set: take a round of readings now
        self._inbox: "deque[tuple[bytes, MeshMessage]]" = deque((), INBOX_MESSAGES)
        self._arrived = asyncio.Event()
        builtin.add_sensors(self)
        builtin.add_commands(self)
        self._desk.recover()

    # ---- the program's side ----

    @property
    def peer_id(self) -> bytes:
        """Our name on every transport, 32 bytes."""
        return self._identity.peer_id

    @property
    def connected(self) -> bool:
        """Whether a session with the neighbour is up."""
        return self._connection.session is not None

    @property
    def neighbour(self) -> "bytes | None":
        """PeerId of whom the session is with, None without one."""
        return self._connection.peer_id

    @property
    def handshakes(self) -> int:
        """How many we have begun in this life."""
        return self._connection.attempts

    @property
    def engine_stats(self) -> "Stats":
        """The engine's counters since run() was called."""
        return self._engine.stats

    async def run(self) -> None:
        """Be a node until cancelled. Survives link errors; anything else is a bug and raises.

        May be called again, also after a KeyboardInterrupt struck somewhere inside.
        """
        self._start_afresh()
        await run_together(
            self._serve_link, self._take_readings, self._desk.run, self._newcomer.run
        )

    async def send(self, message: "MeshMessage") -> None:
        """Queue a message of our own; waits while the mailbox is full. Cancelling is safe.

        It is kept until the neighbour has acknowledged it, across sessions, not across
        restarts. Raises pqmesh.errors.UsageError for a message that does not encode.
        """
        payload = message.encode()
        while not self.mailbox.has_room():
            await sleep_ms(_LINK_RETRY_MS)
        self.mailbox.add_reading(message.id, payload)
        self._driver.wake()

    async def recv(self) -> "tuple[bytes, MeshMessage]":
        """The next message that is not a command, as (origin, message). Cancelling is safe.

        At most INBOX_MESSAGES wait here; a newer one then pushes out the oldest, counted in
        ``counts["inbox_dropped"]``.
        """
        while not self._inbox:
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbox.popleft()

    def session(
        self,
        peer: "bytes | None" = None,
        timeout_ms: "int | None" = None,
        on_event: "Callable[[Record], None] | None" = None,
    ) -> "Session":
        """The node's session with ``peer`` (None: whoever it is) for octets of the program's own.

        ``async with`` it (pqmesh.conversation); leaving the block does not close it.
        """
        return self._opened().session(peer, timeout_ms, on_event)

    def publish(self, name: str, value: int, unit: str = "") -> bool:
        """Queue one reading; False when it was dropped because the mailbox is full."""
        ident = self._entropy(mesh.ID_BYTES)
        payload = mesh.reading(ident, name, value, unit, self.uptime_ms()).encode()
        taken = self.mailbox.add_reading(ident, payload)
        if taken:
            self._tell(Published(ident, name, value, unit))
            self._driver.wake()
        return taken

    def publish_all(self) -> int:
        """Take one round of readings now; returns how many were queued."""
        taken = [self.publish(one.name, one.value, one.unit) for one in self.sensors.read_all()]
        return sum(taken)

    def change_settings(self, **values: "Any") -> None:
        """Check, store and apply. Raises settings.SettingsError or store.StoreError."""
        changed = board_settings.changed(self.settings, **values)
        board_settings.save(self._store, changed)
        self.settings = changed
        self._round.set()

    async def goodbye(self) -> None:
        """Tell the neighbour that we stop, and let it answer. Call after run() has ended."""
        session = self._connection.session
        if session is not None:
            await say_goodbye(self._engine, session, self._link, self._driver)

    def uptime_ms(self) -> int:
        return self._clock.now()

    def loop_turns(self) -> int:
        return self._driver.turns

    def link_bytes(self) -> int:
        """Octets moved over the link in both directions, framing included."""
        return self._link.bytes_in + self._link.bytes_out

    def status(self) -> "dict[str, Any]":
        """What an operator asks for first; also the answer to the command ``status``."""
        return status_of(self)

    def counters(self) -> "dict[str, Any]":
        """Everything that is counted, for a closer look than ``status()``."""
        return counters_of(self, self._desk.counts, self._newcomer, self._driver, self._link)

    # ---- the engine's side ----

    def _start_afresh(self) -> None:
        """A new engine: the old one may have been interrupted in the middle of anything."""
        self._engine = Engine(
            self._identity,
            self._crypto,
            self._entropy,
            self._profile,
            self._admits,
            self._limits,
            **self.custody.engine_ports(self.radio),
        )
        self._connection = Connection(
            self._engine, self.settings.expect, self._entropy, self.radio is not None
        )
        self.mailbox.session_ended()
        if self._sessions is not None:
            self._sessions.lost("the node was stopped")
        self._driver = LinkDriver(
            *(self._engine, self._link, self._clock, self._on_event, self._tick),
            air=None if self.radio is None else self.radio.passage(self._engine),
            on_wait=lambda ms: self._tell(AirtimeWait(ms)),
        )

    def _admits(self, peer_id: bytes) -> bool:
        return self.settings.expect in (None, peer_id)

    async def _serve_link(self) -> None:
        while True:
            try:
                await self._driver.run()
            except OSError as error:
                self.counts["link_failures"] += 1
                self._tell(LinkFailed(repr(error), _LINK_RETRY_MS))
                await sleep_ms(_LINK_RETRY_MS)

    async def _take_readings(self) -> None:
        while True:
            try:
                await wait_for_ms(self._round.wait(), self.settings.interval_ms)
            except asyncio.TimeoutError:
                pass
            self._round.clear()
            self.publish_all()

    def _tick(self) -> None:
        now = self._driver.engine_ms()
        self._connection.handle_timeout(now)
        self.mailbox.pump(self._engine, now)
        if self._watchdog is not None:
            self._watchdog()

    def _on_event(self, event: "Record") -> None:
        """One engine event; whatever must be durable is, when this returns."""
        now = self._driver.engine_ms()
        ours = event.session == self._connection.attempt
        if isinstance(event, Received):
            self._on_message(event)
        elif isinstance(event, Delivered):
            if not self._newcomer.delivered(event.session, event.message):
                ident = self.mailbox.delivered(event.session, event.message)
                if ident is not None:
                    self._desk.delivered(ident)
        elif self._connection.handle_event(event, now):
            if isinstance(event, Established):
                self.mailbox.session_began(event.session)
            else:
                self.mailbox.session_ended()
                self._newcomer.session_ended(event.session)
        if self._sessions is not None and not isinstance(event, Received):
            self._sessions.handle_event(event, ours)
        self._driver.wake()  # the mailbox may have work, or room, now
        self._tell(event)

    def _on_message(self, event: Received) -> None:
        peer_id = self._connection.peer_of(event.session)
        objection = objection_to(peer_id, self.settings.expect, self.radio is None)
        if self._newcomer.take(event.payload, event.session, peer_id, objection):
            return
        if event.payload[:1] == _APPLICATION:
            if self._sessions is None:  # no program here takes any
                self.counts["unheard"] += 1
            else:
                self._sessions.handle_event(event)
            return
        try:
            message = MeshMessage.decode(event.payload)
        except ProtocolError:
            self.counts["unreadable"] += 1
            return
        if message.kind == mesh.COMMAND:
            self._desk.take(message, peer_id)
            return
        if len(self._inbox) == INBOX_MESSAGES:
            self.counts["inbox_dropped"] += 1
        self._inbox.append((message.origin or peer_id, message))
        self._arrived.set()

    def _make_desk(self) -> "ProvisioningDesk":
        gc.collect()  # what is imported stays: it should not lie between what goes
        from .provisioning import ProvisioningDesk

        return ProvisioningDesk(
            self.custody, self._crypto, self._store, self._time, self._send_raw, self._provisioned
        )

    def _provisioned(self, peer_id: bytes, plan: "dict[str, Any]") -> None:
        """Belong to ``peer_id`` from now on."""
        values: "dict[str, Any]" = {"expect": peer_id}
        for setting, key in (("name", "name"), ("interval_ms", "interval")):
            if key in plan:
                values[setting] = plan[key]
        self.change_settings(**values)
        self._connection.expect = peer_id
        self._desk.pinned = True

    def _opened(self) -> "Sessions":
        """The program's sessions; what they need is imported when it asks for the first."""
        if self._sessions is None:
            gc.collect()
            from .carrier import node_sessions

            self._sessions = node_sessions(self._clock, self._send_raw, lambda: self.settings)
            if self.neighbour is not None:
                self._sessions.established(self._connection.session, self.neighbour)
        return self._sessions

    def _send_raw(
        self, session: int, payload: bytes, priority: int = 0, deadline: "int | None" = None
    ) -> int:
        self._driver.wake()
        now = self._driver.engine_ms()
        if deadline is not None:
            deadline += now - self._clock.now()
        return self._engine.send(session, payload, now, priority, deadline)

    def _on_own_event(self, event: "Record") -> None:
        self._driver.wake()  # a reply may be waiting in the mailbox
        self._tell(event)


def _ignore(event: "Record") -> None:
    pass
