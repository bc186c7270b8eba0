# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ways to a peer, on loopback: each taken, each failing, each cut short."""

import asyncio
import contextlib

import pytest

from pqmesh_host.quic import lifecycle
from pqmesh_host.quic.errors import Unreachable
from pqmesh_host.quic.nat.outcome import How, TraversalLimits
from pqmesh_host.quic.nat.traverse import Traversal
from pqmesh_host.quic.relay.budget import Allowance
from pqmesh_host.quic.relay.service import RelayService
from support.quic_net import endpoints, eventually, receive, silent_port
from support.quic_pair import identity
from support.relay_nodes import loopback_socket

QUICK = TraversalLimits(direct_s=0.5, answer_s=1, punch_s=0.5, relay_s=3, upgrade_s=0.2)


@contextlib.asynccontextmanager
async def nodes(*names, limits=QUICK):
    """(endpoint, traversal) of each name."""
    async with contextlib.AsyncExitStack() as stack:
        ends = await stack.enter_async_context(endpoints(*names))
        yield [(e, await stack.enter_async_context(Traversal.open(e, limits))) for e in ends]


def blind(endpoint, *ways):
    """Make an endpoint's dials to everywhere but ``ways`` (and back) vanish: a bad NAT."""
    udp = endpoint._udp
    send = udp.send
    udp.send = lambda datagrams: send([d for d in datagrams if d[1] in ways])


async def test_a_known_address_is_dialled_directly():
    async with nodes("alice", "bob") as ((_, alice), (bob, _)):
        peer, how = await alice.connect(bob.peer_id, [bob.local_address])
        assert (peer.peer_id, how) == (bob.peer_id, How.DIRECT)
        assert await alice.connect(bob.peer_id) == (peer, How.DIRECT)
        [outcome] = alice.outcomes
        assert (outcome.how, outcome.rounds, outcome.tried) == (How.DIRECT, 0, ())
        assert outcome.elapsed_ms > 0


async def test_of_several_addresses_the_silent_ones_are_given_up():
    with silent_port() as silent:
        async with nodes("alice", "bob") as ((end, alice), (bob, _)):
            await alice.connect(bob.peer_id, [silent, bob.local_address])
            await eventually(lambda: len(end._registry) == 1)


async def test_a_coordinator_brings_two_together():
    async with nodes("alice", "bob", "carol") as ((a, alice), (b, bob), (c, carol)):
        for end in (a, b):
            await end.connect(c.local_address)
        peer, how = await alice.connect(b.peer_id)
        assert how is How.PUNCHED
        await peer.send(b"hello")
        await eventually(lambda: b.peer(a.peer_id) is not None)
        assert bob.how(b.peer(a.peer_id)) is How.PUNCHED
        assert (await asyncio.wait_for(b.accept(), 5)).peer_id == a.peer_id
        assert carol.stats()["received_request"] == 1
        assert alice.outcomes[-1].rounds == 1


async def test_an_address_out_of_date_falls_back_to_a_coordinator():
    with silent_port() as silent:
        async with nodes("alice", "bob", "carol") as ((a, alice), (b, _), (c, _)):
            for end in (a, b):
                await end.connect(c.local_address)
            _, how = await alice.connect(b.peer_id, [silent, ("no-such-host.invalid", 9000)])
            assert how is How.PUNCHED
            assert any("no-such-host" in line for line in alice.outcomes[-1].tried)


async def test_what_cannot_be_punched_is_relayed_then_upgraded():
    async with nodes("alice", "bob", "carol") as ((a, alice), (b, _), (c, _)):
        relay = RelayService(c, lambda peer_id: Allowance(), loopback_socket)
        for end in (a, b):
            await end.connect(c.local_address)
        a_send, b_send = a._udp.send, b._udp.send
        blind(a, c.local_address)
        b._udp.send = lambda datagrams: b_send([d for d in datagrams if d[1] != a.local_address])
        peer, how = await alice.connect(b.peer_id)
        assert how is How.RELAYED
        assert alice.how(peer) is How.RELAYED
        await peer.send(b"through the relay")
        assert await asyncio.wait_for(receive(b, a.peer_id), 5) == b"through the relay"
        a._udp.send, b._udp.send = a_send, b_send
        await eventually(lambda: not a.peer(b.peer_id).relayed, 10)
        await eventually(lambda: not b.peer(a.peer_id).relayed)
        await peer.send(b"on the old handle")
        assert await asyncio.wait_for(receive(b, a.peer_id), 5) == b"on the old handle"
        assert alice.how(a.peer(b.peer_id)) is How.PUNCHED
        await eventually(lambda: alice.stats().get("upgraded") == 1)
        await eventually(lambda: not relay.sessions, 10)
        relay.close()


