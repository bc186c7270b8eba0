# SPDX-License-Identifier: MIT OR Apache-2.0
"""An emulated board that a test or a benchmark holds in its hand.

    async with QemuBoard(image, flash=path) as board:
        print(await board.repl.exec("import sys; print(sys.platform)"))
        ... connect to board.link_address, a unix socket that carries UART1 ...
        await board.kill()        # the cable is pulled: no warning, no clean-up
        await board.restart()     # power comes back; the flash is as it was left

The data link is not paced: QEMU moves bytes as fast as both sides go. `medium.SerialMedium` adds
a baud rate. Whatever ends the test, the emulator ends with it.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tools.firmware import toolchain
from tools.firmware.errors import FirmwareError
from tools.firmware.repl import PATIENCE_S, BoardGone, Repl

FLASH_BYTES = 1 << 20
_ERASED = b"\xff"
_PATH_BYTES_MAX = 255  # PATH_BYTES of firmware/ports/qemu/flash.c, less the end
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0
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


class QemuBoard:
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
        self._image = image
        self._machine = machine
        self._flash = flash
        self._board_id = board_id
        self._icount = icount
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._repl: Repl | None = None

    async def __aenter__(self) -> "QemuBoard":
        toolchain.require(["qemu-system-arm"])
        # Not under build/: the name of a unix socket may have 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="pqmesh-qemu-"))
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
        if self._folder is None:
            raise RuntimeError("the board was never started: use `async with`")
        return str(self._folder / "link")

    @property
    def repl(self) -> Repl:
        """The prompt on UART0; a new one after each `restart()`."""
        if self._repl is None:
            raise BoardGone("the board is off")
        return self._repl

    @property
    def running(self) -> bool:
        """Whether the emulator is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def exit_status(self) -> int | None:
        """Of the last run: negative after a signal, 1 after a fault, None while it runs."""
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
            self._process.kill()
            await self._process.wait()
        await self._close_repl()

    async def wait_exit(self, timeout_s: float = PATIENCE_S) -> int:
        """Exit status, once the firmware has ended the emulator; TimeoutError if it does not."""
        if self._process is None:
            raise BoardGone("the board was never on")
        return await asyncio.wait_for(self._process.wait(), timeout_s)

    async def restart(self) -> None:
        """Switch on again, with the same flash; switches off first if need be."""
        await self.kill()
        await self._start()

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

    async def _close_repl(self) -> None:
        if self._repl is not None:
            await self._repl.close()
            self._repl = None

    async def _dispose(self) -> None:
        """Stop politely, then not: SIGTERM lets QEMU's plugins write their reports."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
        await self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
