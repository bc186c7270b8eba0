# SPDX-License-Identifier: MIT OR Apache-2.0
"""Real endpoints on loopback, for tests of the asynchronous half."""

import asyncio
import contextlib
import socket
import time

from pqmesh_host.quic import lifecycle
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import PeerClosed
from pqmesh_host.quic.limits import QuicLimits
from support.quic_pair import identity


def open_endpoint(name: str, *, host: str = "127.0.0.1", port: int = 0, trust=None, **limits):
    return QuicEndpoint.open(
        identity(name), host=host, port=port, trust=trust, limits=QuicLimits(**limits)
    )


@contextlib.asynccontextmanager
async def endpoints(*names: str, **limits):
    """One endpoint per name, all with the same limits."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_endpoint(n, **limits)) for n in names]


@contextlib.asynccontextmanager
async def joined(**limits):
    """Two peers joined by one connection: (dialler's view, acceptor's view)."""
    async with endpoints("alice", "bob", **limits) as (alice, bob):
        dialled = await alice.connect(bob.local_address)
        yield dialled, await bob.accept()


async def receive(endpoint: QuicEndpoint, peer_id: bytes) -> bytes:
    """The next message of a peer, on whichever of its connections lives on."""
    while True:
        peer = endpoint.peer(peer_id)
        if peer is None:  # the other side may be confirmed a little earlier
            await asyncio.sleep(0.005)
            continue
        try:
            return await peer.recv()
        except PeerClosed as closed:
            if closed.code != lifecycle.SUPERSEDED:
                raise


async def eventually(condition, within_s: float = 5.0) -> None:
    """Poll until ``condition()``; the failure names it by its source."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {condition.__qualname__}")
        await asyncio.sleep(0.005)


@contextlib.contextmanager
def silent_port():
    """A UDP port where somebody listens and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()
