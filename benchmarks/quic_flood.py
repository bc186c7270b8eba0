# SPDX-License-Identifier: MIT OR Apache-2.0
"""QUIC under a flood: how an established peer fares while strangers send first packets.

A second process sends the first flights of real handshakes (two Initials each, never
continued) and plain garbage from many ports, as fast as it can. Meanwhile one peer's
64-byte messages go back and forth; their round trips are the figure. The endpoint's own
counters say what became of the flood.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import socket
import sys
import time
from multiprocessing.synchronize import Event

from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.peer import Peer
from support.quic_pair import client, identity

from .measure import machine, noise, summarise

PORTS = 64
FLIGHTS = 40
PAUSE_S = 0.0005
"""Between datagrams of the flood, so that its process leaves the other a core's worth."""


def flood(address: tuple[str, int], kind: str, stop: Event) -> None:
    """Send until told to stop. ``kind`` is "initials" or "garbage"."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PORTS)]
    datagrams: list[bytes] = []
    for _ in range(FLIGHTS):
        stranger = client("stranger")
        stranger.connect(address, 0.0)
        datagrams += [data for data, _ in stranger.datagrams_to_send(0.0)]
    rnd = random.Random(1)
    while not stop.is_set():
        data = rnd.choice(datagrams) if kind == "initials" else os.urandom(1200)
        if kind == "initials":
            # Another connection id each time, or the endpoint would know it already. Its
            # packets then do not decrypt, which costs the endpoint no less to find out.
            data = data[:6] + os.urandom(8) + data[14:]
        with contextlib.suppress(OSError):
            rnd.choice(sockets).sendto(data, address)
        time.sleep(PAUSE_S)


async def round_trips(peer: Peer, seconds: float) -> list[float]:
    """Milliseconds of each echo for a while."""
    taken: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        begun = time.perf_counter()
        await peer.send(bytes(64))
        await peer.recv()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


async def echo(peer: Peer) -> None:
    """Send everything back."""
    while True:
        await peer.send(await peer.recv())


async def measure(seconds: float) -> None:
    """Print the rows: quiet, then under each kind of flood."""
    async with (
        QuicEndpoint.open(identity("flooded"), host="127.0.0.1") as ours,
        QuicEndpoint.open(identity("established"), host="127.0.0.1") as other,
    ):
        peer = await other.connect(ours.local_address)
        serving = asyncio.create_task(echo(await ours.accept()))
        context = multiprocessing.get_context("spawn")
        for kind in ("nothing", "garbage", "initials"):
            stop = context.Event()
            before = ours.stats()
            process = context.Process(
                target=flood, args=(ours.local_address, kind, stop), daemon=True
            )
            if kind != "nothing":
                process.start()
                await asyncio.sleep(2)  # until it sends
            taken = await round_trips(peer, seconds)
            stop.set()
            if kind != "nothing":
                await asyncio.to_thread(process.join)
            now = ours.stats()
            print(summarise(f"echo of 64 B, flood of {kind}", "ms", taken).row())
            worst = sorted(taken)[int(len(taken) * 0.99)]
            print(f"{'    99th percentile':<46} {worst:>11,.2f} ms")
            new = {k: v - before.counts.get(k, 0) for k, v in now.counts.items()}
            dropped = {k: v for k, v in new.items() if v and not k.startswith("application")}
            print(f"    {now.datagrams_in - before.datagrams_in} datagrams in: {dropped}")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic_flood", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="per kind of flood")
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    asyncio.run(measure(options.seconds))
    print(f"# {noise()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
