# SPDX-License-Identifier: MIT OR Apache-2.0
"""An address off the socket: read like any other, equal to itself alone, and it carries."""

import asyncio

from pqmesh_host.quic.addresses import readable
from pqmesh_host.quic.virtual import VirtualAddress
from support.quic_net import endpoints, eventually
from support.quic_pair import identity


def test_it_reads_like_an_address_and_equals_only_itself():
    made = VirtualAddress(("192.0.2.1", 9000), lambda data: None)
    twin = VirtualAddress(("192.0.2.1", 9000), lambda data: None)
    assert readable(made) == ("192.0.2.1", 9000)
    assert made == made
    assert made != twin
    assert made != ("192.0.2.1", 9000)
    assert len({made, twin, made}) == 2


async def test_two_endpoints_meet_without_their_sockets():
    loop = asyncio.get_running_loop()
    async with endpoints("alice", "bob") as (alice, bob):
        at_alice = VirtualAddress(
            ("192.0.2.2", 2), lambda data: loop.call_soon(bob.inject, data, at_bob)
        )
        at_bob = VirtualAddress(
            ("192.0.2.1", 1), lambda data: loop.call_soon(alice.inject, data, at_alice)
        )
        alice.start_dial(at_alice, identity("bob").peer_id)
        accepted = await bob.accept()
        await eventually(lambda: alice.peers)
        [dialled] = alice.peers
        await dialled.send(bytes(200_000))
        assert len(await accepted.recv()) == 200_000
        assert (dialled.address, accepted.address) == (("192.0.2.2", 2), ("192.0.2.1", 1))
        assert dialled.relayed
        assert accepted.relayed
        assert alice.stats().datagrams_out == bob.stats().datagrams_out == 0


async def test_an_empty_datagram_is_nothing():
    async with endpoints("alice") as (alice,):
        alice.inject(b"", VirtualAddress(("192.0.2.1", 1), lambda data: None))
        alice.inject(b"\x40short", VirtualAddress(("192.0.2.1", 1), lambda data: None))
        assert alice.stats().counts["dropped_unknown_connection"] == 1
