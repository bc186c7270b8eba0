# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L3: our firmware on emulated Cortex-M3, M4 and M7 boots, computes and fails in the open.

Nothing here says anything about timing on hardware or the quality of its randomness.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support import pqc_answers
from support.firmware_images import image
from tools.firmware import size, targets
from tools.firmware.qemu import QemuBoard
from tools.firmware.repl import BoardError, BoardGone

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]

CORES = {"qemu-an385": "Cortex-M3", "qemu-an386": "Cortex-M4", "qemu-an500": "Cortex-M7"}
# A call of c_pqc may take 1 KiB of C stack (contract of pqc.h); on top come the binding, the
# interpreter's own frames for the call, and an interrupt that may strike at the deepest point.
PQC_STACK_BYTES = 1024
CALL_OVERHEAD_BYTES = 512


def make_board(target: str, **options: object) -> QemuBoard:
    machine = targets.named(target).machine
    return QemuBoard(image(target), machine=machine, **options)  # type: ignore[arg-type]


@pytest_asyncio.fixture(params=sorted(CORES))
async def any_board(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, QemuBoard]]:
    async with make_board(request.param) as running:
        yield request.param, running


@pytest_asyncio.fixture
async def board() -> AsyncIterator[QemuBoard]:
    async with make_board("qemu-an386", board_id="b7") as running:
        yield running


class TestBoot:
    async def test_the_prompt_names_version_board_and_core(
        self, any_board: tuple[str, QemuBoard]
    ) -> None:
        target, running = any_board
        banner = await running.repl.wait_for("MicroPython v1.")
        assert f"QEMU_MPS2_{target[-5:].upper()} with {CORES[target]}" in banner

    async def test_everything_the_node_imports_is_there(self, board: QemuBoard) -> None:
        names = "asyncio binascii collections errno gc hashlib io json machine os pqc pqmesh "
        names += "pqmesh_node select struct sys time vfs qemu"
        await board.repl.exec("\n".join(f"import {name}" for name in names.split()))
        printed = await board.repl.exec(
            "print(hashlib.sha256(b'abc').digest()[:4].hex(), hex(binascii.crc32(b'123456789')))"
        )
        assert printed == "ba7816bf 0xcbf43926"

    async def test_packages_are_frozen_not_copied(self, board: QemuBoard) -> None:
        await board.repl.exec("import sys\nsys.path[:] = ['.frozen']\nimport pqmesh, pqmesh_node")

    async def test_identity_and_clock(self, board: QemuBoard) -> None:
        printed = await board.repl.exec(
            "import machine, time\nprint(machine.unique_id(), machine.freq())\n"
            "t = time.ticks_ms(); time.sleep_ms(50); print(time.ticks_diff(time.ticks_ms(), t))\n"
            "t = time.ticks_us(); time.sleep_us(700); print(time.ticks_diff(time.ticks_us(), t))"
        )
        first, ms, us = printed.splitlines()
        assert first == "b'b7' 25000000"
        assert 50 <= int(ms) < 5000  # the machine may be busy
        assert 700 <= int(us) < 1_000_000


class TestPqc:
    async def test_every_primitive_gives_its_known_answer(
        self, any_board: tuple[str, QemuBoard]
    ) -> None:
        _, running = any_board
        for answer in pqc_answers.ALL:
            printed = await running.repl.exec(answer.program(), timeout_s=60)
            assert printed == answer.expected, answer.name

    async def test_c_stack_stays_within_what_a_board_has(self, board: QemuBoard) -> None:
        for answer in pqc_answers.ALL:
            printed = await board.repl.exec(
                f"import qemu, gc\n{_setup_of(answer)}\ngc.collect()\nd = qemu.stack_paint()\n"
                f"{answer.call}\nprint(qemu.stack_peak() - d)",
                timeout_s=60,
            )
            assert 0 < int(printed) <= PQC_STACK_BYTES + CALL_OVERHEAD_BYTES, answer.name


def _setup_of(answer: pqc_answers.Answer) -> str:
    return f"import pqc\nu = bytes.fromhex\n{answer.setup}"


class TestRandomness:
    async def test_urandom_is_not_constant(self, board: QemuBoard) -> None:
        printed = await board.repl.exec(
            "import os\nfor n in (1, 32, 32, 1024): print(os.urandom(n).hex())\n"
            "print(os.urandom(0) == b'')"
        )
        one, first, second, large, empty = printed.split("\n")
        assert (len(one), len(large), empty) == (2, 2048, "True")
        assert first != second
        assert len(set(bytes.fromhex(large))) > 200  # 256 values in 1024 draws: 251 expected

    async def test_two_boots_draw_differently(self) -> None:
        drawn = []
        for _ in range(2):
            async with make_board("qemu-an386") as running:
                program = "import os, random\nprint(os.urandom(8).hex(), random.getrandbits(30))"
                drawn.append((await running.repl.exec(program)).split())
        assert drawn[0][0] != drawn[1][0]
        assert drawn[0][1] != drawn[1][1]

    async def test_a_negative_size_is_refused(self, board: QemuBoard) -> None:
        with pytest.raises(BoardError, match="ValueError"):
            await board.repl.exec("import os; os.urandom(-1)")


