# SPDX-License-Identifier: MIT OR Apache-2.0
"""Talks to a board's MicroPython prompt over a byte stream.

Two uses: reading what a running node prints (`read_line`, `wait_for`), and running code from a
test (`exec`, MicroPython's raw REPL: control bytes A = enter, C = interrupt, D = execute). A task
reads all the time, so that a board never waits for a test that does not look.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tools.firmware.errors import FirmwareError

PATIENCE_S = 30.0  # the emulator shares the machine: only a dead board is silent for so long
_RETAINED_BYTES = 1 << 20  # unread output; the oldest is dropped beyond this
_SHOWN_BYTES = 600
_CHUNK_BYTES = 4096
_ASK_AGAIN_S = 0.5
_ENTER_RAW = b"\r\x03\x03\x01"
_RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"


class BoardError(FirmwareError):
    """The board did not do what was asked: silence, a Python exception, or its end."""


class BoardSilent(BoardError):
    """What was waited for did not come in time; the last output is part of the message."""


class BoardGone(BoardError):
    """The board's side of the stream closed: it was switched off or died."""


class Repl:
    """A prompt on a stream. Not for use by two tasks at once. Close with `close()`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unread = bytearray()
        self._news = asyncio.Event()
        self._ended = False
        self._raw = False
        self._pump = asyncio.create_task(self._read_always())

    async def close(self) -> None:
        """Stop reading and close the stream. The board goes on running."""
        self._pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pump
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def pause(self) -> None:
        """Take no more output from the board, as a terminal that hangs. Until `resume()`."""
        transport = self._writer.transport
        if isinstance(transport, asyncio.Transport):
            transport.pause_reading()

    def resume(self) -> None:
        """Read again after `pause()`."""
        transport = self._writer.transport
        if isinstance(transport, asyncio.Transport):
            transport.resume_reading()

    @property
    def tail(self) -> str:
        """The end of what was printed and not yet read, for messages."""
        return self._unread[-_SHOWN_BYTES:].decode("utf-8", "replace")

    async def read_line(self, timeout_s: float = PATIENCE_S) -> str:
        """The next line the board prints, without its end. Cancelling loses nothing."""
        line = await self._read_until(b"\n", timeout_s)
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    async def wait_for(self, text: str, timeout_s: float = PATIENCE_S) -> str:
        """Skip lines until one contains `text`; returns that line."""
        async with _deadline(self, timeout_s, f"a line with {text!r}"):
            while True:
                line = await self.read_line(timeout_s)
                if text in line:
                    return line

    async def exec(self, code: str, timeout_s: float = PATIENCE_S) -> str:
        """Run `code` on the board; returns what it printed. Interrupts a program that runs.

        Raises BoardError with the board's traceback when the code raised.
        """
        await self._submit(code, timeout_s)
        printed = (await self._read_until(b"\x04", timeout_s))[:-1]
        raised = (await self._read_until(b"\x04>", timeout_s))[:-2]
        if raised:
            raise BoardError("code on the board raised:\n" + raised.decode("utf-8", "replace"))
        return printed.replace(b"\r\n", b"\n").decode("utf-8", "replace").rstrip("\n")

    async def start(self, code: str) -> None:
        """Begin running `code` without waiting for its end; read its output with `read_line`.

        `interrupt()` ends it. After it has ended by itself, `interrupt()` is still needed.
        """
        await self._submit(code, PATIENCE_S)
        self._raw = False  # exec() must enter anew: it does not know when the code ends

    async def interrupt(self) -> None:
        """Ctrl-C twice: stops what runs and gives the prompt back."""
        self._raw = False
        await self._write(b"\x03\x03")

    async def soft_reset(self) -> None:
        """Restart the interpreter as after power-up: boot.py and main.py run again."""
        await self._write(b"\x03\x03\x02\x04")
        self._raw = False
        await self.wait_for("soft reboot")

    async def _submit(self, code: str, timeout_s: float) -> None:
        if not code.strip():
            code = "pass"  # the raw REPL takes an empty program for the wish to restart
        if not self._raw:
            await self._enter_raw(timeout_s)
        await self._write(code.encode() + b"\x04")
        await self._read_until(b"OK", timeout_s)

    async def _enter_raw(self, timeout_s: float) -> None:
        """Ask again and again: a board that is just starting may take Ctrl-C for input.

        Prompts beyond the first are harmless, they are skipped with what precedes the answer.
        """
        async with _deadline(self, timeout_s, "raw REPL"):
            while not self._raw:
                await self._write(_ENTER_RAW)
                with contextlib.suppress(BoardSilent):
                    await self._read_until(_RAW_PROMPT, _ASK_AGAIN_S)
                    self._raw = True

    async def _write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as problem:
            raise BoardGone(f"the board's prompt is closed\n{self.tail}") from problem

    async def _read_until(self, marker: bytes, timeout_s: float) -> bytes:
        async with _deadline(self, timeout_s, repr(marker)):
            while (found := self._unread.find(marker)) < 0:
                if self._ended:
                    raise BoardGone(f"the board's prompt closed\n{self.tail}")
                self._news.clear()
                await self._news.wait()
        end = found + len(marker)
        taken = bytes(self._unread[:end])
        del self._unread[:end]
        return taken

    async def _read_always(self) -> None:
        try:
            while chunk := await self._reader.read(_CHUNK_BYTES):
                self._unread += chunk
                if len(self._unread) > _RETAINED_BYTES:
                    del self._unread[: len(self._unread) - _RETAINED_BYTES // 2]
                self._news.set()
        except ConnectionError:
            pass  # the board was killed: as good an end as any
        finally:
            self._ended = True
            self._news.set()


@contextlib.asynccontextmanager
async def _deadline(repl: Repl, timeout_s: float, wanted: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise BoardSilent(
            f"no {wanted} from the board within {timeout_s:g} s; it printed last:\n{repl.tail}"
        ) from None
