# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-S on a serial cable: a Cortex-M4 board in QEMU and a gateway's engine on this machine.

QEMU does not pace its UARTs, so a relay does (tools/firmware/medium.py). The bytes are counted on
the cable, octet stuffing and checksums included. The times contain this machine's emulation of the
board's cryptography: they bound the cable, and say nothing about a board's processor.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from support.bench_gateway import BenchGateway
from support.node_boards import node_board
from tools.firmware.medium import SerialMedium

from .measure import machine, noise, summarise

DESIGN_BYTES = 13_924  # constrained-design 0, HS-S at MTU 222, fragment headers included
LINE_BITS_PER_OCTET = 10  # 8N1


async def one_run(link_address: str, baud: int | None, seed: bytes) -> tuple[int, int]:
    """One handshake from the plug to Established: (bytes both ways on the cable, ms)."""
    gateway = BenchGateway(seed)
    if baud is None:
        async with gateway.plugged(link_address):
            up = await gateway.session(60)
            return gateway.bytes_in + gateway.bytes_out, up.elapsed_ms
    async with SerialMedium(link_address, baud) as medium, gateway.plugged(medium.address):
        up = await gateway.session(60)
        return gateway.bytes_in + gateway.bytes_out, up.elapsed_ms


async def measure(target: str, runs: int) -> None:
    """Print the rows for one board."""
    with tempfile.TemporaryDirectory() as folder:
        async with node_board(target, Path(folder)) as board:
            await board.start(interval_ms=60_000)
            seed = os.urandom(32)  # one gateway throughout: a new session replaces the last
            for name, baud in (("cable not paced", None), ("115200 baud", 115_200)):
                results = [await one_run(board.link_address, baud, seed) for _ in range(runs)]
                octets = [result[0] for result in results]
                if baud is not None:
                    print(summarise(f"{target}: HS-S on the cable", "bytes", octets).row())
                times = [result[1] for result in results]
                print(summarise(f"{target}: HS-S, {name}", "ms", times).row())
            line_ms = summarise("", "", octets).median * LINE_BITS_PER_OCTET * 1000 / 115_200
            print(f"{'    of which the line itself, one way at a time':<46} {line_ms:>11,.0f} ms")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 when every handshake succeeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handshake", description=__doc__)
    parser.add_argument("--board", default="qemu-an386", help="a target of tools.firmware")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    asyncio.run(measure(options.board, options.runs))
    print(f"# design's figure for radio frames of 222 bytes, without stuffing: {DESIGN_BYTES} B")
    return 0


if __name__ == "__main__":
    sys.exit(main())
