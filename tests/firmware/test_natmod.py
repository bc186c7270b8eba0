# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L5: `pqc` as a native .mpy loads on every core it is built for, and computes there.

| file      | loaded by                                                          |
|-----------|--------------------------------------------------------------------|
| x64       | unix64                                                             |
| armv6m    | the genuine RPI_PICO firmware in rp2040js                          |
| armv7m    | qemu-an385, a Cortex-M3                                            |
| armv7emsp | qemu-an500, a Cortex-M7 with an FPU                                |
| rv32imc   | MicroPython's own firmware for QEMU's `virt`: a stand-in for C3/C6 |

All but the last have a `pqc` of their own, so there the file goes by the name of `pqc_native`.
"""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from support import native_module, pqc_answers
from support.firmware_images import image
from tools.firmware import native, size, targets
from tools.firmware.errors import MissingTool
from tools.firmware.qemu import QemuBoard
from tools.firmware.repl import BoardError
from tools.pico.emulator import PicoBoard

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300, func_only=True)]

QEMU = {"armv7m": "qemu-an385", "armv7emsp": "qemu-an500"}
# MP_NATIVE_ARCH_..., MicroPython's docs/reference/mpyfiles.rst
NUMBERS = {"x64": 2, "armv6m": 4, "armv7m": 5, "armv7emsp": 7, "rv32imc": 11}
ARMV7EM = 6  # what every firmware with Thumb-2 and no FPU says of itself
FILE_BYTES_MAX = 36 * 1024
HEAP_BYTES_MAX = 40 * 1024
PQC_TIMEOUT_S = 120
REFUSED = (BoardError, RuntimeError)
REFUSALS = (
    ("pqc.kem_keypair(bytes(63), bytearray(1184))", "ValueError: seed: must be 64 bytes"),
    ("pqc.dsa_keypair(bytes(32), bytes(1952))", "TypeError"),
    ("pqc.dsa_sign(bytes(32), b'', bytes(256), bytes(32), bytearray(3309))", "out of range"),
    ("pqc.ccm_seal(bytes(32), bytes(13), b'', b'', 4 + (1 << 64), bytearray(4))", "small int"),
    ("pqc.ccm_seal(bytes(32), bytes(13), b'', b'', -4, bytearray(4))", "out of range"),
    ("pqc.sha256()", "TypeError"),
    (
        "pqc.set_workspace(bytearray(pqc.WORKSPACE_BYTES - 1))",
        r"ValueError: workspace: must be at least \d+ bytes",
    ),
    (
        "pqc.kem_encapsulate(b'\\xff' * 1184, bytes(32), bytearray(1088), bytearray(32))",
        "ValueError: not a valid key",
    ),
)
# A board's heap holds the module and one answer's values with ease, not those of all.
FORGET = """for _name in list(globals()):
    if _name[0] != '_':
        del globals()[_name]
