# SPDX-License-Identifier: MIT OR Apache-2.0
"""Boards running pqmesh_node, for tests: one interface over the unix port and QEMU.

async with node_board("qemu-an386", tmp_path) as board:
    await board.start(expect=gateway.peer_id, interval_ms=200)
    ... plug into board.link_address ...
    await board.kill()                  # power gone in the middle of whatever it did
    await board.start()                 # power back; settings and identity from its flash
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from support.firmware_images import image
from tools.firmware.qemu import QemuBoard

TARGETS = ("unix64", "unix32", "qemu-an386")


class NodeBoard:
    """``start`` sets up (when told something) and runs the node; ``kill`` cuts the power."""

    link_address: str

    async def peer_id(self) -> bytes:
        raise NotImplementedError

    async def start(self, **settings: object) -> None:
        raise NotImplementedError

    async def kill(self) -> None:
        raise NotImplementedError

    async def interrupt(self) -> None:
        """Ctrl-C: the node says goodbye and ends."""
        raise NotImplementedError


class UnixNode(NodeBoard):
    """A process of MicroPython's unix port; its heap is as small as a board's."""

    def __init__(self, program: Path, folder: Path, heap: str) -> None:
        self.link_address = str(folder / "cable")
        self._program = program
        self._state = str(folder / "state")
        self.heap = heap  # of the next start
        self._process: asyncio.subprocess.Process | None = None

    async def peer_id(self) -> bytes:
        process = await self._run("print(b.peer_id())", asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        return bytes.fromhex(printed.split()[-1].decode())

    async def start(self, **settings: object) -> None:
        setup = f"b.setup(**{settings!r}); " if settings else ""
        Path(self.link_address).unlink(missing_ok=True)
        code = f"{setup}b.run_on_cable({self.link_address!r})"
        self._process = await self._run(code, asyncio.subprocess.DEVNULL)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def interrupt(self) -> None:
        if self._process is None:
            raise RuntimeError("the node is not running")
        self._process.send_signal(2)
        async with asyncio.timeout(10):
            await self._process.wait()

    async def _run(self, code: str, stdout: int) -> asyncio.subprocess.Process:
        prelude = f"import pqmesh_node.board as b; b.use_directory({self._state!r}); "
        return await asyncio.create_subprocess_exec(
            *(str(self._program), "-X", f"heapsize={self.heap}", "-c", prelude + code),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
        )


class QemuNode(NodeBoard):
    """The firmware on an emulated Cortex-M; flash and link survive ``kill``."""

    def __init__(self, board: QemuBoard) -> None:
        self.board = board
        self.link_address = board.link_address

    async def peer_id(self) -> bytes:
        printed = await self.board.repl.exec("import pqmesh_node; print(pqmesh_node.peer_id())")
        return bytes.fromhex(printed.split()[-1])

    async def start(self, **settings: object) -> None:
        if settings:
            if not self.board.running:
                await self.board.restart()
            code = f"import pqmesh_node; pqmesh_node.setup(**{settings!r})"
            await self.board.repl.exec(code)
        # Power-up: the frozen main.py finds the settings and starts the node.
        await self.board.restart()
        await self.board.repl.wait_for("pqmesh node", 30)

    async def kill(self) -> None:
        await self.board.kill()

    async def interrupt(self) -> None:
        await self.board.repl.interrupt()
        await self.board.repl.wait_for("pqmesh node stopped")


@contextlib.asynccontextmanager
async def node_board(target: str, folder: Path, heap: str = "128K") -> AsyncIterator[NodeBoard]:
    """The board of a target of tools/firmware, blank, switched on, not yet a node."""
    program = image(target)
    if target.startswith("qemu"):
        async with QemuBoard(program, flash=folder / "flash.img") as board:
            yield QemuNode(board)
        return
    # A unix socket's path is short; a test's folder may not be.
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as short:
        node = UnixNode(program, Path(short), heap)
        try:
            yield node
        finally:
            await node.kill()
