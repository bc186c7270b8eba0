# SPDX-License-Identifier: MIT OR Apache-2.0
"""Joins the engine to one link. The counterpart of pqmesh_host/driver.py; decides nothing.

Order is a promise here: what the engine reports is handled (made durable, where that
matters) before any frame leaves. An acknowledgement on the wire therefore means that the
message is safe, not merely that it was parsed.
"""

import asyncio
import gc

from pqmesh.errors import ProtocolError

from .compat import TYPE_CHECKING, sleep_ms, wait_for_ms
from .tasks import run_together

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from pqmesh.airtime.passage import Passage

    from .clock import Clock

    class Link(Protocol):
        """Whole frames in and out; the counters are for operators."""

        @property
        def mtu(self) -> int: ...
        @property
        def bytes_in(self) -> int: ...
        @property
        def bytes_out(self) -> int: ...
        @property
        def dropped(self) -> int: ...
        async def receive(self) -> bytes: ...
        async def send(self, frame: bytes) -> None: ...


SHORT_OF_MEMORY_MS = 10  # pause before the link is read again
IDLE_MS = 1_000  # how often an idle driver reads the clock and feeds the watchdog


class LinkDriver:
    """Runs one Engine over one Link. ``on_event`` and ``on_tick`` must not wait.

    After giving the engine an input (connect, send, close) call ``wake()``.

    :param shared: others use the link too, and ``Link.send`` returns when a frame has left: the
        engine is told the time then, and listens for the answer to what it asked
    :param air: the way to a radio whose airtime is limited (pqmesh.airtime.passage), or None
    :param on_wait: gets the ms until what waits for airtime may go
    """

    def __init__(
        self,
        engine: "Any",
        link: "Link",
        clock: "Clock",
        on_event: "Callable[[Any], None]",
        on_tick: "Callable[[], None]",
        shared: bool = False,
        air: "Passage | None" = None,
        on_wait: "Callable[[int], None] | None" = None,
    ) -> None:
        self.turns = 0
        self.dropped: "dict[str, int]" = {}  # frames the engine refused, by kind of error
        self._engine = engine
        self._link = link
        self._clock = clock
        self._on_event = on_event
        self._on_tick = on_tick
        self._work = asyncio.Event()
        self._shared = shared
        self._air = air
        self._on_wait = on_wait

    def engine_ms(self) -> int:
        """What time every input to the engine must be given: it stands still for airtime."""
        now = self._clock.now()
        return now if self._air is None else self._air.engine_ms(now * 1000)

    def wake(self) -> None:
        self._work.set()

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError when the link fails; may be run again."""
        self.wake()  # something may be due at once, a first handshake say
        await run_together(self._read, self._write)

    async def _read(self) -> None:
        while True:
            try:
                frame = await self._link.receive()
            except MemoryError as error:  # as if the line had garbled it
                self._drop(error)
                await sleep_ms(SHORT_OF_MEMORY_MS)
                continue
            try:
                self._engine.receive(frame, self.engine_ms())
            except ProtocolError as error:
                self._drop(error)
            self._report()
            self.wake()
            await sleep_ms(0)  # a flood of frames must not starve the other tasks

    async def _write(self) -> None:
        """The only task that sends: two writers would interleave octets on the UART."""
        while True:
            try:
                await wait_for_ms(self._work.wait(), self._wait_ms())
            except asyncio.TimeoutError:
                pass
            self._work.clear()
            self.turns += 1
            self._on_tick()
            await self._settle()
            # What fell due may be seconds of public-key work: the acknowledgement of the
            # frame that caused it has left by now.
            deadline = self._engine.next_deadline()
            now = self.engine_ms()
            if deadline is not None and deadline <= now:
                self._engine.handle_timeout(now)
                await self._settle()

    async def _settle(self) -> None:
        self._report()
        while True:
            frame = self.next_frame()
            if frame is None:
                break
            try:
                await self._link.send(frame)
            except MemoryError as error:  # the frame is lost, and asked for again
                self._drop(error)

    def next_frame(self) -> "bytes | None":
        """What the link is to send now, None: nothing, or not yet."""
        if self._air is not None:
            now_us = self._clock.now() * 1000
            frame = self._air.next(now_us)
            until_us = self._air.news(now_us)
            if until_us is not None and self._on_wait is not None:
                self._on_wait(_ms(until_us - now_us))
            return frame
        if self._shared:
            return self._engine.next_transmit(self._clock.now())
        return self._engine.next_transmit()

    def _drop(self, error: Exception) -> None:
        name = type(error).__name__
        self.dropped[name] = self.dropped.get(name, 0) + 1
        if isinstance(error, MemoryError):
            gc.collect()

    def _report(self) -> None:
        while True:
            event = self._engine.next_event()
            if event is None:
                break
            self._on_event(event)

    def _wait_ms(self) -> int:
        deadline: "int | None" = self._engine.next_deadline()
        now = self._clock.now()
        if self._air is None:
            return IDLE_MS if deadline is None else min(IDLE_MS, max(0, deadline - now))
        wait_ms = IDLE_MS
        wake_us = self._air.wake_us(now * 1000)
        if wake_us is not None:
            wait_ms = min(wait_ms, _ms(wake_us - now * 1000))
        if deadline is not None:
            wait_ms = min(wait_ms, _ms(self._air.wall_us(deadline, now * 1000) - now * 1000))
        return wait_ms


def _ms(us: int) -> int:
    return max(0, us + 999) // 1000
