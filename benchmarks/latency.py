# SPDX-License-Identifier: MIT OR Apache-2.0
"""From a mesh peer to a board and back: QUIC, gateway, serial cable, board, and the same way home.

Two clocks cannot be compared across an emulator, so what is measured is the round trip of a `ping`
command, with the cable at its own speed and paced to 115200 baud; and, one way, how long a
reading takes from the gateway's session to the peer, both on this machine's clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from pqmesh_host.config import LinkConfig
from pqmesh_host.node import Node
from support.mesh_nodes import Watched, joining, make_config, peer_id_in, running, trusting
from support.node_boards import NodeBoard, node_board
from tools.firmware.medium import SerialMedium

from .measure import machine, noise, summarise


@contextlib.asynccontextmanager
async def mesh(
    folder: Path, board: NodeBoard, device: str
) -> AsyncIterator[tuple[bytes, Node, Watched, Watched]]:
    """A gateway on the board's cable and a peer joined to it; yields once both are up."""
    make_config(folder / "peer")
    link = LinkConfig(kind="serial", device=f"unix://{device}")
    config = make_config(
        folder / "gateway", link=(link,), quic=trusting(peer_id_in(folder / "peer"))
    )
    async with (
        running(config) as (gateway, at_gateway),
        running(joining(gateway, folder / "peer")) as (peer, at_peer),
    ):
        board_id = await board.peer_id()
        await board.start(expect=gateway.peer_id, interval_ms=500)
        await at_gateway.wait("session-open")
        await at_peer.wait("peer-open")
        yield board_id, peer, at_gateway, at_peer


async def round_trips(peer: Node, board_id: bytes, count: int) -> list[float]:
    """Milliseconds of ``count`` pings, after one that is not counted."""
    times = []
    for _ in range(count + 1):
        started = time.perf_counter()
        answer = await peer.command(board_id.hex(), "ping", {}, 30)
        if not answer["ok"]:
            raise RuntimeError(f"the board refused to answer: {answer}")
        times.append((time.perf_counter() - started) * 1000)
    return times[1:]


async def measure(target: str, count: int) -> None:
    """Print the rows for one board."""
    for paced in (False, True):
        with tempfile.TemporaryDirectory(prefix="pqmesh-") as name:
            folder = Path(name)
            async with node_board(target, folder) as board, contextlib.AsyncExitStack() as stack:
                device = board.link_address
                if paced:
                    medium = await stack.enter_async_context(SerialMedium(device, 115_200))
                    device = str(medium.address)
                async with mesh(folder, board, device) as (board_id, peer, _, at_peer):
                    times = await round_trips(peer, board_id, count)
                    await at_peer.wait("reading", count=3)
                how = "115200 baud" if paced else "cable not paced"
                print(summarise(f"{target}: peer - board - peer, {how}", "ms", times).row())


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 when every command was answered."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--board", default="qemu-an386", help="a target of tools.firmware")
    parser.add_argument("--count", type=int, default=31)
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    asyncio.run(measure(options.board, options.count))
    return 0


if __name__ == "__main__":
    sys.exit(main())
