# SPDX-License-Identifier: MIT OR Apache-2.0
"""A session in a program's hands: send, receive, flush, close, and leaving the block."""

import asyncio

import pytest

from pqmesh.conversation.sessions import INBOX_MESSAGES
from pqmesh.engine.events import Closed, Delivered, Expired, Lost, Received
from pqmesh.errors import (
    Busy,
    MessageExpired,
    NoSuchSession,
    SessionEnded,
    TimedOut,
    UsageError,
)
from support.scripted_carrier import PEER, Carrier, begun


@pytest.fixture
async def carrier():
    return Carrier()


async def test_messages_go_with_priority_and_deadline_and_are_told_apart(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        before = carrier.now()
        one = await session.send(b"one")
        two = await session.send(b"two", priority=3, deadline_ms=500)
        assert carrier.sent[0] == (1, b"\x60one", 0, None)
        assert carrier.sent[1][:3] == (1, b"\x60two", 3)
        assert 0 <= carrier.sent[1][3] - before - 500 < 1_000
        carrier.tell(Expired(1, 2))
        carrier.tell(Delivered(1, 1, 31))
        carrier.tell(Delivered(1, 77, 1))  # of another user of this session
        assert await one.delivered() == one.rtt_ms == 31
        with pytest.raises(MessageExpired):
            await two.delivered()


async def test_a_full_queue_is_waited_for_until_the_deadline(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        carrier.refuse_sends = [Busy("full")]
        task = await begun(session.send(b"x", deadline_ms=60_000))
        assert not task.done()
        carrier.tell(Delivered(1, 99, 5))
        await task
        carrier.tell(Delivered(1, 1, 5))
        carrier.refuse_sends = [Busy("full")] * 9
        with pytest.raises(MessageExpired, match="full"):
            await session.send(b"x", deadline_ms=5)
        carrier.refuse_sends = []
        with pytest.raises(TimedOut):
            await (await session.send(b"y")).delivered(5)
        carrier.tell(Delivered(1, 2, 5))


async def test_a_message_too_long_is_the_programs_own_fault(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        carrier.refuse_sends = [UsageError("too long")]
        with pytest.raises(UsageError, match="too long"):
            await session.send(b"x")


async def test_what_came_is_returned_before_the_end_is_told(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        carrier.tell(Received(1, b"\x60last"))
        carrier.tell(Closed(1, 4, True))
        assert await session.receive() == b"last"
        with pytest.raises(SessionEnded) as ended:
            await session.receive()
        assert (ended.value.code, ended.value.by_peer) == (4, True)
        with pytest.raises(SessionEnded):
            await session.send(b"x")
    assert carrier.hung_up == []


async def test_leaving_waits_for_what_is_under_way(carrier):
    carrier.open(1)
    session = carrier.sessions.session(PEER)
    await session.__aenter__()
    await session.send(b"x")
    leaving = await begun(session.__aexit__(None, None, None))
    assert carrier.hung_up == []
    carrier.tell(Delivered(1, 1, 5))
    await leaving
    assert carrier.hung_up == [1]


async def test_leaving_says_when_what_was_under_way_may_be_lost(carrier):
    carrier.open(1)
    session = carrier.sessions.session(PEER)
    await session.__aenter__()
    message = await session.send(b"x")
    carrier.tell(Lost(1, "the peer went silent"))
    with pytest.raises(SessionEnded, match="silent") as ended:
        await session.__aexit__(None, None, None)
    assert ended.value.code is None
    with pytest.raises(SessionEnded):
        await message.delivered()


async def test_an_exception_in_the_block_hangs_up_at_once(carrier):
    carrier.open(1)
    carrier.closes = False
    carrier.hang_up = lambda session: carrier.hung_up.append(session) or True
    session = carrier.sessions.session(PEER)
    await session.__aenter__()
    await session.send(b"never acknowledged")
    async with asyncio.timeout(1):
        await session.__aexit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert carrier.hung_up == [1]


async def test_closing_waits_for_the_end_and_for_nothing_else(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        await session.send(b"x")
        await session.close()
        await session.close()
        assert carrier.hung_up == [1]
        with pytest.raises(NoSuchSession):
            await session.receive()


async def test_a_session_that_goes_on_keeps_what_came_meanwhile(carrier):
    carrier.closes = False
    carrier.open(1)
    async with carrier.sessions.session(PEER):
        pass
    carrier.tell(Received(1, b"\x60meanwhile"))
    async with carrier.sessions.session(PEER) as session:
        assert await session.receive(0) == b"meanwhile"


async def test_the_oldest_goes_when_nobody_fetches(carrier):
    carrier.open(1)
    for number in range(INBOX_MESSAGES + 2):
        carrier.tell(Received(1, b"\x60%d" % number))
    async with carrier.sessions.session(PEER) as session:
        assert session.dropped == 2
        assert await session.receive() == b"2"
        for number in range(3, INBOX_MESSAGES + 2):
            assert await session.receive() == b"%d" % number
        with pytest.raises(TimedOut):
            await session.receive(5)


async def test_events_are_told_to_who_holds_the_session(carrier):
    carrier.open(1)
    seen = []
    async with carrier.sessions.session(PEER, on_event=seen.append):
        carrier.tell(Delivered(1, 9, 3))
        carrier.tell(Delivered(2, 9, 3))
    carrier.open(3)
    carrier.tell(Delivered(3, 1, 3))
    assert seen == [Delivered(1, 9, 3)]


async def test_a_session_without_its_block_is_not_open(carrier):
    session = carrier.sessions.session(PEER)
    assert session.ended
    with pytest.raises(NoSuchSession):
        await session.send(b"x")
    with pytest.raises(NoSuchSession):
        _ = session.peer_id


async def test_one_that_is_open_is_not_opened_again(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        with pytest.raises(UsageError, match="already"):
            await session.__aenter__()


async def test_flush_says_when_something_is_under_way_still(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        await session.flush(0)
        await session.send(b"x")
        with pytest.raises(TimedOut, match="1 messages"):
            await session.flush(5)
        carrier.tell(Delivered(1, 1, 5))
        await session.flush()
