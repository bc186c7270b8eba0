# SPDX-License-Identifier: MIT OR Apache-2.0
"""A node's half of its program's sessions: it does not dial, and does not hang up."""

import asyncio

import pytest

from pqmesh.errors import SessionRefused
from pqmesh_node.carrier import NodeCarrier, Waits, node_sessions
from pqmesh_node.clock import Clock
from pqmesh_node.settings import changed, default

PEER = b"p" * 32


def carrier(**settings):
    return NodeCarrier(Clock(), lambda *call: 3, lambda: changed(default(), **settings))


async def test_waiting_says_whether_it_came():
    waits = Waits(Clock())
    event = waits.event()
    assert not await waits.within(event.wait(), 5)
    event.set()
    assert await waits.within(event.wait(), 5_000)
    assert waits.now() >= 0


def test_only_the_gateway_it_belongs_to_may_be_had():
    pinned = carrier(expect=PEER)
    assert pinned.dial(PEER) is None
    assert pinned.dial(None) is None
    with pytest.raises(SessionRefused, match="belongs to") as refused:
        pinned.dial(b"x" * 32)
    assert refused.value.peer_id == b"x" * 32
    assert carrier().dial(b"x" * 32) is None


async def test_a_session_goes_on_without_the_program():
    sent = []
    sessions = node_sessions(Clock(), lambda *call: sent.append(call) or 1, default)
    sessions.established(9, PEER)
    for _ in range(2):
        session = sessions.session(PEER)
        await session.__aenter__()
        await session.send(b"x", 4)
        async with asyncio.timeout(1):
            await session.close()
    assert sent == [(9, b"\x60x", 4, None)] * 2
