# SPDX-License-Identifier: MIT OR Apache-2.0
"""An emulated board that a test or a benchmark holds in its hand; used as emulated.py says.

    async with QemuBoard(image, flash=path) as board: ...

The data link is not paced: QEMU moves bytes as fast as both sides go. `medium.SerialMedium` adds
a baud rate.
"""

import asyncio
import os
import shutil
import signal
import socket
import statistics
from collections.abc import Sequence
from pathlib import Path

from tools.firmware import toolchain
from tools.firmware.emulated import EmulatedBoard
from tools.firmware.errors import FirmwareError
from tools.firmware.repl import Repl

FLASH_BYTES = 1 << 20
_ERASED = b"\xff"
_PATH_BYTES_MAX = 255  # PATH_BYTES of firmware/ports/qemu/flash.c, less the end
_START_TIMEOUT_S = 30.0
_TICK_NS = 40  # SysTick runs at 25 MHz of QEMU's virtual time


def emulator_command(
    image: Path,
    machine: str,
    console: Sequence[str],
    link_address: str,
    board_id: str = "qemu",
    flash: Path | None = None,
) -> list[str]:
    """QEMU's command line. `console` are the options that make UART0; UART1 is a unix socket."""
    words = [f"arg={word}" for word in ("pqmesh", f"id={board_id}")]
    if flash is not None:
        words.append(f"arg=flash={_checked(flash)}")
    command = ["qemu-system-arm", "-machine", machine, "-kernel", str(image)]
    command += ["-display", "none", "-monitor", "none"]
    command += ["-semihosting-config", ",".join(["enable=on,target=native", *words])]
    return [*command, *console, "-serial", f"unix:{link_address},server=on,wait=off"]


def _checked(flash: Path) -> Path:
    """Absolute path of the flash. Raises FirmwareError for one that would not reach the board."""
    path = flash.resolve()
    if " " in str(path) or "," in str(path):
        raise FirmwareError(f"the emulator cannot take a path with spaces or commas: {path}")
    if len(os.fsencode(path)) > _PATH_BYTES_MAX:
        raise FirmwareError(f"the emulator takes paths of {_PATH_BYTES_MAX} bytes at most: {path}")
    return path


def make_flash(path: Path) -> None:
    """A blank flash at `path`, unless there is a flash already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_ERASED * FLASH_BYTES)


class QemuBoard(EmulatedBoard):
    """One MPS2 board in QEMU, with its REPL on UART0 and its data link on UART1.

    image    firmware.elf of a `qemu-*` target
    machine  QEMU's name, "mps2-an386" unless the image is for another board
    flash    file that holds the flash; made if missing; None = flash is lost with the board
    board_id what `machine.unique_id()` answers, 1 to 16 letters or digits
    icount   N: virtual time is 2^N ns per instruction, which makes instructions countable and
             runs repeatable; None: virtual time follows the wall clock
    """

    def __init__(
        self,
        image: Path,
        *,
        machine: str = "mps2-an386",
        flash: Path | None = None,
        board_id: str = "qemu",
        icount: int | None = None,
    ) -> None:
        if not 1 <= len(board_id) <= 16 or not board_id.isalnum():
            raise ValueError(f"board_id must be 1 to 16 letters or digits, not {board_id!r}")
        if flash is not None:
            _checked(flash)
        super().__init__("qemu")
        self._image = image
        self._machine = machine
        self._flash = flash
        self._board_id = board_id
        self._icount = icount

    async def _prepare(self) -> None:
        toolchain.require(["qemu-system-arm"])

    async def count_instructions(
        self, statement: str, setup: str = "", runs: int = 5, timeout_s: float = 60.0
    ) -> int:
        """Instructions that a Python statement takes on the board: the median of `runs`.

        The interpreter's own share of an empty statement is subtracted. Needs `icount`. These
        are instructions, not cycles: they cannot be turned into milliseconds.
        """
        if self._icount is None:
            raise ValueError("give QemuBoard an icount to count instructions")
        printed = await self.repl.exec(
            f"import qemu\n{setup}\n"
            "def _empty():\n pass\n"
            f"def _counted():\n {statement}\n"
            f"for _f in (_empty, _counted):\n for _ in range({runs}):\n"
            "  _t = qemu.ticks()\n  _f()\n  print(qemu.ticks() - _t)\n",
            timeout_s,
        )
        ticks = [int(line) for line in printed.splitlines()]
        spent = statistics.median(ticks[runs:]) - statistics.median(ticks[:runs])
        return int(spent * _TICK_NS) >> self._icount

    async def _start(self) -> None:
        self._lay_out()
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
            )
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._repl = Repl(reader, writer)
        await self._until_link_is_there()

    def _lay_out(self) -> None:
        """A blank flash where there is none; no socket of an earlier run."""
        if self._flash is not None:
            make_flash(self._flash)
        Path(self.link_address).unlink(missing_ok=True)

    async def _until_link_is_there(self) -> None:
        process = self._process
        if process is None or process.stderr is None:
            raise RuntimeError("_start() must come first")
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while not os.path.exists(self.link_address):  # noqa: ASYNC240 - one look, on tmpfs or page cache
            if process.returncode is not None:
                complaint = (await process.stderr.read()).decode("utf-8", "replace").strip()
                raise FirmwareError(f"QEMU did not start: {complaint}")
            if asyncio.get_running_loop().time() > deadline:
                raise FirmwareError(f"QEMU did not open its sockets in {_START_TIMEOUT_S:g} s")
            await asyncio.sleep(0.01)

    def _command(self, repl_fd: int) -> list[str]:
        # Should this process be killed, the kernel ends the emulator (prctl(2), PDEATHSIG).
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        console = ["-chardev", f"socket,id=repl,fd={repl_fd}", "-serial", "chardev:repl"]
        command = emulator_command(
            self._image, self._machine, console, self.link_address, self._board_id, self._flash
        )
        if self._icount is not None:
            command += ["-icount", f"shift={self._icount}"]
        return [*guard, *command]

    def _ask_to_end(self, process: asyncio.subprocess.Process) -> None:
        process.send_signal(signal.SIGTERM)  # lets QEMU's plugins write their reports
