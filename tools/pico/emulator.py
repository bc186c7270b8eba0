# SPDX-License-Identifier: MIT OR Apache-2.0
"""An emulated Raspberry Pi Pico that a test or the demo holds in its hand.

    async with PicoBoard(image, flash=path) as board:
        print(await board.repl.exec("import sys; print(sys.platform)"))
        ... connect to board.link_address, a unix socket that carries UART1 ...
        await board.kill()        # the cable is pulled: no warning, no clean-up
        await board.restart()     # power comes back; the flash is as it was left

The same interface as `tools.firmware.qemu.QemuBoard`. The REPL is the USB serial port. The data
link is paced: octets take their time at the baud rate that the firmware has set, in the
board's own time, which is about a tenth of real time while the core is busy.
"""

import asyncio
import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.firmware import builder
from tools.firmware.errors import FirmwareError
from tools.firmware.progress import Progress
from tools.firmware.repl import BoardGone, Repl
from tools.pico import install

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0
STATUS_STOPPED = 1  # the firmware asked for what the emulation lacks, or died
STATUS_POWER_CUT = 3


class PicoBoard:
    """One Raspberry Pi Pico in rp2040js, with its REPL on USB and its data link on UART1.

    image            firmware.uf2 of the target `pico`
    bootstub         bootstub.bin of the target `pico-bootstub`; None = built if need be
    flash            file that holds the 2 MiB of flash; made if missing; None = flash is lost with
                     the board. At every start the image is flashed anew, the rest is kept
    power_cut_after  whole flash operations (an erase, or a write of one or more pages) after the
                     start until the power fails in the middle of the next one; None = never
    """

    def __init__(
        self,
        image: Path,
        *,
        bootstub: Path | None = None,
        flash: Path | None = None,
        power_cut_after: int | None = None,
    ) -> None:
        self.power_cut_after = power_cut_after
        """Taken into account at the next (re)start."""

        self._image = image
        self._bootstub = bootstub
        self._flash = flash
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._repl: Repl | None = None
        self._reason = ""

    async def __aenter__(self) -> "PicoBoard":
        await asyncio.to_thread(install.ensure)
        if self._bootstub is None:
            self._bootstub = await asyncio.to_thread(_build_bootstub)
        # Not under build/: the name of a unix socket may have 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="pqmesh-pico-"))
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
        """The prompt on USB; a new one after each `restart()`."""
        if self._repl is None:
            raise BoardGone("the board is off")
        return self._repl

    @property
    def running(self) -> bool:
        """Whether the emulator is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def exit_status(self) -> int | None:
        """Exit status of the last run: negative after a signal, STATUS_..., None = running."""
        return self._process.returncode if self._process else None

    @property
    def stop_reason(self) -> str:
        """Why the emulator ended by itself; empty while it runs or when it was ended."""
        return self._reason

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
        await self._end_listening()

    async def wait_exit(self, timeout_s: float = 10.0) -> int:
        """Exit status, once the emulator has ended by itself."""
        if self._process is None:
            raise BoardGone("the board was never on")
        async with asyncio.timeout(timeout_s):
            return await self._process.wait()

    async def restart(self) -> None:
        """Switch on again, with the same flash; switches off first if need be."""
        await self.kill()
        await self._start()

    def _place(self, name: str) -> Path:
        if self._folder is None:
            raise RuntimeError("the board was never started: use `async with`")
        return self._folder / name

    async def _start(self) -> None:
        if self._flash is not None:
            self._flash.parent.mkdir(parents=True, exist_ok=True)
        self._reason = ""
        listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.PIPE,  # closed by the kernel should this process be killed
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._listener = asyncio.create_task(self._listen(self._process, listening))
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await listening
        except TimeoutError:
            raise FirmwareError(
                f"the emulator was not ready within {_START_TIMEOUT_S:g} s"
            ) from None
        # The board is switched on by this connection, so nothing that it prints is missed.
        self._repl = Repl(*await asyncio.open_unix_connection(str(self._place("repl"))))

    def _command(self) -> list[str]:
        words = ["node", str(install.RUNNER), "--until-stdin-closes", "--power-on-with-repl"]
        words += ["--image", str(self._image), "--bootstub", str(self._bootstub)]
        words += [f"--repl=unix:{self._place('repl')}", f"--link=unix:{self._place('link')}"]
        if self._flash is not None:
            words += ["--flash", str(self._flash)]
        if self.power_cut_after is not None:
            words += ["--power-cut-after", str(self.power_cut_after)]
        return words

    async def _listen(
        self, process: asyncio.subprocess.Process, listening: "asyncio.Future[None]"
    ) -> None:
        """Take in what the runner reports, one JSON object a line, until it ends."""
        if process.stdout is None or process.stderr is None:
            raise RuntimeError("the runner was started without pipes")
        while line := await process.stdout.readline():
            report: dict[str, Any] = json.loads(line)
            if report["event"] == "listening" and not listening.done():
                listening.set_result(None)
            elif report["event"] == "stopped":
                self._reason = report["reason"]
        if not listening.done():
            complaint = (await process.stderr.read()).decode("utf-8", "replace").strip()
            listening.set_exception(FirmwareError(f"the emulator did not start: {complaint}"))

    async def _end_listening(self) -> None:
        if self._repl is not None:
            await self._repl.close()
            self._repl = None
        if self._listener is not None:
            await self._listener
            self._listener = None

    async def _dispose(self) -> None:
        process = self._process
        if process is not None and process.returncode is None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
        await self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _build_bootstub() -> Path:
    return builder.build("pico-bootstub", progress=Progress("pico-bootstub", quiet=True))
