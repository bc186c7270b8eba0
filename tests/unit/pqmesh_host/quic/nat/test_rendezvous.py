# SPDX-License-Identifier: MIT OR Apache-2.0
"""Coordination over real connections on loopback: who is asked, who answers, what is dropped."""

import asyncio
import contextlib

from pqmesh_host.quic.nat.participant import Denied, Punch
from pqmesh_host.quic.nat.rendezvous import Rendezvous
from support.quic_net import endpoints, eventually


@contextlib.asynccontextmanager
async def three(**options):
    """Alice and Bob, both connected to Carol; the rendezvous of each, and Bob's invitations."""
    async with endpoints("alice", "bob", "carol") as (alice, bob, carol):
        for end in (alice, bob):
            await end.connect(carol.local_address)
        invited = []
        served = []
        for end, kept in ((alice, []), (bob, invited), (carol, [])):
            options_here = options if end is carol else {}
            served.append(
                Rendezvous(end, kept.append, lambda e=end: [e.local_address], **options_here)
            )
        try:
            yield (alice, bob, carol), served, invited
        finally:
            for each in served:
                await each.close()


async def test_two_are_told_of_each_other_at_the_same_time():
    async with three() as ((alice, bob, carol), (asking, _, _), invited):
        helper = alice.peer(carol.peer_id)
        answer = await asking.ask(helper, bob.peer_id, [alice.local_address], 5)
        assert isinstance(answer, Punch)
        assert (answer.peer_id, answer.initiator) == (bob.peer_id, True)
        assert answer.addresses == (bob.local_address,)
        await eventually(lambda: invited)
        assert invited[0].peer_id == alice.peer_id
        assert invited[0].addresses == (alice.local_address,)
        assert asking.stats()["sent_request"] == asking.stats()["received_accepted"] == 1


async def test_an_unknown_target_is_denied():
    async with three() as ((alice, _, carol), (asking, _, _), _):
        answer = await asking.ask(alice.peer(carol.peer_id), bytes(32), [], 5)
        assert isinstance(answer, Denied)
        assert answer.reason == "UnknownTarget"


async def test_one_that_does_not_serve_answers_nothing():
    async with three(serve=False) as ((alice, bob, carol), (asking, _, _), invited):
        assert await asking.ask(alice.peer(carol.peer_id), bob.peer_id, [], 0.2) is None
        assert invited == []


async def test_one_we_are_not_connected_to_is_not_asked():
    async with three() as ((alice, bob, carol), (asking, _, _), _):
        helper = alice.peer(carol.peer_id)
        await helper.close()
        assert await asking.ask(helper, bob.peer_id, [], 0.1) is None
        assert asking.stats()["unsent"] == 1


async def test_a_relayed_peer_is_nobody_to_send_others_to():
    async with three() as ((alice, bob, carol), (asking, _, _), _):
        carol.peer(bob.peer_id).relayed = True
        answer = await asking.ask(alice.peer(carol.peer_id), bob.peer_id, [], 5)
        assert isinstance(answer, Denied)


async def test_junk_is_counted_and_dropped():
    async with three() as ((alice, _, carol), (_, _, serving), _):
        for junk in (b"", b"{", b'{"request_id":1}', b"\xff" * 100):
            await alice.peer(carol.peer_id).send_coordination(junk)
        await eventually(lambda: serving.stats().get("malformed") == 4)


async def test_our_own_requests_are_bounded():
    async with three(serve=False) as ((alice, bob, carol), (asking, _, _), _):
        helper = alice.peer(carol.peer_id)
        answers = await asyncio.gather(
            *(asking.ask(helper, bob.peer_id, [], 0.2) for _ in range(70))
        )
        assert answers == [None] * 70
        assert asking.stats()["own_requests_full"] == 6


async def test_close_takes_the_service_away():
    async with three() as ((alice, _, _), (asking, _, _), _):
        await asking.close()
        assert alice.services.coordination is None
