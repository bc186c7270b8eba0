# SPDX-License-Identifier: MIT OR Apache-2.0
"""Waiting as pqmesh.conversation wants it, on this loop."""

import asyncio

import pytest

from pqmesh_host.waits import Waits


async def test_within_says_whether_it_came() -> None:
    waits = Waits()
    event = waits.event()
    assert not await waits.within(event.wait(), 5)
    event.set()
    assert await waits.within(event.wait(), 5_000)
    assert abs(waits.now() - asyncio.get_running_loop().time() * 1000) < 1_000


async def test_what_it_raises_and_a_cancellation_pass() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Waits().within(broken(), 5_000)
    task = asyncio.create_task(Waits().within(asyncio.Event().wait(), 5_000))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
