# SPDX-License-Identifier: MIT OR Apache-2.0
"""How large the firmware is on each rung, and what a session takes of a 32-bit board's heap.

Sizes are of what a user flashes or runs. Heap figures are the board's own `gc.mem_alloc()` after a
collection, before the node runs and with a session established, on the MicroPython unix port
(32-bit) and in QEMU; the least heap with which HS-S completes is found by trying.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from support.bench_gateway import BenchGateway
from support.node_boards import QemuNode, node_board
from tools.firmware import builder, size, targets
from tools.firmware.errors import MissingTool
from tools.firmware.progress import Progress

from .measure import machine

IMAGES = ("unix64", "unix32", "qemu-an385", "qemu-an386", "qemu-an500", "pico", "pico2")
HEAPS_KIB = (64, 80, 96, 112, 128, 160)


def sizes() -> None:
    """One row per image that is built here."""
    for name in IMAGES:
        target = targets.named(name)
        try:
            path = builder.build(name, builder.DEFAULT_HEAP_KB, Progress(name, quiet=True))
            found = size.measure(target, path)
        except MissingTool as error:
            print(f"{'image ' + name:<46} not built here: {error}")
            continue
        ram = f", static RAM {found.ram_bytes:,}" if target.machine else ""
        print(f"{'image ' + name:<46} {found.flash_bytes:>11,} bytes of flash{ram}")


async def completes(heap_kib: int) -> bool:
    """Whether the 32-bit unix port finishes HS-S and delivers a reading in this heap."""
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder:
        async with node_board("unix32", Path(folder), f"{heap_kib}K") as board:
            await board.start(interval_ms=200)
            gateway = BenchGateway()
            try:
                async with gateway.plugged(board.link_address):
                    await gateway.session(20)
                    await gateway.next_readings(2, 10)
            except (AssertionError, OSError, TimeoutError):
                return False
            return True


async def heap_rows() -> None:
    """The least heap, and what the board itself says it has free with a session."""
    for heap_kib in HEAPS_KIB:
        good = await completes(heap_kib)
        print(f"{f'unix32, heap {heap_kib} KiB: HS-S and readings':<46} {'yes' if good else 'no'}")
    await board_heap()


async def board_heap() -> None:
    """What the Cortex-M4 firmware has free: at its prompt, and with a session established."""
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder:
        async with node_board("qemu-an386", Path(folder)) as board:
            if not isinstance(board, QemuNode):
                raise TypeError("qemu-an386 is not an emulated board")
            free = await board.board.repl.exec("import gc; gc.collect(); print(gc.mem_free())")
            print(f"{'qemu-an386, heap free at the prompt':<46} {int(free):>11,} bytes")
            gateway = BenchGateway()
            await board.start(expect=gateway.peer_id, interval_ms=200)
            async with gateway.plugged(board.link_address):
                await gateway.session(30)
                status = (await gateway.command("status", {}))["r"]
    print(f"{'qemu-an386, heap free with a session':<46} {status['heap_free']:>11,} bytes")


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; 0 when they could be had."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.parse_args(arguments)
    print(f"# {machine()}")
    sizes()
    asyncio.run(heap_rows())
    return 0


if __name__ == "__main__":
    sys.exit(main())