class TestMemory:
    @pytest.mark.parametrize("heap_kb", [64, 128])
    async def test_the_heap_is_as_large_as_asked_for(self, heap_kb: int) -> None:
        built = image("qemu-an386", heap_kb)
        async with QemuBoard(built) as running:
            printed = await running.repl.exec(
                "import gc\ngc.collect()\nprint(gc.mem_free() + gc.mem_alloc())"
            )
        total = int(printed)
        # MicroPython takes one part in 33 for its tables: 2 bits a block of 16 B, and marks.
        assert 0.95 * heap_kb * 1024 < total < heap_kb * 1024

    def test_static_ram_is_heap_stack_and_buffers(self) -> None:
        target = targets.named("qemu-an386")
        found = size.measure(target, image("qemu-an386"))
        assert 128 * 1024 < found.ram_bytes < 256 * 1024
        assert found.flash_bytes < 512 * 1024

    async def test_running_out_of_heap_is_an_exception(self, board: QemuBoard) -> None:
        with pytest.raises(BoardError, match="MemoryError"):
            await board.repl.exec("bytearray(200_000)")
        assert await board.repl.exec("print('alive')") == "alive"

    async def test_running_out_of_stack_is_an_exception(self, board: QemuBoard) -> None:
        with pytest.raises(BoardError, match="recursion depth"):
            await board.repl.exec("def f(n): return f(n + 1)\nf(0)")
        assert await board.repl.exec("print('alive')") == "alive"


class TestBadDays:
    async def test_a_fault_is_reported_and_ends_the_emulator(self, board: QemuBoard) -> None:
        with pytest.raises(BoardGone, match=r"FAULT exception=0*3 cfsr=\w+ bfar=60000000"):
            await board.repl.exec("import machine; machine.mem32[0x60000000]")
        assert await board.wait_exit() == 1

    async def test_a_c_stack_overflow_is_a_fault_not_corruption(self, board: QemuBoard) -> None:
        endless = "@micropython.asm_thumb\ndef f():\n label(a)\n push({r0})\n b(a)\nf()"
        with pytest.raises(BoardGone, match="stack overflow"):
            await board.repl.exec(endless)
        assert await board.wait_exit() == 1

    async def test_ctrl_c_stops_a_busy_program(self, board: QemuBoard) -> None:
        await board.repl.start("print('busy')\nwhile True: pass")
        await board.repl.wait_for("busy")
        await board.repl.interrupt()
        await board.repl.wait_for("KeyboardInterrupt")
        assert await board.repl.exec("print('alive')") == "alive"

    async def test_reset_starts_anew(self, board: QemuBoard) -> None:
        await board.repl.start("import machine\nmark = 1\nprint('bye')\nmachine.reset()")
        await board.repl.wait_for("bye")
        await board.repl.wait_for("MicroPython v1.")
        with pytest.raises(BoardError, match="NameError"):
            await board.repl.exec("mark")

    async def test_soft_reset_starts_the_interpreter_anew(self, board: QemuBoard) -> None:
        await board.repl.exec("mark = 1")
        await board.repl.soft_reset()
        await board.repl.wait_for("MicroPython v1.")
        with pytest.raises(BoardError, match="NameError"):
            await board.repl.exec("mark")

    async def test_the_firmware_can_end_the_emulator(self, board: QemuBoard) -> None:
        with pytest.raises(BoardGone):
            await board.repl.exec("import qemu; qemu.exit(7)")
        assert await board.wait_exit() == 7


class TestInstructionCount:
    async def test_it_repeats_and_grows_with_the_work(self) -> None:
        setup = "import hashlib\nb = bytes(2720)\ndef h(n):\n for _ in range(n): hashlib.sha256(b)"
        counts = []
        for _ in range(2):
            async with make_board("qemu-an386", icount=5) as running:
                counts.append(await running.count_instructions("h(1)", setup))
                four = await running.count_instructions("h(4)")
        assert counts[0] == pytest.approx(counts[1], rel=0.01)
        assert four == pytest.approx(4 * counts[0], rel=0.1)
        # 43 blocks of SHA-256 in C take some hundred instructions each at the very least.
        assert counts[0] > 43 * 500


async def test_a_console_nobody_reads_does_not_stop_the_board() -> None:
    program = """import time
print('go')
time.sleep_ms(300)
t = time.ticks_ms()
for _ in range(300): print('x' * 4000)
took = time.ticks_diff(time.ticks_ms(), t)"""
    async with make_board("qemu-an386") as running:
        await running.repl.start(program)
        await running.repl.wait_for("go")
        running.repl.pause()
        await asyncio.sleep(2.5)
        running.repl.resume()
        printed = await running.repl.exec("print()\nprint(took)", timeout_s=30)
        # One patience of 500 ms in all, not one for each line.
        assert 400 < int(printed.splitlines()[-1]) < 20_000
