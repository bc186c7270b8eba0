# SPDX-License-Identifier: MIT OR Apache-2.0
"""One open session: what its events do to the messages under way, and how it ends."""

import pytest

from pqmesh.conversation.line import Line, Message
from pqmesh.engine.events import Closed, Delivered, Expired, Lost, Moved, Received
from pqmesh.errors import MessageExpired, SessionEnded, TimedOut
from support.scripted_carrier import PEER, Carrier, begun


@pytest.fixture
async def line():
    return Line(Carrier(), 1, PEER, 2)


def under_way(line, number):
    message = line.under_way[number] = Message(line, number)
    return message


async def test_a_message_is_delivered_or_expires_or_goes_with_the_session(line):
    one, two, three = (under_way(line, number) for number in (1, 2, 3))
    for event in (Delivered(1, 1, 40), Expired(1, 2), Delivered(1, 9, 1), Expired(1, 9)):
        line.handle_event(event)
    assert list(line.under_way) == [3]
    assert await one.delivered(0) == 40
    with pytest.raises(MessageExpired):
        await two.delivered(0)
    with pytest.raises(TimedOut):
        await three.delivered(0)
    waiting = await begun(three.delivered())
    assert not waiting.done()
    line.handle_event(Lost(1, "the peer went silent"))
    with pytest.raises(SessionEnded, match="silent"):
        await waiting


async def test_the_oldest_message_makes_room(line):
    for number in range(4):
        line.handle_event(Received(1, b"\x60%d" % number))
    assert list(line.inbox) == [b"2", b"3"]
    assert line.dropped == 2


async def test_its_holder_is_told_every_event(line):
    seen = []
    line.handle_event(Moved(1, b"a"))
    line.on_event = seen.append
    line.handle_event(Moved(1, b"b"))
    assert seen == [Moved(1, b"b")]


async def test_waiting_ends_with_the_condition_or_the_time(line):
    assert await line.until(lambda: True, 0)
    assert not await line.until(lambda: False, 3)
    news = line.next_news()
    waiting = await begun(line.until(news, 60_000))
    line.handle_event(Moved(1, b"b"))
    assert await waiting


@pytest.mark.parametrize(
    ("end", "text", "code", "by_peer"),
    [
        (Closed(1, 3, True), "closed by the peer, reason 3", 3, True),
        (Closed(1, 0, False), "closed by this side, reason 0", 0, False),
        (Lost(1, "no acknowledgement"), "no acknowledgement", None, False),
    ],
)
async def test_an_end_says_how_it_came_about(line, end, text, code, by_peer):
    line.handle_event(end)
    error = line.ending()
    assert (str(error), error.reason) == (text, text)
    assert (error.code, error.by_peer) == (code, by_peer)
    assert line.ending() is not error
