# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which session a program gets, when it has to wait for one, and when it gets none."""

import asyncio
import contextlib

import pytest

from pqmesh.engine.events import Received, Refused
from pqmesh.errors import SessionEnded, SessionRefused, TimedOut, UsageError
from support.scripted_carrier import OTHER, PEER, Carrier, begun


@pytest.fixture
async def carrier():
    return Carrier()


async def test_a_session_is_dialled_held_and_closed(carrier):
    opening = carrier.sessions.session(PEER)
    task = await begun(opening.__aenter__())
    assert carrier.dialled == [PEER]
    carrier.open(100)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(await task)
        assert opening.peer_id == PEER
        assert not opening.ended
    assert carrier.hung_up == [100]
    assert opening.ended


async def test_one_that_is_open_is_not_dialled_again(carrier):
    carrier.open(7)
    async with carrier.sessions.session(PEER, 50) as session:
        assert session.peer_id == PEER
    assert carrier.dialled == []


async def test_giving_up_hangs_up_the_attempt(carrier):
    with pytest.raises(TimedOut):
        async with carrier.sessions.session(PEER, 20):
            pass
    task = await begun(carrier.sessions.session(PEER).__aenter__())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert carrier.hung_up == [100, 101]
    carrier.open(5)  # nobody waits: it is there for the next one
    async with carrier.sessions.session(PEER, 0):
        pass


async def test_a_full_table_is_tried_again(carrier, monkeypatch):
    monkeypatch.setattr("pqmesh.conversation.sessions._AGAIN_MS", 5)
    carrier.busy_dials = 2
    task = await begun(carrier.sessions.session(PEER, 5_000).__aenter__())
    async with asyncio.timeout(5):
        while not carrier.dialled:
            await asyncio.sleep(0.001)
    carrier.open(100)
    await task


async def test_a_refusal_names_its_reason_and_its_peer(carrier):
    task = await begun(carrier.sessions.session(PEER).__aenter__())
    carrier.tell(Refused(55, "another's", None))
    carrier.tell(Refused(100, "not trusted", OTHER))
    with pytest.raises(SessionRefused, match="not trusted") as refused:
        await task
    assert (refused.value.reason, refused.value.peer_id) == ("not trusted", OTHER)
    assert carrier.hung_up == []


async def test_a_refusal_of_what_others_dialled_is_told_by_them(carrier):
    carrier.dial = lambda peer: None
    task = await begun(carrier.sessions.session(PEER).__aenter__())
    carrier.tell(Refused(1, "a stranger failed", None))
    assert not task.done()
    carrier.tell(Refused(2, "no answer", None), ours=True)
    with pytest.raises(SessionRefused, match="no answer"):
        await task


async def test_who_takes_anybody_comes_after_who_asked_by_name(carrier):
    anybody = await begun(carrier.sessions.accept().__aenter__())
    named = await begun(carrier.sessions.session(PEER).__aenter__())
    carrier.open(1, PEER)
    assert (await named).peer_id == PEER
    assert not anybody.done()
    carrier.open(2, OTHER)
    assert (await anybody).peer_id == OTHER


async def test_nobody_else_gets_what_is_held(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        with pytest.raises(UsageError, match="held"):
            await carrier.sessions.session(PEER).__aenter__()
        with pytest.raises(UsageError, match="already"):
            await session.__aenter__()
        with pytest.raises(TimedOut):
            await carrier.sessions.accept(10).__aenter__()
        carrier.open(2)  # the peer restarted: its new session is free
        async with carrier.sessions.session(PEER) as newer:
            assert newer.peer_id == PEER


async def test_an_engine_that_is_gone_ends_them_all(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        carrier.sessions.lost("the node was stopped")
        with pytest.raises(SessionEnded, match="stopped"):
            await session.receive()
    carrier.sessions.lost("again")


async def test_events_of_a_session_that_is_over_are_nobodys(carrier):
    carrier.tell(Received(1, b"\x60x"))
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        with pytest.raises(TimedOut):
            await session.receive(5)
        carrier.tell(Received(1, b"\x60y"))
        assert await session.receive(5) == b"y"
