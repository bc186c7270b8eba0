# SPDX-License-Identifier: MIT OR Apache-2.0
"""A defect in one connection ends that one; the others do not notice."""

import asyncio
import logging

import pytest

from pqmesh_host.quic.driver import _destination
from pqmesh_host.quic.errors import PeerClosed
from support.quic_net import endpoints, eventually


def boom(*args, **kwargs):
    raise AssertionError("a defect")


@pytest.mark.parametrize("where", ["receive_datagram", "datagrams_to_send", "next_event"])
async def test_a_defect_is_contained(where, caplog):
    async with endpoints("alice", "bob", "carol") as (alice, bob, carol):
        broken = await alice.connect(bob.local_address)
        healthy = await alice.connect(carol.local_address)
        accepted = await carol.accept()
        await bob.accept()
        with caplog.at_level(logging.CRITICAL):
            setattr(broken.connection, where, boom)
            await healthy.send(b"before")
            alice._driver.touch(broken)
            bob.peers[0].connection.send_ping(0)
            bob._driver.touch(bob.peers[0])
            closed = await asyncio.wait_for(broken.wait_closed(), 5)
        assert closed.reason == "internal error"
        with pytest.raises(PeerClosed):
            await broken.recv()
        assert broken not in alice._registry
        assert alice.peers == [healthy]
        assert await asyncio.wait_for(accepted.recv(), 5) == b"before"
        await healthy.send(b"after")
        assert await asyncio.wait_for(accepted.recv(), 5) == b"after"


async def test_a_trust_callback_that_raises_refuses_that_peer_only(caplog):
    answers = [RuntimeError("no database"), True]

    def trust(peer_id):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with endpoints("alice", "bob") as (alice, bob):
        bob._trust = trust
        first = asyncio.create_task(alice.connect(bob.local_address, timeout_s=1))
        await eventually(lambda: len(answers) == 1)
        assert bob.peers == []
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await alice.connect(bob.local_address)).is_open


@pytest.mark.parametrize(
    ("data", "cid"),
    [
        (b"\x40", b""),
        (b"\x40ABCDEFGHrest", b"ABCDEFGH"),
        (b"\xc0", b""),
        (b"\xc0\x00\x00\x00\x01", b""),
        (b"\xc0\x00\x00\x00\x01\x04ABCDrest", b"ABCD"),
        (b"\xc0\x00\x00\x00\x01\xffAB", b"AB"),
    ],
)
def test_destination(data, cid):
    assert _destination(data) == cid
