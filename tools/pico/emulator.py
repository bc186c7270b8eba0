# SPDX-License-Identifier: MIT OR Apache-2.0
"""An emulated Raspberry Pi Pico that a test or the demo holds in its hand.

    async with PicoBoard(image, flash=path) as board: ...

Used as tools/firmware/emulated.py says. The REPL is the USB serial port. The data
link is paced: octets take their time at the baud rate that the firmware has set, in the
board's own time, which is about a tenth of real time while the core is busy.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from tools.firmware import builder
from tools.firmware.emulated import EmulatedBoard
from tools.firmware.errors import FirmwareError
from tools.firmware.progress import Progress
from tools.firmware.repl import Repl
from tools.pico import install

_START_TIMEOUT_S = 30.0
STATUS_STOPPED = 1  # the firmware asked for what the emulation lacks, or died
STATUS_POWER_CUT = 3


class PicoBoard(EmulatedBoard):
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

        super().__init__("pico")
        self._image = image
        self._bootstub = bootstub
        self._flash = flash
        self._listener: asyncio.Task[None] | None = None
        self._reason = ""

    async def _prepare(self) -> None:
        await asyncio.to_thread(install.ensure)
        if self._bootstub is None:
            self._bootstub = await asyncio.to_thread(_build_bootstub)

    @property
    def stop_reason(self) -> str:
        """Why the emulator ended by itself; empty while it runs or when it was ended."""
        return self._reason

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

    async def _wind_up(self) -> None:
        if self._listener is not None:
            await self._listener
            self._listener = None

    def _ask_to_end(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            process.stdin.close()


def _build_bootstub() -> Path:
    return builder.build("pico-bootstub", progress=Progress("pico-bootstub", quiet=True))
