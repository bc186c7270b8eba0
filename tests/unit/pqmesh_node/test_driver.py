# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver: handled before acknowledged, one sender, alive under a flood."""

import asyncio
import contextlib

import pytest

from pqmesh.errors import Malformed
from pqmesh_node.clock import Clock
from pqmesh_node.driver import LinkDriver


class EchoEngine:
    """Every frame becomes an event and an acknowledgement; b"bad" is illegal."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.transmits: list[bytes] = []
        self.deadline: int | None = None
        self.timeouts: list[int] = []
        self.received_at: list[int] = []

    def receive(self, frame: bytes, now: int) -> None:
        self.received_at.append(now)
        if frame == b"bad":
            raise Malformed("bad")
        if frame == b"sign":
            self.deadline = now
        self.events.append(frame)
        self.transmits.append(b"ack " + frame)

    def handle_timeout(self, now: int) -> None:
        if self.deadline is not None and now >= self.deadline:
            self.timeouts.append(now)
            self.deadline = None
            self.transmits.append(b"signature")

    def next_transmit(self) -> bytes | None:
        return self.transmits.pop(0) if self.transmits else None

    def next_event(self) -> bytes | None:
        return self.events.pop(0) if self.events else None

    def next_deadline(self) -> int | None:
        return self.deadline


class Link:
    mtu = 512

    def __init__(self, log: list[str]) -> None:
        self.incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.failures: list[Exception] = []
        self.log = log
        self.sending = 0

    async def receive(self) -> bytes:
        frame = await self.incoming.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def send(self, frame: bytes) -> None:
        assert self.sending == 0, "two frames on the wire at once"
        if self.failures:
            raise self.failures.pop(0)
        self.sending += 1
        await asyncio.sleep(0.001)
        self.sending -= 1
        self.log.append("sent " + frame.decode())


class Bench:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.engine = EchoEngine()
        self.link = Link(self.log)
        self.ticks = 0
        self.clock = Clock()
        self.driver = LinkDriver(
            self.engine,
            self.link,
            self.clock,
            lambda event: self.log.append("handled " + event.decode()),
            self.tick,
        )

    def tick(self) -> None:
        self.ticks += 1


@contextlib.asynccontextmanager
async def running():
    bench = Bench()
    task = asyncio.create_task(bench.driver.run())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_event_is_handled_before_its_acknowledgement_leaves():
    async with running() as bench:
        for number in range(20):
            bench.link.incoming.put_nowait(b"%d" % number)
        await until(lambda: "sent ack 19" in bench.log)
    for number in range(20):
        assert bench.log.index(f"handled {number}") < bench.log.index(f"sent ack {number}")


async def test_an_illegal_frame_is_counted_and_the_next_one_served():
    async with running() as bench:
        for frame in (b"bad", b"bad", b"good"):
            bench.link.incoming.put_nowait(frame)
        await until(lambda: "handled good" in bench.log)
        assert bench.driver.dropped == {"Malformed": 2}


async def test_a_moment_without_memory_costs_a_frame_and_not_the_node():
    async with running() as bench:
        bench.link.incoming.put_nowait(MemoryError("allocating 517 bytes"))
        bench.link.failures.append(MemoryError("allocating 517 bytes"))
        for frame in (b"first", b"second"):
            bench.link.incoming.put_nowait(frame)
        await until(lambda: "sent ack second" in bench.log)
        assert "handled first" in bench.log
        assert "sent ack first" not in bench.log
        assert bench.driver.dropped == {"MemoryError": 2}


async def test_a_deadline_is_kept():
    async with running() as bench:
        bench.engine.deadline = bench.clock.now() + 30
        bench.driver.wake()
        await until(lambda: bench.engine.timeouts)
        assert bench.engine.timeouts[0] >= 30


async def test_an_acknowledgement_leaves_before_the_work_it_causes():
    async with running() as bench:
        bench.link.incoming.put_nowait(b"sign")
        await until(lambda: "sent signature" in bench.log)
    assert bench.log == ["handled sign", "sent ack sign", "sent signature"]


async def test_waking_sends_what_the_program_queued():
    async with running() as bench:
        await asyncio.sleep(0.01)
        bench.engine.transmits.append(b"hello")
        bench.driver.wake()
        await until(lambda: bench.log)
        assert bench.log == ["sent hello"]


async def test_an_idle_driver_ticks_within_a_second():
    async with running() as bench:
        await until(lambda: bench.ticks >= 1)
        before = bench.ticks
        await until(lambda: bench.ticks > before)


async def test_a_flood_does_not_starve_the_other_tasks():
    async with running() as bench:
        for number in range(2000):
            bench.link.incoming.put_nowait(b"%d" % number)
        turns = 0
        while bench.link.incoming.qsize():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100


async def test_a_failing_link_ends_the_run_and_leaves_no_task():
    bench = Bench()
    bench.link.incoming.put_nowait(OSError(5))
    before = asyncio.all_tasks()
    with pytest.raises(OSError):
        await bench.driver.run()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_it_may_be_run_again_after_a_failure():
    bench = Bench()
    bench.link.incoming.put_nowait(OSError(5))
    with pytest.raises(OSError):
        await bench.driver.run()
    bench.link.incoming.put_nowait(b"again")
    task = asyncio.create_task(bench.driver.run())
    await until(lambda: "sent ack again" in bench.log)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_on_a_shared_link_is_the_engine_told_the_time():
    told = []

    class Timed(EchoEngine):
        def next_transmit(self, *now: int) -> bytes | None:
            told.append(now)
            return super().next_transmit()

    for shared in (False, True):
        log: list[str] = []
        link = Link(log)
        driver = LinkDriver(Timed(), link, Clock(), print, lambda: None, shared)
        task = asyncio.create_task(driver.run())
        link.incoming.put_nowait(b"one")
        await until(lambda: log == ["sent ack one"])  # noqa: B023 (of this round)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert {len(now) for now in told} == {1 if shared else 0}
        told.clear()


class Air:
    """A radio whose budget is used up: the engine's clock stands at 7 ms, nothing may leave."""

    def __init__(self) -> None:
        self.asked = 0

    def engine_ms(self, now_us: int) -> int:
        return 7

    def next(self, now_us: int) -> None:
        self.asked += 1

    def news(self, now_us: int) -> int | None:
        return now_us + 5_000_001 if self.asked == 1 else None

    def wake_us(self, now_us: int) -> int:
        return now_us + 30_000

    def wall_us(self, engine_ms: int, now_us: int) -> int:
        return now_us + (engine_ms - 7) * 1000


async def test_a_radio_without_airtime_stops_the_engines_clock_and_says_until_when():
    bench, waits = Bench(), []
    air = Air()
    bench.driver = LinkDriver(
        *(bench.engine, bench.link, bench.clock, lambda event: None, bench.tick),
        air=air,
        on_wait=waits.append,
    )
    task = asyncio.create_task(bench.driver.run())
    bench.link.incoming.put_nowait(b"frame")
    await until(lambda: air.asked > 3)  # asked again when the radio said so
    assert bench.engine.received_at == [7]
    assert bench.driver.engine_ms() == 7
    assert waits == [5_001]
    assert bench.log == []  # the acknowledgement waits
    bench.engine.deadline = 7
    bench.driver.wake()
    await until(lambda: bench.engine.timeouts)
    assert bench.engine.timeouts == [7]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
