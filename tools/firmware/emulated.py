# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every emulated board has in common: its life, its prompt, and the end of its data link.

    async with SomeBoard(...) as board:
        print(await board.repl.exec("import sys; print(sys.platform)"))
        ... connect to board.link_address, a unix socket that carries UART1 ...
        await board.kill()        # the cable is pulled: no warning, no clean-up
        await board.restart()     # power comes back; the flash is as it was left

An emulator says how it is started (`_start`) and how it is asked to end (`_ask_to_end`); what it
must have first (`_prepare`) and what must be ended with it (`_wind_up`) if there is such a thing.
Whatever ends the test, the emulator ends with it.
"""

import asyncio
import contextlib
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.firmware.repl import PATIENCE_S, BoardGone, Repl

_STOP_TIMEOUT_S = 5.0


class EmulatedBoard(ABC):
    """One board in an emulator. Use with `async with`."""

    def __init__(self, name: str) -> None:
        self._name = name  # in the folder's name, for whoever finds one left behind
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._repl: Repl | None = None

    async def __aenter__(self) -> Self:
        await self._prepare()
        # Not under build/: the name of a unix socket may have 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix=f"pqmesh-{self._name}-"))
        try:
            await self._start()
        except BaseException:
            await self._dispose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._dispose()

    @property
    def link_address(self) -> str:
        """Path of the unix socket that is the other end of UART1. One client at a time.

        The same path serves after `restart()`; a client must connect anew.
        """
        return str(self._place("link"))

    @property
    def repl(self) -> Repl:
        """The board's prompt; a new one after each `restart()`."""
        if self._repl is None:
            raise BoardGone("the board is off")
        return self._repl

    @property
    def running(self) -> bool:
        """Whether the emulator is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def exit_status(self) -> int | None:
        """Exit status of the last run: negative after a signal, None while it runs."""
        return self._process.returncode if self._process else None

    @property
    def pid(self) -> int:
        """Process id of the emulator, for measurements."""
        if self._process is None:
            raise BoardGone("the board is off")
        return self._process.pid

    async def kill(self) -> None:
        """Pull the cable: the emulator gets SIGKILL. Returns when it is gone."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._repl is not None:
            await self._repl.close()
            self._repl = None
        await self._wind_up()

    async def wait_exit(self, timeout_s: float = PATIENCE_S) -> int:
        """Exit status, once the firmware has ended the emulator; TimeoutError if it does not."""
        if self._process is None:
            raise BoardGone("the board was never on")
        async with asyncio.timeout(timeout_s):
            return await self._process.wait()

    async def restart(self) -> None:
        """Switch on again, with the same flash; switches off first if need be."""
        await self.kill()
        await self._start()

    async def _prepare(self) -> None:  # noqa: B027 - most have nothing to do here
        """What the emulator needs before it can be started for the first time."""

    @abstractmethod
    async def _start(self) -> None:
        """Start the emulator; `_process` and `_repl` are set when this returns."""

    async def _wind_up(self) -> None:  # noqa: B027
        """End what runs beside the emulator; it has ended itself."""

    @abstractmethod
    def _ask_to_end(self, process: asyncio.subprocess.Process) -> None:
        """Ask the emulator to end in good order."""

    def _place(self, name: str) -> Path:
        if self._folder is None:
            raise RuntimeError("the board was never started: use `async with`")
        return self._folder / name

    async def _dispose(self) -> None:
        """Stop politely, then not."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                self._ask_to_end(process)
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
        await self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
