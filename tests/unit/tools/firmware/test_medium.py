# SPDX-License-Identifier: MIT OR Apache-2.0
"""The serial medium paces, counts, garbles and cuts; it never holds more than its bound."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tools.firmware.medium import SerialMedium


class Board:
    """The board's end of the cable: a unix socket that keeps what arrives."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self.received = bytearray()
        self.closed = asyncio.Event()
        self.ready = asyncio.Event()
        self.reading = True
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.ready.set()
        with contextlib.suppress(ConnectionError):
            while self.reading and (chunk := await reader.read(4096)):
                self.received += chunk
        if self.reading:
            self.closed.set()
            writer.close()


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own names are too long for a socket
        board = Board(Path(folder) / "board")
        server = await asyncio.start_unix_server(board.serve, board.address)
        yield board
        server.close()
        if board.writer is not None:
            board.writer.close()


async def connect(medium: SerialMedium) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(medium.address)


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


class TestPacing:
    async def test_bytes_come_no_earlier_than_the_baud_rate_allows(self, board: Board) -> None:
        data = bytes(range(256)) * 4
        async with SerialMedium(board.address, baud=38400) as medium:
            _, writer = await connect(medium)
            started = time.monotonic()
            writer.write(data)
            await until(lambda: len(board.received) == len(data))
            elapsed = time.monotonic() - started
            writer.close()
        assert board.received == data
        ideal = len(data) * 10 / 38400
        assert elapsed >= 0.95 * ideal
        assert elapsed < 4 * ideal + 10  # loose: the machine may be busy

    async def test_an_idle_line_saves_up_no_time(self, board: Board) -> None:
        async with SerialMedium(board.address, baud=9600) as medium:
            _, writer = await connect(medium)
            await board.ready.wait()
            await asyncio.sleep(0.3)  # the line is idle for longer than what follows takes
            started = time.monotonic()
            writer.write(bytes(192))
            await until(lambda: len(board.received) == 192)
            assert time.monotonic() - started >= 0.95 * 192 * 10 / 9600
            writer.close()

    async def test_baud_zero_does_not_pace(self, board: Board) -> None:
        async with SerialMedium(board.address, baud=0) as medium:
            _, writer = await connect(medium)
            writer.write(bytes(100_000))
            await until(lambda: len(board.received) == 100_000)
            writer.close()

    def test_a_negative_baud_is_refused(self) -> None:
        with pytest.raises(ValueError, match="baud"):
            SerialMedium("x", baud=-1)


class TestCounting:
    async def test_both_directions_are_counted(self, board: Board) -> None:
        async with SerialMedium(board.address, baud=0) as medium:
            reader, writer = await connect(medium)
            writer.write(b"up")
            await board.ready.wait()
            assert board.writer is not None
            board.writer.write(b"down!")
            assert await reader.readexactly(5) == b"down!"
            await until(lambda: board.received == b"up")
            assert (medium.to_board.bytes_passed, medium.from_board.bytes_passed) == (2, 5)
            writer.close()


class TestCut:
    @pytest.mark.parametrize("count", [0, 1, 57, 58, 1000])
    async def test_the_cable_is_cut_after_exactly_so_many_bytes(
        self, board: Board, count: int
    ) -> None:
        async with SerialMedium(board.address, baud=460800) as medium:
            medium.to_board.cut_after(count)
            reader, writer = await connect(medium)
            writer.write(bytes(4000))
            assert await reader.read() == b""
            await board.closed.wait()
            assert len(board.received) == count
            assert medium.is_cut
            writer.close()

    async def test_a_cut_cable_refuses_and_a_restored_one_serves(self, board: Board) -> None:
        async with SerialMedium(board.address, baud=0) as medium:
            reader, writer = await connect(medium)
            await board.ready.wait()
            await medium.cut()
            assert await reader.read() == b""
            writer.close()
            refused, writer = await connect(medium)
            assert await refused.read() == b""
            writer.close()
            medium.restore()
            board.received.clear()
            _, writer = await connect(medium)
            writer.write(b"again")
            await until(lambda: board.received == b"again")
            writer.close()

    async def test_the_board_s_end_closes_the_client_s(self, board: Board) -> None:
        async with SerialMedium(board.address, baud=0) as medium:
            reader, writer = await connect(medium)
            await board.ready.wait()
            assert board.writer is not None
            board.writer.close()
            assert await reader.read() == b""
            writer.close()

    async def test_a_missing_board_closes_the_client(self) -> None:
        async with SerialMedium("/nonexistent/board", baud=0) as medium:
            reader, writer = await connect(medium)
            assert await reader.read() == b""
            writer.close()

    async def test_a_second_client_is_refused(self, board: Board) -> None:
        async with SerialMedium(board.address, baud=0) as medium:
            _, first = await connect(medium)
            await board.ready.wait()
            reader, second = await connect(medium)
            assert await reader.read() == b""
            first.write(b"still here")
            await until(lambda: board.received == b"still here")
            first.close()
            second.close()


class TestGarbling:
    async def garbled(self, board: Board, seed: int) -> bytes:
        board.received.clear()
        async with SerialMedium(board.address, baud=0, seed=seed) as medium:
            medium.to_board.garble_probability = 0.1
            _, writer = await connect(medium)
            writer.write(bytes(1000))
            await until(lambda: len(board.received) == 1000)
            assert medium.to_board.bytes_garbled == 1000 - board.received.count(0)
            writer.close()
        return bytes(board.received)

    async def test_bytes_change_and_the_seed_repeats_it(self, board: Board) -> None:
        first = await self.garbled(board, seed=1)
        assert 50 < 1000 - first.count(0) < 200
        assert await self.garbled(board, seed=1) == first
        assert await self.garbled(board, seed=2) != first


async def send_as_long_as_possible(writer: asyncio.StreamWriter, for_s: float) -> int:
    """Bytes that were taken before the sender had to wait for the rest of `for_s`."""
    writer.transport.set_write_buffer_limits(high=1024)
    sent = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(for_s):
            while sent < 64 << 20:
                writer.write(bytes(1024))
                await writer.drain()
                sent += 1024
    return sent


async def test_a_board_that_does_not_read_makes_the_sender_wait(board: Board) -> None:
    board.reading = False
    async with SerialMedium(board.address, baud=0) as medium:
        _, writer = await connect(medium)
        await board.ready.wait()
        # The kernel's socket buffers hold some; a medium without bound would take it all.
        assert await send_as_long_as_possible(writer, for_s=1.0) < 4 << 20
        writer.transport.abort()
