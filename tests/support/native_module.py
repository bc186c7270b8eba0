# SPDX-License-Identifier: MIT OR Apache-2.0
"""Boards that load `pqc` from a native .mpy, for tests of rung L5.

The file is put into the board's RAM through its prompt and imported from there, so this works on
a firmware without a writable file system too. Where `pqc` is built in, the import system would
prefer that one: the file is then given another name.
"""

import asyncio
import binascii
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from tools.firmware import toolchain
from tools.firmware.repl import Repl

_CHUNK_BYTES = 768
_FILE_SYSTEM = """
import io, sys
try:
    import vfs
except ImportError:
    import os as vfs
class NativeFile(io.IOBase):
    at = 0
    def readinto(self, into):
        count = min(len(into), len(native) - self.at)
        into[:count] = native[self.at : self.at + count]
        self.at += count
        return count
    def ioctl(self, request, argument):
        return 0 if request == 4 else -1
class NativeFolder:
    def mount(self, readonly, mkfs): pass
    def umount(self): pass
    def stat(self, path):
        if not path.endswith(NAME + '.mpy'): raise OSError(2)
        return (0x8000,) + (0,) * 9
    def open(self, path, mode):
        return NativeFile()
vfs.mount(NativeFolder(), '/native')
sys.path.insert(0, '/native')
"""


class Board(Protocol):
    """What runs Python for a test."""

    async def exec(self, code: str, timeout_s: float = ...) -> str:
        """Run `code`; returns what it printed, raises when it raised."""


def loading(octets: bytes, name: str) -> Iterator[str]:
    """Programs that import the native module in `octets` as `name`, to be run in this order."""
    # What the board's main.py has imported makes room: a test wants the crypto alone.
    yield "import sys\nsys.modules.clear()\nglobals().pop('pqmesh_node', None)"
    yield f"import binascii\nnative = bytearray({len(octets)})\nNAME = {name!r}"
    for start in range(0, len(octets), _CHUNK_BYTES):
        piece = octets[start : start + _CHUNK_BYTES]
        text = binascii.b2a_base64(piece, newline=False).decode()
        yield f"native[{start}:{start + len(piece)}] = binascii.a2b_base64('{text}')"
    yield _FILE_SYSTEM
    yield (
        f"import gc\ngc.collect()\nbefore = gc.mem_alloc()\nimport {name}\ngc.collect()\n"
        "taken = gc.mem_alloc() - before\n"
        "sys.path.pop(0)\nvfs.umount('/native')\ndel native\ngc.collect()"
    )


async def load(repl: Repl, octets: bytes, name: str) -> int:
    """Import the module on a board; returns how many bytes of its heap that took."""
    for program in loading(octets, name):
        await repl.exec(program)
    return int(await repl.exec("print(taken)"))


class Unix:
    """MicroPython on this machine; every program in a process of its own."""

    def __init__(self, micropython: Path, folder: Path) -> None:
        self._micropython = micropython
        self._folder = folder

    async def exec(self, code: str, timeout_s: float = 60.0) -> str:
        process = await asyncio.create_subprocess_exec(
            str(self._micropython),
            "-c",
            code,
            env={"MICROPYPATH": str(self._folder)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, complaint = await asyncio.wait_for(process.communicate(), timeout_s)
        if process.returncode:
            raise RuntimeError(complaint.decode())
        return out.decode().rstrip("\n")


@asynccontextmanager
async def rv32_board(firmware: Path) -> AsyncIterator[Repl]:
    """The prompt of MicroPython's own firmware on QEMU's RISC-V machine `virt`."""
    toolchain.require(["qemu-system-riscv32"])
    ours, theirs = socket.socketpair()
    guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    command = ["qemu-system-riscv32", "-machine", "virt", "-bios", "none", "-display", "none"]
    command += ["-monitor", "none", "-kernel", str(firmware)]
    command += ["-chardev", f"socket,id=repl,fd={theirs.fileno()}", "-serial", "chardev:repl"]
    try:
        process = await asyncio.create_subprocess_exec(
            *guard, *command, stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
        )
    finally:
        theirs.close()
    repl = Repl(*await asyncio.open_connection(sock=ours))
    try:
        yield repl
    finally:
        process.kill()
        await process.wait()
        await repl.close()
