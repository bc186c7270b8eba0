# SPDX-License-Identifier: MIT OR Apache-2.0
"""A serial cable with a baud rate, between an emulated board and whoever talks to it.

    async with SerialMedium(board.link_address, baud=115200) as medium:
        ... connect to medium.address instead of board.link_address ...

QEMU moves bytes as fast as both ends take them. The medium lets each byte through no earlier than
a UART would have: ten bits a byte (8 data bits, no parity, 1 stop bit), both directions at once.
It counts bytes, and it can be cut or made to garble: at once, or at an exact byte.

Memory is bounded: per direction it holds one chunk of at most _CHUNK_BYTES and asyncio's buffers
of a few of them. When the receiver does not take bytes, the sender is made to wait.
"""

import asyncio
import contextlib
import random
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

_BITS_PER_BYTE = 10
_CHUNK_S = 0.004  # a chunk is what passes in this time: small against any frame's time
_CHUNK_BYTES = 256
_BUFFER_BYTES = 1024
_LINGER_S = 1.0
_SETTLE_S = 0.05


@dataclass
class Direction:
    """One direction: what has passed, and what is to go wrong with it."""

    bytes_passed: int = 0
    bytes_garbled: int = 0
    garble_probability: float = 0.0  # per byte; the byte gets another, random value
    cut_at: int | None = None  # cut the cable once bytes_passed has reached this

    def cut_after(self, count: int) -> None:
        """Cut the cable after exactly `count` further bytes in this direction."""
        self.cut_at = self.bytes_passed + count

    def room(self, limit: int) -> int:
        """How many bytes may pass in one go without running over the cut."""
        return limit if self.cut_at is None else min(limit, self.cut_at - self.bytes_passed)


@dataclass
class SerialMedium:
    """A paced relay between the unix socket `board_address` and one client at a time.

    baud   bits per second; 0 = do not pace
    seed   for the garbling, so that a test can be repeated

    When either end closes, the other end is closed too: a client sees the board's cable pulled.
    """

    board_address: str
    baud: int = 115200
    seed: int = 0
    to_board: Direction = field(default_factory=Direction)
    from_board: Direction = field(default_factory=Direction)

    def __post_init__(self) -> None:
        if self.baud < 0:
            raise ValueError("baud must not be negative")
        self._random = random.Random(self.seed)  # noqa: S311 - noise, not keys
        self._folder: Path | None = None
        self._server: asyncio.Server | None = None
        self._session: asyncio.Task[None] | None = None
        self._connected = True

    async def __aenter__(self) -> "SerialMedium":
        self._folder = Path(tempfile.mkdtemp(prefix="pqmesh-medium-"))
        try:
            self._server = await asyncio.start_unix_server(
                self._accept, self.address, limit=_BUFFER_BYTES
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        await self._end_session()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def address(self) -> str:
        """Path of the unix socket for the client. A second client at a time is refused."""
        if self._folder is None:
            raise RuntimeError("the medium is not open: use `async with`")
        return str(self._folder / "link")

    async def cut(self) -> None:
        """Pull the cable: both ends are closed, bytes on the way are lost."""
        self._connected = False
        await self._end_session()

    def restore(self) -> None:
        """Plug the cable in again. Clients must connect anew."""
        self._connected = True
        self.to_board.cut_at = self.from_board.cut_at = None

    @property
    def is_cut(self) -> bool:
        """Whether the cable is out, by `cut()` or by a byte count."""
        return not self._connected

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy = self._session is not None and not self._session.done()
        if busy or not self._connected:
            writer.close()
            return
        self._session = asyncio.current_task()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._relay(reader, writer)
        await _close(writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        board_reader, board_writer = await asyncio.open_unix_connection(
            self.board_address, limit=_BUFFER_BYTES
        )
        for each in (writer, board_writer):
            each.transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        try:
            directions = [
                asyncio.create_task(self._pass(self.to_board, reader, board_writer)),
                asyncio.create_task(self._pass(self.from_board, board_reader, writer)),
            ]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in directions:
                    task.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        finally:
            await _close(board_writer)

    async def _pass(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Carry bytes one way until an end closes or the cut is reached."""
        loop = asyncio.get_running_loop()
        byte_s = _BITS_PER_BYTE / self.baud if self.baud else 0.0
        chunk = max(1, min(_CHUNK_BYTES, int(_CHUNK_S / byte_s))) if byte_s else _CHUNK_BYTES
        line_free_at = loop.time()
        while self._connected:
            room = direction.room(chunk)
            if room <= 0:
                # The emulator drops what it has not taken in yet when its end is closed.
                await asyncio.sleep(_SETTLE_S)
                self._connected = False
                return
            data = await reader.read(room)
            if not data:
                return
            # The line is busy with these bytes from now, or from when it is free, on.
            line_free_at = max(line_free_at, loop.time()) + len(data) * byte_s
            await asyncio.sleep(max(0.0, line_free_at - loop.time()))
            writer.write(self._garbled(direction, data))
            direction.bytes_passed += len(data)
            await writer.drain()

    def _garbled(self, direction: Direction, data: bytes) -> bytes:
        if direction.garble_probability <= 0:
            return data
        noisy = bytearray(data)
        for index in range(len(noisy)):
            if self._random.random() < direction.garble_probability:
                noisy[index] ^= self._random.randrange(1, 256)
                direction.bytes_garbled += 1
        return bytes(noisy)

    async def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None and session is not asyncio.current_task():
            session.cancel()
            await asyncio.gather(session, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close after the last bytes have gone, unless the other side does not take them."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), _LINGER_S)
    except (OSError, TimeoutError):
        writer.transport.abort()
