# SPDX-License-Identifier: MIT OR Apache-2.0
"""The inbox hands each message to one reader and says when it did."""

import asyncio

from pqmesh_host.quic.inbox import Inbox


async def test_taken_runs_when_a_message_is_popped():
    inbox, taken = Inbox(), []
    inbox.put(b"a", lambda: taken.append("a"))
    assert (len(inbox), taken) == (1, [])
    assert inbox.pop() == b"a"
    assert taken == ["a"]
    assert inbox.pop() is None


async def test_a_waiter_wakes_on_put_and_on_wake():
    inbox = Inbox()
    for signal in (lambda: inbox.put(b"a", lambda: None), inbox.wake):
        waiting = asyncio.create_task(inbox.changed())
        await asyncio.sleep(0)
        assert not waiting.done()
        signal()
        await asyncio.wait_for(waiting, 1)


async def test_moving_keeps_order_and_obligations():
    first, second, taken = Inbox(), Inbox(), []
    for name in "ab":
        first.put(name.encode(), lambda n=name: taken.append(n))
    waiting = asyncio.create_task(second.changed())
    await asyncio.sleep(0)
    first.move_to(second)
    await asyncio.wait_for(waiting, 1)
    assert [second.pop(), second.pop(), first.pop()] == [b"a", b"b", None]
    assert taken == ["a", "b"]
