# SPDX-License-Identifier: MIT OR Apache-2.0
"""Dials: several addresses, timeouts, cancellation, and those the peer closes as superseded."""

import asyncio

import pytest

from pqmesh_host.quic import dialer, lifecycle
from pqmesh_host.quic.errors import ConnectTimeout, EndpointClosed, UnknownHost
from support.quic_net import endpoints, eventually, open_endpoint, silent_port
from support.quic_pair import identity


async def test_a_name_is_resolved_and_an_address_without_answer_leaves_time_for_the_next():
    async with open_endpoint("bob") as bob, open_endpoint("alice", host="::") as alice:
        port = bob.local_address[1]
        peer = await alice.connect(("localhost", port), timeout_s=4)
        assert peer.peer_id == identity("bob").peer_id


async def test_nobody_answers():
    async with open_endpoint("alice") as alice:
        with silent_port() as address:
            begun = asyncio.get_running_loop().time()
            with pytest.raises(ConnectTimeout, match=r"within 0.3 s") as caught:
                await alice.connect(address, timeout_s=0.3)
            assert 0.25 < asyncio.get_running_loop().time() - begun < 2
            assert caught.value.address == address
        assert alice.stats().handshakes == 0


async def test_cancelling_a_dial_leaves_nothing_behind():
    async with open_endpoint("alice") as alice:
        with silent_port() as address:
            dial = asyncio.create_task(alice.connect(address))
            await asyncio.sleep(0.05)
            assert alice.stats().handshakes == 1
            dial.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dial
        assert alice.stats().handshakes == 0
        await eventually(lambda: len(alice._registry) == 0)


async def test_the_second_address_of_a_name_is_tried(monkeypatch):
    async with endpoints("alice", "bob") as (alice, bob):
        with silent_port() as silent:

            async def resolve(address, family):
                return [silent, bob.local_address]

            monkeypatch.setattr(dialer, "resolve", resolve)
            peer = await alice.connect(("two-addresses", 1), timeout_s=5)
            assert peer.address == bob.local_address
            assert alice.stats().handshakes == 0


async def test_a_dial_closed_as_superseded_returns_the_survivor():
    """The peer's own dial to us won before ours was confirmed here."""
    async with endpoints("alice", "bob") as (alice, bob):
        bob._admission.offer = lambda peer: peer.abort(lifecycle.SUPERSEDED, "")
        dial = asyncio.create_task(alice.connect(bob.local_address))
        await eventually(lambda: bob.stats().counts.get("accepted") == 1)
        theirs = await bob.connect(alice.local_address)
        ours = await asyncio.wait_for(dial, 5)
        assert not ours.initiator
        assert ours is await alice.accept()
        await ours.send(b"by the survivor")
        assert await theirs.recv() == b"by the survivor"


async def test_a_dial_closed_as_superseded_without_a_survivor_times_out():
    async with endpoints("alice", "bob") as (alice, bob):
        bob._admission.offer = lambda peer: peer.abort(lifecycle.SUPERSEDED, "")
        with pytest.raises(ConnectTimeout):
            await alice.connect(bob.local_address, timeout_s=0.5)


async def test_an_unknown_name():
    async with open_endpoint("alice") as alice:
        with pytest.raises(UnknownHost, match="no address"):
            await alice.connect(("no-such-host.invalid", 1), timeout_s=5)
        with pytest.raises(UnknownHost, match="does not exist"):
            await alice.connect(("127.0.0.1", 70_000))


async def test_closing_ends_every_wait():
    async with open_endpoint("alice") as alice:
        with silent_port() as address:
            dial = asyncio.create_task(alice.connect(address))
            accept = asyncio.create_task(alice.accept())
            await asyncio.sleep(0.02)
            await alice.close()
            for task in (dial, accept):
                with pytest.raises(EndpointClosed):
                    await task
        await alice.close()
        with pytest.raises(EndpointClosed):
            await alice.connect(("127.0.0.1", 1))
        with pytest.raises(EndpointClosed):
            await alice.accept()
