# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board without a Node: real engines, real cryptography, and the programs' sessions."""

import asyncio
import contextlib

import pytest

from pqmesh.engine.events import Established
from pqmesh.engine.tickets import MemoryTickets
from pqmesh.errors import SessionEnded, SessionRefused, TimedOut
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK, replace
from pqmesh_host.crypto import HostCrypto
from pqmesh_node.endpoint import Endpoint
from pqmesh_node.tasks import run_together

CRYPTO = HostCrypto()
NAMES = [Identity(bytes([side + 1]) * 32, CRYPTO) for side in (0, 1)]
ONE, TWO = (name.peer_id for name in NAMES)


class Wire:
    """One end of a wire between two tasks."""

    mtu = SERIAL_LINK.mtu

    def __init__(self, inbox, outbox):
        self.inbox, self.outbox = inbox, outbox

    async def receive(self):
        return await self.inbox.get()

    async def send(self, frame):
        self.outbox.put_nowait(bytes(frame))


def ends(one=None, two=None, **both):
    there, back = asyncio.Queue(), asyncio.Queue()
    wires = Wire(back, there), Wire(there, back)
    return [
        Endpoint(wires[side], NAMES[side], CRYPTO, **both, **(own or {}))
        for side, own in enumerate((one, two))
    ]


@contextlib.asynccontextmanager
async def running(*endpoints):
    task = asyncio.create_task(run_together(*[endpoint.run for endpoint in endpoints]))
    try:
        yield endpoints
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_programs_exchange_and_take_leave():
    one, two = ends()
    async with running(one, two):

        async def answer():
            async with two.accept(30_000) as session:
                assert session.peer_id == ONE
                await session.send(b"re: " + await session.receive(30_000))

        answering = asyncio.create_task(answer())
        async with one.session(TWO, 30_000) as session:
            message = await session.send(b"hello", priority=1, deadline_ms=60_000)
            assert await message.delivered(30_000) >= 0
            assert await session.receive(30_000) == b"re: hello"
            await answering
            with pytest.raises(SessionEnded) as ended:
                await session.receive(30_000)
            assert ended.value.by_peer
    assert one.unreadable == two.unreadable == 0


async def test_the_next_session_resumes():
    one, two = ends(one={"tickets": MemoryTickets(1)}, two={"tickets": MemoryTickets(1)})
    async with running(one, two):
        for _ in range(2):
            listening = asyncio.create_task(two.accept(30_000).__aenter__())
            async with one.session(TWO, 30_000):
                await listening
            await asyncio.sleep(0)
    assert one.engine_stats.handshakes_resumed == 1


async def test_who_is_not_trusted_is_refused():
    one, two = ends(two={"trust": lambda peer_id: False})
    async with running(one, two):
        with pytest.raises(SessionRefused) as refused:
            await one.session(TWO, 30_000).__aenter__()
        assert refused.value.peer_id == TWO


async def test_another_than_the_one_asked_for_is_refused():
    one, two = ends()
    async with running(one, two):
        with pytest.raises(SessionRefused):
            await one.session(b"x" * 32, 30_000).__aenter__()


async def test_silence_ends_in_a_timeout_and_leaves_no_attempt():
    one, _ = ends()
    async with running(one):
        with pytest.raises(TimedOut):
            await one.session(TWO, 50).__aenter__()
        with pytest.raises(TimedOut):  # there is room for the next
            await one.session(TWO, 50).__aenter__()


async def test_events_are_told_and_strange_messages_counted():
    events = []
    one, two = ends(one={"on_event": events.append})
    async with running(one, two):
        accepting = asyncio.create_task(two.accept(30_000).__aenter__())
        async with one.session(TWO, 30_000) as session:
            await accepting
            two._engine.send(two._sessions._lines.popitem()[0], b"\x01 a reading", 0)
            two._driver.wake()
            with pytest.raises(TimedOut):
                await session.receive(50)
            assert isinstance(events[0], Established)
            assert one.unreadable == 1


async def test_a_shared_link_is_told_the_time():
    """Its driver lets the engine listen after a question; on a cable nobody needs to."""
    one, two = ends(profile=replace(SERIAL_LINK, point_to_point=False))
    cable, _ = ends()
    assert one._driver._shared
    assert not cable._driver._shared
    async with running(one, two):
        with pytest.raises(SessionRefused):  # no keys of the peer, and strangers are not let in
            await one.session(TWO, 30_000).__aenter__()
