# SPDX-License-Identifier: MIT OR Apache-2.0
"""The client's side: a port at the relay, and a whole connection through it."""

import asyncio

import pytest

from pqmesh_host.quic.errors import PeerClosed, RelayRefused
from pqmesh_host.quic.relay.tunnel import MAX_SOURCES, Tunnel
from pqmesh_host.quic.relay.wire import OK, RelayedDatagram, RelayResponse
from support.quic_net import endpoints, eventually, open_endpoint
from support.quic_pair import identity
from support.relay_nodes import World, relayed


async def test_a_peer_dials_the_relay_and_meets_the_client():
    async with relayed() as made, open_endpoint("bob") as bob:
        tunnel = await Tunnel.bind(made.relay, made.client)
        bob.start_dial(tunnel.address, identity("alice").peer_id, relayed=True)
        accepted = await asyncio.wait_for(made.client.accept(), 5)
        await eventually(lambda: bob.peers)
        [dialled] = bob.peers
        assert accepted.peer_id == identity("bob").peer_id
        assert accepted.address == bob.local_address
        assert accepted.connection.get_peer_address() in tunnel
        assert accepted.relayed
        assert dialled.relayed
        await dialled.send(bytes(500_000))
        assert len(await asyncio.wait_for(accepted.recv(), 10)) == 500_000
        await accepted.send(bytes(500_000))
        assert len(await asyncio.wait_for(dialled.recv(), 10)) == 500_000
        assert made.server.peers[0].peer_id == identity("alice").peer_id  # the relay met one only
        assert len(made.server.peers) == 1


async def test_the_client_dials_through_the_tunnel():
    async with relayed() as made, open_endpoint("bob") as bob:
        tunnel = await Tunnel.bind(made.relay, made.client)
        made.client.start_dial(tunnel.way_to(bob.local_address), identity("bob").peer_id)
        accepted = await asyncio.wait_for(bob.accept(), 5)
        assert accepted.address == tunnel.address


async def test_a_refusal_says_why_and_leaves_the_stream_closed():
    async with relayed(allowance=None) as made:
        with pytest.raises(RelayRefused, match="does not serve you") as caught:
            await Tunnel.bind(made.relay, made.client)
        assert caught.value.status == 403


async def test_a_peer_without_the_service_refuses_with_501():
    async with endpoints("alice", "bob") as (alice, bob):
        with pytest.raises(RelayRefused) as caught:
            await Tunnel.bind(await alice.connect(bob.local_address), alice)
        assert caught.value.status == 501


async def test_a_relay_that_never_answers_is_given_up():
    async with endpoints("alice", "bob") as (alice, bob):
        bob.services.relay = lambda peer, stream: None
        relay = await alice.connect(bob.local_address)
        with pytest.raises(TimeoutError):
            await Tunnel.bind(relay, alice, 0.1)


@pytest.mark.parametrize("how", ["finish", "junk", "close"])
async def test_an_end_instead_of_an_answer_is_an_error(how):
    async with endpoints("alice", "bob") as (alice, bob):

        def serve(peer, stream):
            if how == "close":
                peer.abort(7, "")
            else:
                stream.send(b"\xff" * 8 if how == "junk" else b"")
                stream.finish()

        bob.services.relay = serve
        relay = await alice.connect(bob.local_address)
        with pytest.raises(PeerClosed):
            await Tunnel.bind(relay, alice, 2)


async def test_close_gives_the_port_back():
    async with relayed() as made:
        tunnel = await Tunnel.bind(made.relay, made.client)
        tunnel.close()
        await eventually(lambda: not made.service.sessions)
        await eventually(lambda: tunnel.ended)
        tunnel.close()


async def test_the_ways_back_are_bounded_and_stable():
    async with relayed() as made:
        tunnel = await Tunnel.bind(made.relay, made.client)
        first = tunnel.way_to(("198.18.0.1", 2000))
        assert tunnel.way_to(("198.18.0.1", 2000)) is first
        assert first in tunnel
        for port in range(2001, 2001 + MAX_SOURCES):
            tunnel.way_to(("198.18.0.1", port))
        assert first not in tunnel
        assert ("198.18.0.1", 2001) not in tunnel


async def test_malformed_datagrams_of_the_relay_close_the_tunnel():
    async with endpoints("alice", "bob") as (alice, bob):

        def serve(peer, stream):
            stream.send(RelayResponse(OK, ("198.18.0.1", 9000)).encode())
            stream.send(RelayedDatagram(("198.18.0.1", 9000), b"junk").encode())
            stream.send(b"\x00\x00\x00\x01\x07")

        bob.services.relay = serve
        tunnel = await Tunnel.bind(await alice.connect(bob.local_address), alice)
        await eventually(lambda: tunnel.counts["malformed"] == 1)
        assert tunnel.address == ("198.18.0.1", 9000)
        assert not tunnel.way_to(("198.18.0.1", 9000)).carry(b"late")


async def test_what_does_not_begin_a_handshake_is_dropped():
    async with relayed() as made, World() as world:
        tunnel = await Tunnel.bind(made.relay, made.client)
        world.send(b"junk", tunnel.address)
        await eventually(lambda: tunnel.counts["datagrams_in"] == 1)
        assert made.client.stats().counts["dropped_unknown_connection"] == 1
