# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions on a host's link: the same verbs and errors as a board's, and with a board."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pqmesh.engine.events import Delivered, Established
from pqmesh.errors import SessionEnded, SessionRefused, TimedOut
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK, replace
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.endpoint import Endpoint
from pqmesh_host.transports.memory import MemoryCable
from pqmesh_node.endpoint import Endpoint as BoardEndpoint

CRYPTO = HostCrypto()
NAMES = [Identity(bytes([side + 1]) * 32, CRYPTO) for side in (0, 1)]
ONE, TWO = (name.peer_id for name in NAMES)


@contextlib.asynccontextmanager
async def pair(cable: MemoryCable, **options: Any) -> AsyncIterator[tuple[Endpoint, Endpoint]]:
    async with (
        cable.left.open() as left,
        cable.right.open() as right,
        Endpoint.open(left, NAMES[0], **options) as one,
        Endpoint.open(right, NAMES[1]) as two,
    ):
        yield one, two


@pytest.fixture
def cable() -> MemoryCable:
    return MemoryCable(mtu=SERIAL_LINK.mtu)


async def test_two_programs_exchange_and_take_leave(cable: MemoryCable) -> None:
    events: list[Any] = []
    async with pair(cable, on_event=events.append) as (one, two):
        calling = asyncio.create_task(one.session(TWO, 20_000).__aenter__())
        async with two.accept(20_000) as there:
            here = await calling
            message = await here.send(b"hello", priority=2, deadline_ms=20_000)
            assert await there.receive(20_000) == b"hello"
            assert await message.delivered(20_000) >= 0
            with pytest.raises(TimedOut):
                await here.receive(10)
        with pytest.raises(SessionEnded) as ended:
            await here.receive(20_000)
        assert ended.value.by_peer
        assert one.engine_stats.handshakes_finished == 1
        assert one._handles == two._handles == set()
    assert {type(event) for event in events} >= {Established, Delivered}


async def test_a_broken_link_ends_every_session_and_brings_no_other(cable: MemoryCable) -> None:
    async with pair(cable) as (one, _):
        session = await one.session(TWO, 20_000).__aenter__()
        cable.pull()
        with pytest.raises(SessionEnded):
            await session.receive(20_000)
        with pytest.raises(SessionRefused):
            await one.session(TWO).__aenter__()


async def test_leaving_says_goodbye_to_whoever_is_there(cable: MemoryCable) -> None:
    async with cable.right.open() as right, Endpoint.open(right, NAMES[1]) as two:
        async with cable.left.open() as left, Endpoint.open(left, NAMES[0]) as one:
            accepting = asyncio.create_task(two.accept(20_000).__aenter__())
            await one.session(TWO, 20_000).__aenter__()
            there = await accepting
        with pytest.raises(SessionEnded, match="closed by the peer"):
            await there.receive(20_000)


async def test_a_bug_in_the_owners_callback_is_raised(cable: MemoryCable) -> None:
    def broken(event: object) -> None:
        raise ZeroDivisionError

    async def run() -> None:
        async with pair(cable, on_event=broken) as (one, two):
            accepting = asyncio.create_task(two.accept(20_000).__aenter__())
            with contextlib.suppress(TimedOut):
                await one.session(TWO, 400).__aenter__()
            accepting.cancel()

    with pytest.raises(BaseExceptionGroup) as raised:
        await run()
    assert raised.value.subgroup(ZeroDivisionError) is not None


async def test_a_board_s_endpoint_understands_a_hosts(cable: MemoryCable) -> None:
    class BoardLink:
        mtu = SERIAL_LINK.mtu

        def __init__(self, link: Any) -> None:
            self.receive, self.send = link.receive, link.send

    async with (
        cable.left.open() as left,
        cable.right.open() as right,
        Endpoint.open(left, NAMES[0]) as host,
    ):
        board = BoardEndpoint(BoardLink(right), NAMES[1], CRYPTO)
        serving = asyncio.create_task(board.run())
        accepting = asyncio.create_task(board.accept(20_000).__aenter__())
        async with host.session(TWO, 20_000) as session:
            there = await accepting
            await there.send(b"from a board")
            assert await session.receive(20_000) == b"from a board"
            assert there.peer_id == ONE
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_strangers_are_kept_out_of_a_shared_link(cable: MemoryCable) -> None:
    shared = replace(SERIAL_LINK, point_to_point=False)
    async with pair(cable, profile=shared) as (one, _):
        assert one._driver._shared
        with pytest.raises(SessionRefused):
            await one.session(TWO, 20_000).__aenter__()


async def test_messages_of_the_mesh_are_counted_and_no_program_s(cable: MemoryCable) -> None:
    async with pair(cable) as (one, two):
        accepting = asyncio.create_task(two.accept(20_000).__aenter__())
        async with one.session(TWO, 20_000) as session:
            await accepting
            handle = next(iter(two._handles))
            two._engine.send(handle, b"\x01 a reading", 0)
            two._driver.settle()
            with pytest.raises(TimedOut):
                await session.receive(100)
        assert one.counts["unreadable"] == 1
