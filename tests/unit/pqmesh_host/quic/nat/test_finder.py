# SPDX-License-Identifier: MIT OR Apache-2.0
"""A pinned dial finds its way; an unpinned one is the endpoint's own."""

import asyncio

import pytest

from pqmesh_host.quic.errors import ConnectTimeout, Unreachable
from pqmesh_host.quic.nat.finder import Finder
from pqmesh_host.quic.nat.outcome import TraversalLimits
from pqmesh_host.quic.nat.traverse import Traversal
from support.quic_net import endpoints, silent_port

QUICK = TraversalLimits(direct_s=0.3, answer_s=1, punch_s=1)


async def test_a_pinned_peer_is_found_where_its_address_is_out_of_date():
    with silent_port() as silent:
        async with (
            endpoints("alice", "bob", "carol") as (alice, bob, carol),
            Traversal.open(alice, QUICK) as traversal,
            Traversal.open(bob, QUICK),
            Traversal.open(carol, QUICK),
        ):
            finder = Finder(alice, traversal)
            with pytest.raises(Unreachable):
                await finder.connect(silent, expect=bob.peer_id)
            await finder.connect(carol.local_address)
            await bob.connect(carol.local_address)
            found = await finder.connect(silent, expect=bob.peer_id)
            assert found.peer_id == bob.peer_id


async def test_it_accepts_as_the_endpoint_does():
    async with endpoints("alice", "bob") as (alice, bob), Traversal.open(alice) as traversal:
        await bob.connect(alice.local_address)
        accepted = await asyncio.wait_for(Finder(alice, traversal).accept(), 5)
        assert accepted.peer_id == bob.peer_id


async def test_without_a_pin_the_address_is_all_there_is():
    with silent_port() as silent:
        async with endpoints("alice") as (alice,), Traversal.open(alice, QUICK) as traversal:
            with pytest.raises(ConnectTimeout):
                await Finder(alice, traversal).connect(silent, timeout_s=0.2)
