# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is installed is called with the peer it is for; what is not is refused."""

import asyncio

import pytest

from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.services import Services
from pqmesh_host.quic.udp import bind
from support.quic_net import endpoints, eventually, joined
from support.quic_pair import identity


async def test_coordination_goes_to_who_takes_it():
    async with endpoints("alice", "bob") as (alice, bob):
        taken = []
        bob.services.coordination = lambda peer, body: taken.append((peer, body))
        dialled = await alice.connect(bob.local_address)
        accepted = await bob.accept()
        await dialled.send_coordination(b"{}")
        await eventually(lambda: taken)
        assert taken == [(accepted, b"{}")]
        assert not accepted.coordination


async def test_who_lives_on_is_told_at_every_confirmation():
    async with endpoints("alice", "bob") as (alice, bob):
        told = []
        bob.services.admitted = lambda peer: bool(told.append(peer))
        await alice.connect(bob.local_address)
        first = await bob.accept()
        await alice.connect(bob.local_address)
        second = await bob.accept()
        assert told == [first, second]


async def test_a_peer_that_is_taken_is_not_accepted_too():
    async with endpoints("alice", "bob") as (alice, bob):
        bob.services.admitted = lambda peer: True
        await alice.connect(bob.local_address)
        await eventually(lambda: bob.peers)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bob.accept(), 0.05)


async def test_a_dial_nobody_waits_for_is_accepted():
    async with endpoints("alice", "bob") as (alice, bob):
        dialled = alice.start_dial(bob.local_address, bob.peer_id)
        assert await asyncio.wait_for(alice.accept(), 5) is dialled


async def test_a_service_that_fails_ends_the_peer_it_served(caplog):
    async with endpoints("alice", "bob", "carol") as (alice, bob, carol):
        bob.services.coordination = lambda peer, body: 1 // 0
        dialled = await alice.connect(bob.local_address)
        other = await carol.connect(bob.local_address)
        await dialled.send_coordination(b"{}")
        await eventually(lambda: len(bob.peers) == 1)
        await other.probe()


async def test_nothing_is_installed_by_default():
    assert Services() == Services(coordination=None, relay=None, admitted=None)
    async with joined() as (dialled, accepted):
        await dialled.send_coordination(b"{}")
        await eventually(lambda: accepted.coordination)


async def test_an_endpoint_takes_a_socket_that_is_ready():
    sock = bind("127.0.0.1", 0, 65_536)
    name = sock.getsockname()
    async with QuicEndpoint.open(identity("alice"), sock=sock) as alice:
        assert alice.local_address == name
        async with endpoints("bob") as (bob,):
            await bob.connect(name)
            await asyncio.wait_for(alice.accept(), 5)
    assert sock.fileno() == -1
