# SPDX-License-Identifier: MIT OR Apache-2.0
"""One live connection per PeerId: restarts, crossed dials, connection ids."""

import asyncio

import pytest

from pqmesh_host.quic import lifecycle
from pqmesh_host.quic.errors import PeerClosed
from pqmesh_host.quic.virtual import VirtualAddress
from support.quic_net import endpoints, eventually, open_endpoint
from support.quic_pair import identity


async def test_connection_ids_come_and_go():
    async with endpoints("alice", "bob") as (alice, bob):
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        await eventually(lambda: dialled.connection._peer_cid_available)
        known = set(bob._registry._by_cid)
        dialled.connection.change_connection_id()
        await dialled.send(b"under another id")
        assert await asyncio.wait_for(accepted.recv(), 5) == b"under another id"
        await eventually(lambda: known - set(bob._registry._by_cid))
        await accepted.send(b"still routed")
        assert await asyncio.wait_for(dialled.recv(), 5) == b"still routed"


async def test_a_restarted_peer_is_recognised_and_replaces_itself():
    async with open_endpoint("bob") as bob:
        async with open_endpoint("alice") as alice:
            await alice.connect(bob.local_address)
            before = await bob.accept()
            alice.vanish()
        async with open_endpoint("alice") as alice:
            dialled = await alice.connect(bob.local_address)
            after = await bob.accept()
            assert after.peer_id == before.peer_id
            assert after is not before
            assert bob.peers == [after]
            with pytest.raises(PeerClosed) as caught:
                await before.recv()
            assert caught.value.code == lifecycle.SUPERSEDED
            await before.send(b"through the old handle")
            assert await dialled.recv() == b"through the old handle"


@pytest.mark.parametrize("attempt", range(5))
async def test_crossed_dials_end_in_one_connection(attempt):
    async with endpoints("alice", "bob", supersede_drain_s=0.2) as (alice, bob):
        pair = await asyncio.gather(
            alice.connect(bob.local_address), bob.connect(alice.local_address)
        )
        await eventually(lambda: len(alice._registry) == len(bob._registry) == 1)
        assert [len(e.peers) for e in (alice, bob)] == [1, 1]
        (at_alice,), (at_bob,) = alice.peers, bob.peers
        assert at_alice.initiator != at_bob.initiator
        for peer, other in ((at_alice, at_bob), (at_bob, at_alice)):
            await peer.send(b"still here")
            assert await asyncio.wait_for(other.recv(), 2) == b"still here"
        # A handle that lost keeps sending through the survivor.
        await pair[0].send(b"by the old handle")
        assert await asyncio.wait_for(at_bob.recv(), 2) == b"by the old handle"


@pytest.mark.parametrize("attempt", range(4))
async def test_a_peer_that_restarts_and_dials_back_at_once_is_heard(attempt):
    """Its new dial crosses our old one, which may have the larger id but is dead."""
    async with open_endpoint("bob", supersede_drain_s=0.2) as bob:
        async with open_endpoint("alice") as alice:
            port = alice.local_address[1]
            ours = await bob.connect(alice.local_address)
            alice.vanish()
        async with open_endpoint("alice", port=port) as alice:
            theirs = await alice.connect(bob.local_address)
            async with asyncio.timeout(5):
                peer = await bob.accept()
                await theirs.send(b"I am back")
                assert await peer.recv() == b"I am back"
                await ours.send(b"welcome")
                assert await theirs.recv() == b"welcome"
            assert bob.peers == [peer]


async def test_messages_on_the_connection_that_loses_are_not_lost():
    async with endpoints("alice", "bob", supersede_drain_s=0.3) as (alice, bob):
        first = await alice.connect(bob.local_address)
        for n in range(20):
            await first.send(b"first %d" % n)
        second = await alice.connect(bob.local_address)
        for n in range(20):
            await second.send(b"second %d" % n)
        got = []
        peer = await bob.accept()
        async with asyncio.timeout(3):
            while len(got) < 40:
                got.append(await bob.peers[0].recv())
        expected = [b"first %d" % n for n in range(20)] + [b"second %d" % n for n in range(20)]
        assert sorted(got) == sorted(expected)
        assert peer.peer_id == identity("alice").peer_id
        await eventually(lambda: len(bob._registry) == 1)


@pytest.mark.parametrize("first", ["relayed", "direct"])
async def test_a_direct_connection_is_preferred_to_a_relayed_one(first):
    async with endpoints("alice", "bob", supersede_drain_s=0.2) as (alice, bob):
        loop = asyncio.get_running_loop()
        at_alice = VirtualAddress(
            ("192.0.2.2", 2), lambda data: loop.call_soon(bob.inject, data, at_bob)
        )
        at_bob = VirtualAddress(
            ("192.0.2.1", 1), lambda data: loop.call_soon(alice.inject, data, at_alice)
        )
        ways = [at_alice, bob.local_address]
        for number, way in enumerate(ways if first == "relayed" else reversed(ways), 1):
            alice.start_dial(way, identity("bob").peer_id)
            await eventually(lambda n=number: alice.stats().counts.get("dialled") == n)
            await eventually(lambda n=number: bob.stats().counts.get("accepted") == n)
        await eventually(lambda: len(alice._registry) == len(bob._registry) == 1)
        [ours], [theirs] = alice.peers, bob.peers
        assert not ours.relayed
        assert not theirs.relayed
        await ours.send(b"direct")
        assert await asyncio.wait_for(theirs.recv(), 5) == b"direct"
