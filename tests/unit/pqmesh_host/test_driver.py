# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver: events before frames, timers on time, and an end that names its cause."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from pqmesh.errors import Malformed
from pqmesh_host.driver import LinkDriver, now_ms
from pqmesh_host.errors import StoreError
from pqmesh_host.transports.base import LinkBroken, LinkClosed
from pqmesh_host.transports.memory import memory_pair


class EchoEngine:
    """Echoes every frame after reporting it, as an engine acknowledges a message."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.deadline: int | None = None
        self._events: deque[Any] = deque()
        self._frames: deque[bytes] = deque()

    def receive(self, frame: bytes, now: int) -> None:
        if frame == b"bad":
            raise Malformed("bad")
        self._events.append(frame)
        self._frames.append(b"ack " + frame)

    def handle_timeout(self, now: int) -> None:
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            self._frames.append(b"timer")

    def next_event(self) -> Any:
        return self._events.popleft() if self._events else None

    def next_transmit(self) -> bytes | None:
        if not self._frames:
            return None
        self.log.append(self._frames[0])
        return self._frames.popleft()

    def next_deadline(self) -> int | None:
        return self.deadline

    def say(self, frame: bytes) -> None:
        self._frames.append(frame)


class Rig:
    def __init__(self, on_event: Any = None) -> None:
        self.engine = EchoEngine()
        self.near, self.far = memory_pair()
        self.drops: list[Any] = []
        note = on_event or (lambda event: self.engine.log.append(("event", event)))
        self.driver = LinkDriver(self.engine, self.near, note, self.drops.append)  # type: ignore[arg-type]
        self.task = asyncio.create_task(self.driver.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_an_event_is_handed_over_before_its_acknowledgement_leaves() -> None:
    rig = Rig()
    for number in range(20):
        await rig.far.send(b"%d" % number)
    for number in range(20):
        assert await rig.far.receive() == b"ack %d" % number
    for number in range(20):
        told = rig.engine.log.index(("event", b"%d" % number))
        assert told < rig.engine.log.index(b"ack %d" % number)
    await rig.end()


async def test_what_on_event_refuses_is_never_acknowledged() -> None:
    def full(_event: Any) -> None:
        raise StoreError("disk full")

    rig = Rig(full)
    await rig.far.send(b"precious")
    with pytest.raises(ExceptionGroup) as caught:
        await rig.task
    assert caught.group_contains(StoreError)
    assert rig.near.counters.frames_out == 0


async def test_a_refused_frame_is_reported_and_nothing_else_happens() -> None:
    rig = Rig()
    await rig.far.send(b"bad")
    await rig.far.send(b"good")
    assert await rig.far.receive() == b"ack good"
    assert [str(error) for error in rig.drops] == ["bad"]
    await rig.end()


async def test_a_deadline_is_kept_even_when_it_is_moved_forward() -> None:
    rig = Rig()
    rig.engine.deadline = now_ms() + 60_000
    rig.driver.settle()
    await asyncio.sleep(0.01)
    rig.engine.deadline = now_ms() + 20
    rig.driver.settle()
    async with asyncio.timeout(5):
        assert await rig.far.receive() == b"timer"
    await rig.end()


async def test_flush_waits_for_the_last_frame() -> None:
    rig = Rig()
    await asyncio.sleep(0)
    rig.engine.say(b"goodbye")
    rig.driver.settle()
    await rig.driver.flush()
    assert await rig.far.receive() == b"goodbye"
    await rig.end()


async def test_flush_gives_up_on_a_medium_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    stuck = asyncio.Event()
    monkeypatch.setattr(rig.near, "send", lambda _frame: stuck.wait())
    monkeypatch.setattr("pqmesh_host.driver.FLUSH_S", 0.02)
    rig.engine.say(b"goodbye")
    rig.driver.settle()
    async with asyncio.timeout(5):
        await rig.driver.flush()
    await rig.end()


async def test_a_broken_medium_ends_it_by_its_name() -> None:
    rig = Rig()
    await asyncio.sleep(0)
    rig.near._end(LinkBroken)
    with pytest.raises(LinkBroken):
        await rig.task


async def test_what_came_before_a_hang_up_is_still_heard() -> None:
    rig = Rig()
    await rig.far.send(b"goodbye")

    async def hung_up(_frame: bytes) -> None:
        raise LinkBroken

    rig.near.send = hung_up  # type: ignore[method-assign]
    rig.engine.say(b"an acknowledgement")
    rig.driver.settle()
    with pytest.raises(LinkBroken):
        await rig.task
    assert ("event", b"goodbye") in rig.engine.log


async def test_closing_the_link_ends_it_by_its_name() -> None:
    rig = Rig()
    await asyncio.sleep(0)
    await rig.near.aclose()
    with pytest.raises(LinkClosed):
        await rig.task


async def test_a_flood_does_not_starve_the_loop() -> None:
    rig = Rig()
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    for _ in range(60):
        rig.near.inject(b"bad")
    async with asyncio.timeout(5):
        while len(rig.drops) < 60:
            await asyncio.sleep(0)
    assert turns >= 60
    ticking.cancel()
    await rig.end()


async def test_octets_are_counted_both_ways() -> None:
    rig = Rig()
    await rig.far.send(b"four")
    assert await rig.far.receive() == b"ack four"
    await asyncio.sleep(0)
    assert (rig.driver.frame_bytes_in, rig.driver.frame_bytes_out) == (4, 8)
    await rig.end()


async def test_only_on_a_shared_link_is_the_engine_told_the_time() -> None:
    told: list[tuple[int, ...]] = []

    class Timed(EchoEngine):
        def next_transmit(self, *now: int) -> Any:
            told.append(now)
            return super().next_transmit()

    for shared in (False, True):
        near, far = memory_pair()
        driver = LinkDriver(Timed(), near, print, print, shared=shared)  # type: ignore[arg-type]
        task = asyncio.create_task(driver.run())
        await far.send(b"one")
        assert await far.receive() == b"ack one"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert {len(now) for now in told} == {1 if shared else 0}
        told.clear()
