# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bulk from our endpoint into a real ant-quic node, where one is installed (`make interop`).

The node takes messages of 1 MiB and does nothing with them; the last one is acknowledged.
CPU is both processes', theirs as the kernel counts it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from pathlib import Path

from pqmesh_host.quic.endpoint import QuicEndpoint
from tools.interop.cell import identity
from tools.interop.install import binary, installed, release_of
from tools.interop.node import AntQuicNode

from .measure import machine, noise, summarise

MESSAGE = bytes(1 << 20)
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """User plus system seconds of a process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def one_run(program: Path, mebibytes: int) -> tuple[float, float]:
    """(Mbit per CPU-second, Mbit per second) of one transfer."""
    async with (
        AntQuicNode.start(program) as node,
        QuicEndpoint.open(identity(), host="127.0.0.1") as ours,
    ):
        peer = await ours.connect(node.address, expect=node.peer_id)
        await asyncio.sleep(0.5)  # until the MTU search is over
        cpu, wall = time.process_time() + cpu_of(node.pid), time.perf_counter()
        for _ in range(mebibytes - 1):
            await peer.send(MESSAGE)
        await peer.send_acknowledged(MESSAGE, timeout_s=60)
        await node.wait("data_received", count=mebibytes, within_s=60)
        wall = time.perf_counter() - wall
        cpu = time.process_time() + cpu_of(node.pid) - cpu
        megabits = 8e-6 * mebibytes * len(MESSAGE)
        return megabits / cpu, megabits / wall


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 also when there is no ant-quic to measure against."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic_ant", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mebibytes", type=int, default=32)
    options = parser.parse_args(arguments)
    logging.getLogger("quic").setLevel(logging.ERROR)
    print(f"# {machine()}\n# {noise()}")
    for version in installed():
        program = binary(version)
        name = f"pqmesh -> ant-quic {release_of(program)}: bulk"
        rates = [asyncio.run(one_run(program, options.mebibytes)) for _ in range(options.runs)]
        print(summarise(name, "Mbit/CPUs", [rate[0] for rate in rates]).row())
        print(summarise(f"{name}, wall", "Mbit/s", [rate[1] for rate in rates]).row())
    if not installed():
        print("# no ant-quic is installed: run python -m tools.interop")
    print(f"# {noise()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
