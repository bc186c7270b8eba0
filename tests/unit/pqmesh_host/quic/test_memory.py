# SPDX-License-Identifier: MIT OR Apache-2.0
"""Connections come and go; what they were made of goes with them.

`python -m benchmarks.quic_soak` measures bytes over 10,000 cycles. Here objects are counted,
by type: a leak of one object per connection shows after 200 of them.
"""

import gc
from collections import Counter

import pytest

from pqmesh_host.quic.endpoint import MAX_REFUSALS
from pqmesh_host.quic.errors import HandshakeFailed
from support.quic_net import endpoints, eventually

WARM_UP, CYCLES = 100, 200
OWNERS = ("pqmesh", "aioquic", "cryptography")
SLACK = CYCLES // 2
"""asyncio keeps up to a hundred cancelled timer handles before it sweeps them."""


def living() -> tuple[Counter, int]:
    """Objects by type, of the packages a connection is made of; and objects in all."""
    gc.collect()
    tracked = gc.get_objects()
    # As text: a class whose instances hide their module answers with a descriptor.
    modules = ((type(thing), str(type(thing).__module__)) for thing in tracked)
    ours = Counter(
        f"{module}.{kind.__qualname__}" for kind, module in modules if module.startswith(OWNERS)
    )
    return ours, len(tracked)


def grown(before: Counter, after: Counter) -> dict[str, int]:
    """By how much, for the types of which there is more than one object more."""
    return {name: n - before[name] for name, n in after.items() if n > before[name] + 1}


async def forgotten(*ends) -> None:
    await eventually(lambda: not any(end.stats().connections for end in ends), 10)


async def cycle(client, server, count: int) -> None:
    for _ in range(count):
        peer = await client.connect(server.local_address)
        await server.accept()
        await peer.close()
    del peer
    await forgotten(client, server)


async def be_refused(client, server, count: int) -> None:
    for _ in range(count):
        with pytest.raises(HandshakeFailed):
            await client.connect(server.local_address)
    await forgotten(client, server)


async def test_connections_leave_nothing_behind():
    async with endpoints("alice", "bob") as (alice, bob):
        await cycle(alice, bob, WARM_UP)
        before, total_before = living()
        await cycle(alice, bob, CYCLES)
        after, total_after = living()
    assert grown(before, after) == {}
    assert total_after - total_before < 3 * SLACK  # a handle, its context and its arguments


async def test_refused_handshakes_leave_nothing_behind():
    async with endpoints("alice", "bob") as (alice, bob):
        bob._trust = lambda peer_id: False
        await be_refused(alice, bob, MAX_REFUSALS)
        before, _ = living()
        await be_refused(alice, bob, MAX_REFUSALS)
        after, _ = living()
        assert len(bob.refusals) == MAX_REFUSALS
    assert grown(before, after) == {}


async def test_a_confirmed_connection_gives_the_buffers_of_its_handshake_back():
    async with endpoints("alice", "bob") as (alice, bob):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        for peer in (dialled, accepted):
            buffers = peer.connection._crypto_buffers.values()
            assert [buffer.capacity for buffer in buffers] == [0, 0, 0]
        await dialled.send(b"and all goes on")
        assert await accepted.recv() == b"and all goes on"
