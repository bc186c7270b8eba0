# SPDX-License-Identifier: MIT OR Apache-2.0
"""A gateway for tests of boards: the real engine on a unix socket, with its hands on the cable.

    gateway = BenchGateway()
    async with gateway.plugged(board.link_address):
        await gateway.session()
        reply = await gateway.command("ping", {})

It keeps what the real gateway keeps (ids of messages seen, commands not yet acknowledged), and
shows what the real one hides: every event, every repeat, every octet on the wire. The cable
can be pulled and plugged in again, and octets of a test's own can be put on it.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from pqmesh.delivery import Inbox, Outbox
from pqmesh.engine.engine import Engine
from pqmesh.engine.events import Delivered, Established, Received
from pqmesh.errors import ProtocolError
from pqmesh.framing.hdlc import Deframer, enframe
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY, SERIAL_LINK
from pqmesh.wire import mesh
from pqmesh.wire.application import APPLICATION
from pqmesh.wire.mesh import MeshMessage
from pqmesh_host.crypto import HostCrypto

_CHUNK = 4096


class BenchGateway:
    """One identity, one engine per plugging-in; mailboxes and tickets outlive the cable."""

    def __init__(
        self,
        seed: bytes | None = None,
        expect: bytes | None = None,
        tickets: Any = None,
    ) -> None:
        self.crypto = HostCrypto()
        self.identity = Identity(seed or os.urandom(32), self.crypto)
        self.expect = expect
        self.tickets = tickets
        """The port of pqmesh.engine.tickets; None: every session begins with a full handshake."""

        self.initiates = True
        self.events: list[Any] = []
        self.readings: list[MeshMessage] = []
        self.repeats: list[MeshMessage] = []
        self.heard: list[bytes] = []
        """What the board's program said in its session."""

        self.replies: dict[bytes, MeshMessage] = {}
        self.refused: list[str] = []
        self.bytes_in = self.bytes_out = 0
        self.on_bytes: Callable[[int, int], None] | None = None
        self._inbox = Inbox(8, 4096)
        self._outbox = Outbox(64)
        self._news = asyncio.Event()
        self._session: int | None = None
        self._engine: Engine | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def peer_id(self) -> bytes:
        return self.identity.peer_id

    @property
    def resumed(self) -> int:
        """Sessions that came about by HS-R since the last plugging-in."""
        return 0 if self._engine is None else self._engine.stats.handshakes_resumed

    @contextlib.asynccontextmanager
    async def plugged(self, path: str) -> AsyncIterator["BenchGateway"]:
        await self.plug(path)
        try:
            yield self
        finally:
            await self.pull()

    async def plug(self, path: str, timeout_s: float = 10.0) -> None:
        """Plug the cable in: a new engine, as after a restart of the gateway's process."""
        reader, self._writer = await _open(path, timeout_s)
        trust = None if self.expect is None else lambda peer_id: peer_id == self.expect
        self._engine = Engine(
            self.identity, self.crypto, os.urandom, SERIAL_LINK, trust, GATEWAY, self.tickets
        )
        self._session = None
        if self.initiates:
            self._engine.connect(_now_ms(), self.expect)
        self._tasks = [
            asyncio.create_task(self._read(reader)),
            asyncio.create_task(self._watch_clock()),
        ]
        self._settle()

    async def pull(self) -> None:
        """Pull the cable; nothing is said to the board."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            self._writer = None
        if self._session is not None:
            self._outbox.session_ended(self._session)
            self._session = None

    async def put(self, octets: bytes) -> None:
        """Octets of the test's own on the cable."""
        if self._writer is None:
            raise RuntimeError("the cable is not plugged in")
        self._writer.write(octets)
        await self._writer.drain()

    async def session(self, timeout_s: float = 30.0) -> Established:
        """Wait until a session is up; returns how it came about."""
        await self.until(lambda: self._session is not None, timeout_s)
        return [event for event in self.events if isinstance(event, Established)][-1]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until something that an event may change is so; says what was seen if not."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"not within {timeout_s} s; events {self.events[-8:]}, refused frames "
                f"{self.refused[-8:]}, {len(self.readings)} readings"
            ) from None

    async def next_readings(self, count: int, timeout_s: float = 30.0) -> list[MeshMessage]:
        """Wait for ``count`` readings that have not been here before."""
        have = len(self.readings)
        await self.until(lambda: len(self.readings) >= have + count, timeout_s)
        return self.readings[have : have + count]

    def ask(self, name: str, arguments: dict[str, Any], ident: bytes | None = None) -> bytes:
        """Queue a command; it is sent again in every session until acknowledged."""
        ident = ident or os.urandom(mesh.ID_BYTES)
        self._outbox.add(ident, mesh.command(ident, name, arguments).encode())
        self._settle()
        return ident

    def say(self, data: bytes) -> None:
        """To the board's program, in the session that is up."""
        if self._engine is None or self._session is None:
            raise RuntimeError("there is no session")
        self._engine.send(self._session, bytes((APPLICATION,)) + data, _now_ms())
        self._settle()

    async def command(
        self, name: str, arguments: dict[str, Any], timeout_s: float = 30.0
    ) -> dict[str, Any]:
        """Send a command and wait for its reply's body."""
        ident = self.ask(name, arguments)
        await self.until(lambda: ident in self.replies, timeout_s)
        return self.replies[ident].body

    async def _read(self, reader: asyncio.StreamReader) -> None:
        deframer = Deframer(SERIAL_LINK.mtu)
        while chunk := await reader.read(_CHUNK):
            self.bytes_in += len(chunk)
            if self.on_bytes is not None:
                self.on_bytes(self.bytes_in, self.bytes_out)
            for frame in deframer.feed(chunk):
                try:
                    self._engine.receive(frame, _now_ms())
                except ProtocolError as error:
                    self.refused.append(repr(error))
                self._settle()

    async def _watch_clock(self) -> None:
        while True:
            deadline = self._engine.next_deadline()
            wait_s = 0.05 if deadline is None else (deadline - _now_ms()) / 1000
            await asyncio.sleep(min(0.05, max(0.0, wait_s)))
            self._engine.handle_timeout(_now_ms())
            self._settle()

    def _settle(self) -> None:
        engine = self._engine
        if engine is None or self._writer is None:
            return
        while (event := engine.next_event()) is not None:
            self._on_event(event)
        while self._session is not None and (waiting := self._outbox.waiting()) is not None:
            number = engine.send(self._session, waiting[1], _now_ms())
            self._outbox.sent(waiting[0], self._session, number)
        while (frame := engine.next_transmit()) is not None:
            wire = enframe(frame)
            self.bytes_out += len(wire)
            self._writer.write(wire)

    def _on_event(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Established):
            if self._session is not None:
                self._outbox.session_ended(self._session)
            self._session = event.session
        elif isinstance(event, Received) and event.payload[0] == APPLICATION:
            self.heard.append(event.payload[1:])
        elif isinstance(event, Received):
            self._on_message(MeshMessage.decode(event.payload))
        elif isinstance(event, Delivered):
            self._outbox.delivered(event.session, event.message)
        elif event.session == self._session:  # Closed, Lost
            self._outbox.session_ended(self._session)
            self._session = None
        self._news.set()

    def _on_message(self, message: MeshMessage) -> None:
        if not self._inbox.accept(b"board", message.id):
            self.repeats.append(message)
        elif message.kind == mesh.REPLY:
            self.replies[message.body["re"]] = message
        else:
            self.readings.append(message)


async def _open(path: str, timeout_s: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                return await asyncio.open_unix_connection(path)
            except OSError:  # the board is not up yet
                await asyncio.sleep(0.02)


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
