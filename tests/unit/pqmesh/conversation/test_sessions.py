# SPDX-License-Identifier: MIT OR Apache-2.0
"""A program's sessions over a carrier that does what the test says, on asyncio's loop."""

import asyncio
import contextlib

import pytest

from pqmesh.conversation.sessions import INBOX_MESSAGES, Sessions
from pqmesh.engine.events import Closed, Delivered, Established, Expired, Lost, Received, Refused
from pqmesh.errors import (
    Busy,
    MessageExpired,
    NoSuchSession,
    SessionEnded,
    SessionRefused,
    TimedOut,
    UsageError,
)

PEER, OTHER = b"p" * 32, b"o" * 32


class Carrier:
    """Numbers attempts from 100 and messages from 1; notes what it is asked to do."""

    def __init__(self):
        self.dialled = []
        self.sent = []
        self.hung_up = []
        self.busy_dials = 0
        self.refuse_sends = []  # errors of the next sends
        self.closes = True
        self.event = asyncio.Event
        self.sessions = Sessions(self)

    def now(self):
        return int(asyncio.get_running_loop().time() * 1000)

    async def within(self, awaitable, ms):
        try:
            async with asyncio.timeout(ms / 1000):
                await awaitable
        except TimeoutError:
            return False
        return True

    def dial(self, peer):
        if self.busy_dials:
            self.busy_dials -= 1
            raise Busy("full")
        self.dialled.append(peer)
        return 99 + len(self.dialled)

    def send(self, session, payload, priority, deadline):
        if self.refuse_sends:
            raise self.refuse_sends.pop(0)
        self.sent.append((session, payload, priority, deadline))
        return len(self.sent)

    def hang_up(self, session):
        self.hung_up.append(session)
        if self.closes:
            self.sessions.handle_event(Closed(session, 0, False))
        return self.closes

    def tell(self, event, ours=False):
        self.sessions.handle_event(event, ours)

    def open(self, session, peer_id=PEER):
        self.tell(Established(session, peer_id, True, 1, 1, 1))


@pytest.fixture
async def carrier():
    return Carrier()


async def begun(coroutine):
    """A task that has come to its first wait."""
    task = asyncio.create_task(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


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


async def test_an_engine_that_is_gone_ends_them_all(carrier):
    carrier.open(1)
    async with carrier.sessions.session(PEER) as session:
        carrier.sessions.lost("the node was stopped")
        with pytest.raises(SessionEnded, match="stopped"):
            await session.receive()
    carrier.sessions.lost("again")


async def test_a_session_without_its_block_is_not_open(carrier):
    session = carrier.sessions.session(PEER)
    assert session.ended
    with pytest.raises(NoSuchSession):
        await session.send(b"x")
    with pytest.raises(NoSuchSession):
        _ = session.peer_id