async def test_who_came_through_a_relay_ends_with_it():
    async with nodes("alice", "bob", "carol") as ((a, alice), (b, _), (c, _)):
        relay = RelayService(c, lambda peer_id: Allowance(), loopback_socket)
        for end in (a, b):
            await end.connect(c.local_address)
        blind(a, c.local_address)
        b_send = b._udp.send
        b._udp.send = lambda datagrams: b_send([d for d in datagrams if d[1] != a.local_address])
        peer, how = await alice.connect(b.peer_id)
        assert how is How.RELAYED
        relay.close()
        closed = await asyncio.wait_for(peer.wait_closed(), 2)
        assert (closed.code, closed.reason) == (lifecycle.LIVENESS_TIMEOUT, "the relay is gone")


async def test_without_a_way_it_says_what_was_tried():
    async with nodes("alice", "bob", "carol") as ((a, alice), (b, _), (c, _)):
        with pytest.raises(Unreachable, match="no peer is connected"):
            await alice.connect(b.peer_id)
        await a.connect(c.local_address)
        with pytest.raises(Unreachable, match="UnknownTarget"):
            await alice.connect(b.peer_id)
        await b.connect(c.local_address)
        blind(a, c.local_address)
        b_send = b._udp.send
        b._udp.send = lambda datagrams: b_send([d for d in datagrams if d[1] != a.local_address])
        with pytest.raises(Unreachable, match="status 501") as caught:
            await alice.connect(b.peer_id)
        assert caught.value.peer_id == b.peer_id
        assert any("no connection to 127.0.0.1" in line for line in caught.value.tried)
        assert alice.stats()["failed"] == 3


async def test_the_time_given_is_kept():
    with silent_port() as silent:
        async with nodes("alice", limits=TraversalLimits()) as ((end, alice),):
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(Unreachable, match=r"gave up after 0\.3 s"):
                await alice.connect(identity("bob").peer_id, [silent], timeout_s=0.3)
            assert loop.time() - began < 2
            await eventually(lambda: not len(end._registry), 3)


async def test_cancelling_leaves_nothing_behind():
    with silent_port() as silent:
        async with nodes("alice") as ((end, alice),):
            task = asyncio.create_task(alice.connect(identity("bob").peer_id, [silent]))
            await eventually(lambda: len(end._registry) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert alice._attempts == {}
            await eventually(lambda: not len(end._registry), 3)


async def test_a_wrong_peer_at_a_known_address_is_not_taken_for_the_right_one():
    async with nodes("alice", "bob", "carol") as ((a, alice), (b, _), (c, _)):
        with pytest.raises(Unreachable):
            await alice.connect(b.peer_id, [c.local_address])
        assert a.peer(b.peer_id) is None
        assert a.peer(c.peer_id) is None


async def test_an_uninvited_target_dials_nobody():
    async with nodes("alice", "bob") as ((a, _), (b, bob)):
        await a.connect(b.local_address)
        await a.peer(b.peer_id).send_coordination(
            b'{"request_id":1,"expires_at_unix_ms":99999999999999,"message":{"CoordinationAccepted":'
            + b'{"initiator":%s,"target":%s,"round":1,"initiator_addrs":["127.0.0.1:9999"],'
            % (str([1] * 32).encode(), str(list(b.peer_id)).encode())
            + b'"target_addrs":[]}}}'
        )
        await eventually(lambda: bob.stats()["unasked"] == 1)
        assert "dials" not in bob.stats()
