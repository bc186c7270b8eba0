# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board of the demonstration, on four rungs: one small interface, one class per way to run it.

A board is set up as its owner would: ask it who it is, pin its gateway, start it. What differs is
only how its prompt is reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from pqmesh_host.crypto import HostCrypto
from pqmesh_node.entropy import entropy
from pqmesh_node.identity import load_or_create
from pqmesh_node.store import Directory, Store
from tools.demo_lib.mesh import command_line
from tools.firmware import builder
from tools.firmware.errors import FirmwareError
from tools.firmware.qemu import QemuBoard
from tools.firmware.repl import Repl

BOARDS = ("qemu", "sim", "unix", "pico")
STOP_TIMEOUT_S = 5.0
_PATIENCE_S = 30.0
_EMULATION_FACTOR = 12.0  # rp2040js runs at about a tenth of a Pico's speed
_CABLE = "cable"


class Board(Protocol):
    """What the demonstration needs of a board."""

    rung: str
    """Which rung of `docs/architecture.md` this is, in words."""

    patience_s: float
    """How long a step may take before something must be wrong."""

    @property
    def link(self) -> str:
        """The gateway's `device` for the board's data link."""

    async def peer_id(self) -> bytes:
        """Who the board is; makes its identity if it has none."""

    async def start(self, gateway: bytes, interval_ms: int) -> None:
        """Pin the gateway, set the interval, and let the board be a node."""

    async def stop(self) -> None:
        """End the node so that it can say goodbye."""


class PromptBoard:
    """A board whose owner types at its MicroPython prompt: QEMU, rp2040js, real ones."""

    def __init__(
        self, rung: str, link_address: str, repl: Callable[[], Repl], slowness: float = 1.0
    ) -> None:
        self.rung = rung
        self.patience_s = _PATIENCE_S * slowness
        self._link_address = link_address
        self._repl = repl

    @property
    def link(self) -> str:
        return f"unix://{self._link_address}"

    async def peer_id(self) -> bytes:
        code = "import pqmesh_node; print(pqmesh_node.peer_id())"
        return bytes.fromhex((await self._repl().exec(code, self.patience_s)).split()[-1])

    async def start(self, gateway: bytes, interval_ms: int) -> None:
        code = (
            f"pqmesh_node.setup(name='demo', expect='{gateway.hex()}', interval_ms={interval_ms})"
        )
        await self._repl().exec(f"import pqmesh_node; {code}", self.patience_s)
        # As after power-up: the frozen main.py finds the settings and starts the node.
        await self._repl().soft_reset()
        await self._repl().wait_for("pqmesh node", self.patience_s)

    async def stop(self) -> None:
        await self._repl().interrupt()
        with contextlib.suppress(FirmwareError):
            await self._repl().wait_for("pqmesh node stopped", STOP_TIMEOUT_S)


class ProcessBoard:
    """A board that is a process of this machine, its serial cable a unix socket."""

    def __init__(self, rung: str, folder: Path) -> None:
        self.rung = rung
        self.patience_s = _PATIENCE_S
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def link(self) -> str:
        return f"unix://{self._folder / _CABLE}"

    async def peer_id(self) -> bytes:
        raise NotImplementedError

    def command(self, gateway: bytes, interval_ms: int) -> list[str]:
        """The command line of the running node."""
        raise NotImplementedError

    async def start(self, gateway: bytes, interval_ms: int) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.command(gateway, interval_ms),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop it in order
        )
        while not (self._folder / _CABLE).exists():
            if self._process.returncode is not None:
                raise FirmwareError(f"the node ended at once: {await self._complaint()}")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _complaint(self) -> str:
        if self._process is None or self._process.stderr is None:
            return ""
        return (await self._process.stderr.read()).decode("utf-8", "replace").strip()


class UnixBoard(ProcessBoard):
    """MicroPython's unix port, with the frozen package and the C crypto."""

    def __init__(self, image: Path, folder: Path) -> None:
        super().__init__("L1: MicroPython's unix port, 64 bit, with our C crypto", folder)
        self._image = image

    async def peer_id(self) -> bytes:
        printed = await _output_of(self._program("print(b.peer_id())"))
        return bytes.fromhex(printed.split()[-1])

    def command(self, gateway: bytes, interval_ms: int) -> list[str]:
        settings = f"name='demo', expect='{gateway.hex()}', interval_ms={interval_ms}"
        cable = str(self._folder / _CABLE)
        return self._program(f"b.setup({settings}); b.run_on_cable({cable!r})")

    def _program(self, code: str) -> list[str]:
        state = str(self._folder / "state")
        prelude = f"import pqmesh_node.board as b; b.use_directory({state!r})"
        return [str(self._image), "-c", f"{prelude}; {code}"]


class SimBoard(ProcessBoard):
    """The board's own package under this Python, by `pqmesh node run`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "L0: the board's own Python under CPython, with the host's crypto", folder
        )

    async def peer_id(self) -> bytes:
        store = Store(Directory(str(self._folder / "state")))
        return load_or_create(store, HostCrypto(), entropy).peer_id

    def command(self, gateway: bytes, interval_ms: int) -> list[str]:
        where = ("--listen", self.link, "--state", str(self._folder / "state"))
        how = ("--expect", gateway.hex(), "--interval-ms", str(interval_ms))
        return command_line("node", "run", *where, *how)


@contextlib.asynccontextmanager
async def opened(name: str, folder: Path) -> AsyncIterator[Board]:
    """The board called `name`, switched on; ended with the context, however that ends."""
    folder.mkdir()  # noqa: ASYNC240 - one folder, before anything runs
    if name == "qemu":
        image = _image("qemu-an386")
        async with QemuBoard(image, flash=folder / "flash.img") as board:
            rung = "L3: our firmware on a Cortex-M4 in QEMU (mps2-an386)"
            yield PromptBoard(rung, board.link_address, lambda: board.repl)
        return
    if name == "pico":
        from tools.pico.emulator import PicoBoard

        async with PicoBoard(_image("pico"), flash=folder / "flash.img") as pico:
            rung = "L4: the RPI_PICO UF2 that a user flashes, in rp2040js"
            yield PromptBoard(
                rung, pico.link_address, lambda: pico.repl, slowness=_EMULATION_FACTOR
            )
        return
    local = SimBoard(folder) if name == "sim" else UnixBoard(_image("unix64"), folder)
    try:
        yield local
    finally:
        await local.stop()


def _image(target: str) -> Path:
    image = builder.find(target)
    if image is None:
        raise FirmwareError(
            f"{target} is not built for the present sources",
            f"run: ./tools/demo (it builds), or: python -m tools.firmware build {target}",
        )
    return image


async def _output_of(command: list[str]) -> str:
    """What a short command prints. Raises FirmwareError with its complaint when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await process.communicate()
    if process.returncode != 0:
        raise FirmwareError(f"{command[0]} failed: {complaint.decode('utf-8', 'replace').strip()}")
    return printed.decode()
