# SPDX-License-Identifier: MIT OR Apache-2.0
"""The memory link keeps the contract, drops the oldest when full, and its cable can be pulled."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from pqmesh_host.transports.base import Link, LinkBroken, LinkUnavailable
from pqmesh_host.transports.memory import QUEUE_FRAMES, MemoryCable, memory_pair
from support.link_contract import LinkContract


class TestMemoryLink(LinkContract):
    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Link, Link]]:
        self.cable = MemoryCable()
        async with self.cable.left.open() as left, self.cable.right.open() as right:
            yield left, right

    async def cut(self, left: Link, right: Link) -> None:
        self.cable.pull()


async def test_a_full_queue_drops_its_oldest_and_says_so() -> None:
    left, right = memory_pair()
    for number in range(QUEUE_FRAMES + 3):
        await left.send(bytes([number]))
    assert right.counters.frames_dropped == 3
    assert await right.receive() == bytes([3])


async def test_sending_into_a_far_end_that_closed_is_lost_as_on_a_wire() -> None:
    left, right = memory_pair()
    await right.aclose()
    await left.send(b"nobody hears")


async def test_a_cable_can_be_pulled_and_put_back() -> None:
    cable = MemoryCable()
    async with cable.left.open() as left:
        cable.pull()
        with pytest.raises(LinkBroken):
            await left.receive()
        with pytest.raises(LinkUnavailable, match="not plugged"):
            await cable.left.open().__aenter__()
    cable.plug()
    async with cable.left.open() as left, cable.right.open() as right:
        await left.send(b"again")
        assert await right.receive() == b"again"


async def test_one_end_is_opened_once() -> None:
    cable = MemoryCable()
    async with cable.left.open():
        with pytest.raises(LinkUnavailable, match="in use"):
            await cable.left.open().__aenter__()
