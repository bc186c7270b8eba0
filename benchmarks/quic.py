# SPDX-License-Identifier: MIT OR Apache-2.0
"""QUIC: bulk, small messages, handshakes and memory; ours beside stock aioquic and qh3.

qh3 is no dependency of this project: `pip install --target build/bench qh3` and
`PYTHONPATH=build/bench` bring its rows. All on loopback; each end a process of its own,
except the handshakes, which are counted in CPU time in memory, both ends together.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence

from aioquic import tls
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from pqmesh_host.quic.endpoint import QuicEndpoint
from support.quic_classical import certificate
from support.quic_pair import Pair, client, identity, server

from .measure import machine, noise, summarise
from .quic_ends import STACKS, Load, Outcome, StackFailed, available, run

BULK = 1 << 20
SMALL = 64
DRAIN_S = 1.5
"""Until the last connections are through their draining period (RFC 9000 §10.2)."""

PAGE = resource.getpagesize()


def transfers(stacks: Sequence[str], runs: int, mebibytes: int, messages: int) -> None:
    """Bulk in Mbit per CPU-second, small messages per CPU-second, interleaved by stack."""
    loads = [
        ("bulk, 1 MiB messages", "Mbit/CPUs", mebibytes * BULK, BULK, 8e-6 * mebibytes * BULK),
        ("64 B messages", "msg/CPUs", messages * SMALL, SMALL, float(messages)),
    ]
    for name, unit, total, size, amount in loads:
        outcomes: dict[str, list[Outcome]] = {stack: [] for stack in stacks}
        for _ in range(runs):
            for stack in stacks:
                try:
                    outcomes[stack].append(run(Load(stack, total, size)))
                except StackFailed as failure:
                    print(f"# {name}: {failure}")
        for stack, measured in outcomes.items():
            if not measured:
                continue
            per_cpu = [amount / outcome.cpu_s for outcome in measured]
            per_wall = [amount / outcome.wall_s for outcome in measured]
            print(summarise(f"{stack}: {name}", unit, per_cpu).row())
            wall_unit = unit.replace("CPUs", "s wall")
            print(summarise(f"{stack}: {name}, wall", wall_unit, per_wall).row())


class _X25519(QuicConnection):
    """Stock aioquic with one key share and mutual authentication, as ours has."""

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._supported_groups = [tls.Group.X25519]
        self.tls._request_client_certificate = True


def _classical_pair() -> Pair:
    chain, key = certificate()
    settings = QuicConfiguration(is_client=False, certificate=chain, private_key=key)

    def make(original_cid: bytes) -> QuicConnection:
        return _X25519(configuration=settings, original_destination_connection_id=original_cid)

    dialler = QuicConfiguration(
        is_client=True,
        verify_mode=0,
        server_name="localhost",
        certificate=chain,
        private_key=key,
    )
    return Pair(_X25519(configuration=dialler), make)


def handshakes(count: int) -> None:
    """CPU of both ends until both are confirmed, in memory, without a clock or a socket."""
    kinds: dict[str, Callable[[], Pair]] = {
        "pqmesh, mutual ML-DSA-65": lambda: Pair(client(), server()),
        "X25519, mutual Ed25519": _classical_pair,
    }
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for n in range(count + 5):
        for name, make in kinds.items():
            before = time.process_time()
            pair = make()
            if not pair.run(pair.confirmed):
                raise RuntimeError(f"{name} did not complete")
            if n >= 5:
                times[name].append((time.process_time() - before) * 1000)
    for name, values in times.items():
        print(summarise(f"handshake CPU, both ends: {name}", "ms", values).row())


async def memory(connections: int, cycles: int) -> None:
    """RSS per established connection, and its growth over connect/close cycles."""
    async with (
        QuicEndpoint.open(identity("bench server"), host="127.0.0.1") as ours,
        QuicEndpoint.open(identity("bench client"), host="127.0.0.1") as first,
    ):
        await (await first.connect(ours.local_address)).close()
        await ours.accept()
        before, held = rss(), []
        for n in range(connections):
            # One identity per connection, or the newer would supersede the older.
            opening = QuicEndpoint.open(identity(f"bench {n}"), host="127.0.0.1")
            endpoint = await opening.__aenter__()
            held.append((opening, await endpoint.connect(ours.local_address)))
            await ours.accept()
        each = (rss() - before) / (2 * connections) / 1024
        print(summarise("RSS per connection end, its socket included", "KiB", [each]).row())
        for opening, _ in held:
            await opening.__aexit__(None, None, None)
        growth = []
        for n in range(cycles):
            await (await first.connect(ours.local_address)).close()
            await ours.accept()
            if n % max(1, cycles // 10) == cycles // 10 - 1:
                await asyncio.sleep(DRAIN_S)
                growth.append(rss())
        total = (growth[-1] - growth[1]) / 1024 if len(growth) > 1 else 0.0
        name = f"RSS growth over the last 80 % of {cycles} connect/close cycles"
        print(summarise(name, "KiB", [total]).row())


def rss() -> int:
    """Resident bytes of this process, after a collection, free heap given back."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library keeps it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open(f"/proc/{os.getpid()}/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mebibytes", type=int, default=32, help="bulk per run")
    parser.add_argument("--messages", type=int, default=10_000, help="of 64 bytes, per run")
    parser.add_argument("--handshakes", type=int, default=40)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--stack", action="append", choices=STACKS)
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    chosen = options.stack or STACKS
    stacks = [stack for stack in chosen if available(stack)]
    for stack in set(chosen) - set(stacks):
        print(f"# {stack} is not installed: its rows are missing")
    # Memory first: what the others allocate and free would hide it.
    asyncio.run(memory(options.connections, options.cycles))
    handshakes(options.handshakes)
    transfers(stacks, options.runs, options.mebibytes, options.messages)
    print(f"# {noise()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
