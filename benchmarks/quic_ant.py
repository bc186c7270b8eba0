# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bulk between our endpoint and a real ant-quic, and between two ant-quic (`make interop`).

Messages of 1 MiB. What sends for ant-quic is the library
in a small program of ours (`tools/interop/asker`), what receives is its own node. CPU is both
processes', as the kernel counts it. ant-quic keeps its datagrams at 1,200 bytes, ours grow to
the 1,472 it takes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import QuicError
from tools.interop import asker
from tools.interop.cell import identity
from tools.interop.install import binary, installed, release_of
from tools.interop.node import AntQuicNode, NodeFailed

from .measure import machine, noise, summarise

Rates = tuple[float, float]
MESSAGE = bytes(1 << 20)
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """User plus system seconds of a process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def ours_to_theirs(program: Path, mebibytes: int) -> Rates:
    """We send, their node takes."""
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
        return rates(mebibytes, cpu, wall)


async def theirs_to_ours(program: Path, mebibytes: int) -> Rates:
    """Their library sends, we take."""
    async with (
        QuicEndpoint.open(identity(), host="127.0.0.1") as ours,
        sender(program, ours.local_address, mebibytes) as cpu_of_sender,
    ):
        peer = await ours.accept()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(mebibytes):
            await peer.recv()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return rates(mebibytes, cpu + await cpu_of_sender(), wall)


async def theirs_to_theirs(program: Path, mebibytes: int) -> Rates:
    """Their library sends, their node takes."""
    async with (
        AntQuicNode.start(program) as node,
        sender(program, node.address, mebibytes) as cpu_of_sender,
    ):
        await node.wait("peer_connected")
        cpu, wall = cpu_of(node.pid), time.perf_counter()
        await node.wait("data_received", count=mebibytes, within_s=60)
        cpu, wall = cpu_of(node.pid) - cpu, time.perf_counter() - wall
        return rates(mebibytes, cpu + await cpu_of_sender(), wall)


@contextlib.asynccontextmanager
async def sender(
    program: Path, address: tuple[str, int], mebibytes: int
) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Run theirs; the function yielded ends it and returns its CPU-seconds after the dial."""
    process = await asyncio.create_subprocess_exec(
        asker.binary(release_of(program)),
        f"{address[0]}:{address[1]}",
        str(mebibytes),
        str(len(MESSAGE)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def finish() -> float:
        if process.stdin is None or process.stdout is None:
            raise NodeFailed("the sender has no pipes")
        process.stdin.close()
        async with asyncio.timeout(20):
            async for (
                line
            ) in process.stdout:  # its shutdown, after that, takes as long as it likes
                if line.startswith(b'{"step":"bulk"'):
                    return float(json.loads(line)["ticks"]) / TICKS
        raise NodeFailed("the sender did not finish")

    try:
        yield finish
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def rates(mebibytes: int, cpu_s: float, wall_s: float) -> Rates:
    """(Mbit per CPU-second, Mbit per second)."""
    megabits = 8e-6 * mebibytes * len(MESSAGE)
    return megabits / cpu_s, megabits / wall_s


PAIRS = (
    ("pqmesh -> ant-quic", ours_to_theirs),
    ("ant-quic -> pqmesh", theirs_to_ours),
    ("ant-quic -> ant-quic", theirs_to_theirs),
)


def compare(program: Path, runs: int, mebibytes: int) -> None:
    """The three pairs of one release, taking turns."""
    release = release_of(program)
    pairs = PAIRS if asker.binary(release).exists() else PAIRS[:1]
    if len(pairs) < len(PAIRS):
        print(f"# no sender for {release}: run python -m tools.interop")
    found: dict[str, list[Rates]] = {name: [] for name, _ in pairs}
    for _ in range(runs):
        for name, transfer in pairs:
            try:
                found[name].append(asyncio.run(transfer(program, mebibytes)))
            except (NodeFailed, QuicError, TimeoutError) as error:
                print(f"# {name} {release}: {type(error).__name__}: {error}")
    for name, measured in found.items():
        if measured:
            label = f"{name} {release}: bulk"
            print(summarise(label, "Mbit/CPUs", [rate[0] for rate in measured]).row())
            print(summarise(f"{label}, wall", "Mbit/s", [rate[1] for rate in measured]).row())


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 also when there is no ant-quic to measure against."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic_ant", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mebibytes", type=int, default=32)
    options = parser.parse_args(arguments)
    logging.getLogger("quic").setLevel(logging.ERROR)
    print(f"# {machine()}\n# {noise()}")
    for version in installed():
        compare(binary(version), options.runs, options.mebibytes)
    if not installed():
        print("# no ant-quic is installed: run python -m tools.interop")
    print(f"# {noise()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
