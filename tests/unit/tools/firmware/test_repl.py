# SPDX-License-Identifier: MIT OR Apache-2.0
"""The prompt: lines, raw REPL, and clear errors when the board is silent, raises or is gone."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from tools.firmware.repl import BoardError, BoardGone, BoardSilent, Repl

RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"


class Board:
    """The other end: answers the raw REPL's control bytes as MicroPython does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.programs: list[str] = []

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def enter_raw(self) -> None:
        await self.reader.readuntil(b"\x01")
        self.say(b"\r\nMicroPython\r\n>>> \r\n" + RAW_PROMPT)

    async def run(self, printed: bytes, raised: bytes = b"") -> None:
        program = (await self.reader.readuntil(b"\x04"))[:-1]
        self.programs.append(program.decode())
        self.say(b"OK" + printed + b"\x04" + raised + b"\x04>")


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Repl, Board]]:
    ours, theirs = socket.socketpair()
    board = Board(*await asyncio.open_connection(sock=theirs))
    repl = Repl(*await asyncio.open_connection(sock=ours))
    yield repl, board
    await repl.close()
    board.writer.close()


class TestLines:
    async def test_lines_come_without_their_ends(self, ends: tuple[Repl, Board]) -> None:
        repl, board = ends
        board.say(b"one\r\ntwo\nthr")
        assert await repl.read_line() == "one"
        assert await repl.read_line() == "two"
        board.say(b"ee\r\n")
        assert await repl.read_line() == "three"

    async def test_wait_for_skips_lines(self, ends: tuple[Repl, Board]) -> None:
        repl, board = ends
        board.say(b"noise\nnode ready\nmore\n")
        assert await repl.wait_for("ready") == "node ready"
        assert await repl.read_line() == "more"

    async def test_silence_is_an_error_that_shows_the_last_words(
        self, ends: tuple[Repl, Board]
    ) -> None:
        repl, board = ends
        board.say(b"half a li")
        with pytest.raises(BoardSilent, match="half a li"):
            await repl.read_line(timeout_s=0.1)
        board.say(b"ne\n")
        assert await repl.read_line() == "half a line"

    async def test_a_closed_stream_is_told_from_silence(self, ends: tuple[Repl, Board]) -> None:
        repl, board = ends
        board.say(b"last words\n")
        board.writer.close()
        assert await repl.read_line() == "last words"
        with pytest.raises(BoardGone):
            await repl.read_line()

    async def test_output_nobody_reads_is_bounded_and_the_newest_is_kept(
        self, ends: tuple[Repl, Board]
    ) -> None:
        repl, board = ends
        for number in range(40):
            board.say(b"%06d" % number * 10_000)
            await board.writer.drain()
        board.say(b"END\n")
        async with asyncio.timeout(30):
            while not repl.tail.endswith("END\n"):
                await asyncio.sleep(0.01)
        assert len(repl._unread) <= 1 << 20


class TestExec:
    async def test_prints_are_returned(self, ends: tuple[Repl, Board]) -> None:
        repl, board = ends
        task = asyncio.create_task(repl.exec("print(6 * 7)"))
        await board.enter_raw()
        await board.run(b"42\r\n")
        assert await task == "42"
        task = asyncio.create_task(repl.exec("print('again')"))
        await board.run(b"again\r\n")  # the raw REPL is entered once
        assert await task == "again"
        assert board.programs == ["print(6 * 7)", "print('again')"]

    async def test_an_exception_is_raised_with_its_traceback(
        self, ends: tuple[Repl, Board]
    ) -> None:
        repl, board = ends
        task = asyncio.create_task(repl.exec("1/0"))
        await board.enter_raw()
        await board.run(b"", b"Traceback\r\nZeroDivisionError: divide by zero\r\n")
        with pytest.raises(BoardError, match="ZeroDivisionError"):
            await task

    async def test_a_board_that_misses_the_first_ctrl_c_is_asked_again(
        self, ends: tuple[Repl, Board]
    ) -> None:
        repl, board = ends
        task = asyncio.create_task(repl.exec("print(1)"))
        await board.reader.readuntil(b"\x01")  # taken for input by a program that ignores it
        await board.enter_raw()
        board.say(RAW_PROMPT)  # the first request is answered late
        await board.run(b"1\r\n")
        assert await task == "1"

    async def test_an_empty_program_does_not_restart_the_board(
        self, ends: tuple[Repl, Board]
    ) -> None:
        repl, board = ends
        task = asyncio.create_task(repl.exec(" \n"))
        await board.enter_raw()
        await board.run(b"")
        assert await task == ""
        assert board.programs == ["pass"]

    async def test_after_start_lines_are_read_and_exec_enters_anew(
        self, ends: tuple[Repl, Board]
    ) -> None:
        repl, board = ends
        task = asyncio.create_task(repl.start("loop()"))
        await board.enter_raw()
        await board.reader.readuntil(b"\x04")
        board.say(b"OKtick 1\r\n")
        await task
        assert await repl.read_line() == "tick 1"
        task = asyncio.create_task(repl.exec("pass"))
        await board.enter_raw()
        await board.run(b"")
        await task
