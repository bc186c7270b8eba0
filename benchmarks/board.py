# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a board pays for each mode: heap on the 32-bit port, stack and instructions on a Cortex-M4.

    python -m benchmarks.board [--mode HS-K ...]

The engine with a board's limits, the C cryptography that makes its buffers as it needs them, and
nothing else: no node, no asyncio. Both sides of each mode, replayed: tests/support/board_modes.py.
Instructions are those of the emulated core, interpreter and collector included; they are no
cycles, and cannot be turned into milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.board_modes import (
    ICOUNT,
    MODES,
    ROLES,
    Recording,
    least_heap_kib,
    live_heap,
    on_board,
    record,
)
from support.firmware_images import image
from tools.firmware.qemu import QemuBoard

from .measure import machine


async def row(recording: Recording, side: int) -> str:
    """One line of the table; a board of its own, since what was imported stays."""
    async with QemuBoard(image("qemu-an386"), icount=ICOUNT) as board:
        instructions, stack = await on_board(board, recording, side)
    heap, live = least_heap_kib(recording, side), live_heap(recording, side)
    name = f"{recording.mode}, {ROLES[side]}"
    return f"{name:<18} {heap:>9} KiB {live:>11,} B {stack:>9,} B {instructions / 1e6:>13.1f} M"


async def table(modes: Sequence[str], folder: Path) -> None:
    """Print the rows."""
    print(
        f"{'mode, role':<18} {'least heap':>13} {'in use':>13} {'stack':>11} {'instructions':>15}"
    )
    for mode in modes:
        recording = record(mode, folder / mode)
        for side in (0, 1):
            print(await row(recording, side), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when it could be had."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board", description=__doc__)
    parser.add_argument("--mode", action="append", choices=MODES, help="only these")
    options = parser.parse_args(arguments)
    print(f"# {machine()}")
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder:
        asyncio.run(table(options.mode or MODES, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