import gc
gc.collect()"""


class Loaded:
    """A board with the native module, and the name that it goes by."""

    def __init__(
        self, architecture: str, board: native_module.Board, name: str, heap_bytes: int | None
    ) -> None:
        self.architecture = architecture
        self._board = board
        self.name = name
        self.heap_bytes = heap_bytes

    async def exec(self, program: str) -> str:
        """Run a program that says `import pqc`, with the native module in its place."""
        return await self._board.exec(
            program.replace("import pqc\n", f"import {self.name} as pqc\n"), PQC_TIMEOUT_S
        )


def module(architecture: str) -> Path:
    return image(f"mpy-{architecture}")


@pytest_asyncio.fixture(params=["x64", "armv7m", "armv7emsp", "rv32imc"])
async def board(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Loaded]:
    async with AsyncExitStack() as stack:
        yield await _load(request.param, stack, tmp_path)


@pytest_asyncio.fixture
async def pico(tmp_path: Path) -> AsyncIterator[Loaded]:
    async with AsyncExitStack() as stack:
        yield await _load("armv6m", stack, tmp_path)


async def _load(architecture: str, stack: AsyncExitStack, folder: Path) -> Loaded:
    file = module(architecture)
    if architecture == "x64":
        shutil.copy(file, folder / "pqc_native.mpy")
        unix = native_module.Unix(image("unix64"), folder)
        return Loaded(architecture, unix, "pqc_native", None)
    name = "pqc" if architecture == "rv32imc" else "pqc_native"
    if architecture == "rv32imc":
        firmware = image("stock-rv32")
        try:
            repl = await stack.enter_async_context(native_module.rv32_board(firmware))
        except MissingTool as problem:
            pytest.skip(str(problem))
    elif architecture == "armv6m":
        stub = image("pico-bootstub")
        repl = (await stack.enter_async_context(PicoBoard(image("pico"), bootstub=stub))).repl
    else:
        repl = (await stack.enter_async_context(_qemu(QEMU[architecture]))).repl
    heap_bytes = await native_module.load(repl, file.read_bytes(), name)
    return Loaded(architecture, repl, name, heap_bytes)


def _qemu(target: str) -> QemuBoard:
    return QemuBoard(image(target), machine=targets.named(target).machine)


async def _check_answers(board: Loaded) -> None:
    names = await board.exec("import pqc\nprint([n for n in dir(pqc) if n[0] != '_'])")
    assert set(re.findall(r"'(\w+)'", names)) >= pqc_answers.CONTRACT
    assert (await board.exec("import pqc\nprint(pqc.__file__)")).endswith(f"/{board.name}.mpy")
    for answer in pqc_answers.ALL:
        assert await board.exec(answer.program()) == answer.expected, answer.name
        await board.exec(FORGET)


async def test_every_primitive_gives_its_known_answer(board: Loaded) -> None:
    await _check_answers(board)


@pytest.mark.pico
async def test_every_primitive_gives_its_known_answer_on_a_pico(pico: Loaded) -> None:
    await _check_answers(pico)
    assert pico.heap_bytes is not None
    assert pico.heap_bytes < HEAP_BYTES_MAX


@pytest.mark.parametrize("board", ["armv7m", "armv7emsp", "rv32imc"], indirect=True)
async def test_what_it_takes_of_the_heap_is_bounded(board: Loaded) -> None:
    assert board.heap_bytes is not None
    assert FILE_BYTES_MAX // 2 < board.heap_bytes < HEAP_BYTES_MAX


async def test_bad_input_is_refused_in_the_words_of_the_built_in_module(board: Loaded) -> None:
    for call, complaint in REFUSALS:
        with pytest.raises(REFUSED, match=complaint):
            await board.exec(f"import pqc\n{call}")


async def test_a_registered_workspace_is_used_and_never_collected(board: Loaded) -> None:
    """Only the native module refers to it: what is made later must not come to lie there."""
    printed = await board.exec(
        "import pqc\nimport gc\n"
        "pqc.set_workspace(bytearray(pqc.WORKSPACE_BYTES))\n"
        "gc.collect()\n"
        "others = [bytearray(b'x' * 512) for _ in range(40)]\n"
        "pk, sig = bytearray(1952), bytearray(3309)\n"
        "free = gc.mem_free()\n"
        "pqc.dsa_keypair(bytes(32), pk)\n"
        "pqc.dsa_sign(bytes(32), b'reading', b'', bytes(32), sig)\n"
        "few = free - gc.mem_free() < 1024\n"
        "whole = all(set(other) == {120} for other in others)\n"
        "print(pqc.dsa_verify(pk, b'reading', b'', sig), few, whole)\n"
        "pqc.set_workspace(None)"
    )
    assert printed == "True True True"


async def test_a_board_says_which_file_it_takes(board: Loaded) -> None:
    """By the expression in firmware/c_pqc/README.md: it takes the files up to that number."""
    printed = await board.exec("import sys\nprint(sys.implementation._mpy >> 10 & 15)")
    assert int(printed) == {"armv7m": ARMV7EM}.get(board.architecture, NUMBERS[board.architecture])


async def test_a_soft_reset_forgets_module_and_workspace() -> None:
    file = module("armv7m").read_bytes()
    keypair = "pqc_native.dsa_keypair(bytes(32), bytearray(1952))"
    async with _qemu("qemu-an385") as running:
        await native_module.load(running.repl, file, "pqc_native")
        await running.repl.exec(
            f"pqc_native.set_workspace(bytearray(pqc_native.WORKSPACE_BYTES))\n{keypair}"
        )
        await running.repl.soft_reset()
        with pytest.raises(BoardError, match="NameError"):
            await running.repl.exec(keypair)
        await native_module.load(running.repl, file, "pqc_native")
        printed = await running.repl.exec(
            f"others = [bytearray(b'x' * 512) for _ in range(60)]\n{keypair}\n"
            "print(all(set(other) == {120} for other in others))"
        )
        assert printed == "True"  # nothing was written where the old workspace lay


@pytest.mark.parametrize("architecture", native.ARCHITECTURES)
def test_the_file_says_which_core_it_is_for(architecture: str) -> None:
    header = module(architecture).read_bytes()[:4]
    assert header[:2] == b"M\x06"
    assert header[2] >> 2 == NUMBERS[architecture]


async def test_a_core_refuses_the_file_of_another() -> None:
    """A Cortex-M4 without an FPU must not run code that hands values over in FPU registers."""
    file = module("armv7emsp").read_bytes()
    async with _qemu("qemu-an386") as running:
        with pytest.raises(BoardError, match=r"incompatible \.mpy"):
            await native_module.load(running.repl, file, "pqc_native")


@pytest.mark.parametrize("architecture", native.ARCHITECTURES)
def test_the_files_stay_small(architecture: str) -> None:
    file = module(architecture)
    assert 16 * 1024 < file.stat().st_size < FILE_BYTES_MAX
    found = size.measure(targets.named(f"mpy-{architecture}"), file)
    assert found.flash_bytes == found.ram_bytes == file.stat().st_size


@pytest.mark.parametrize("architecture", native.ARCHITECTURES)
def test_the_registered_workspace_is_the_only_variable(architecture: str) -> None:
    program = targets.named(f"mpy-{architecture}").size_program
    command = [program, str(module(architecture).with_name("pqc.elf"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert size.parse(done.stdout).zero_bytes == (8 if architecture == "x64" else 4)
