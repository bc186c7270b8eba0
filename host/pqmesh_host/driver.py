# SPDX-License-Identifier: MIT OR Apache-2.0
"""Joins one sans-I/O engine to one link. No protocol decision is made here.

The order of things is the one promise this file makes: after every input the engine's events
are handed over *first*, in the same step of the event loop, and only then may a frame leave.
The acknowledgement of a message is such a frame; so an owner that stores the message before
``on_event`` returns never acknowledges what it could still lose.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NoReturn

from pqmesh.airtime.passage import Passage
from pqmesh.engine import Engine
from pqmesh.errors import ProtocolError
from pqmesh.record import Record

from .transports.base import Link, LinkBroken, LinkClosed

LAST_WORDS_S = 0.2
"""After a failed send, how long the reader may still take frames that came before the end."""

FLUSH_S = 1.0
"""How long ``flush`` lets the engine's last frames (a CLOSE) leave."""


class LinkDriver:
    """Runs ``engine`` over ``link`` until the link ends.

    :param on_event: gets every engine event; must not wait. What it raises ends ``run``.
    :param on_drop: gets the reason for every frame the engine refused
    :param air: the way to a radio whose airtime is limited; None: frames leave as they come
    :param on_wait: gets the moment, in us as ``now_us``, until which frames wait for airtime
    :param shared: others use the link too, and ``Link.send`` returns when a frame has left: the
        engine is told the time then, and listens for the answer to what it asked
    """

    def __init__(
        self,
        engine: Engine,
        link: Link,
        on_event: Callable[[Record], None],
        on_drop: Callable[[ProtocolError], None],
        air: Passage | None = None,
        on_wait: Callable[[int], None] | None = None,
        *,
        shared: bool = False,
    ) -> None:
        self.frame_bytes_in = 0
        self.frame_bytes_out = 0
        """Octets of the frames received and sent so far, line framing not counted."""

        self._engine = engine
        self._link = link
        self._on_event = on_event
        self._on_drop = on_drop
        self._air = air
        self._on_wait = on_wait
        self._shared = shared
        self._rearmed = asyncio.Event()
        self._outgoing = asyncio.Event()
        self._idle = asyncio.Event()
        self._failure: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serve the engine.

        :raises LinkBroken: the medium failed
        :raises LinkClosed: someone closed the link
        """
        ended: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._write())
                tasks.create_task(self._watch_clock())
                tasks.create_task(self._watch_failure())
        except* (LinkBroken, LinkClosed) as group:
            ended.extend(group.exceptions)
        raise ended[0]

    def engine_ms(self) -> int:
        """What time every input to the engine must be given: it stands still for airtime."""
        return now_ms() if self._air is None else self._air.engine_ms(now_us())

    def settle(self) -> None:
        """Hand over what an input to the engine produced. Follows every input to it."""
        while (event := self._engine.next_event()) is not None:
            self._on_event(event)
        self._idle.clear()
        self._outgoing.set()
        self._rearmed.set()

    def fail(self, error: Exception) -> None:
        """End ``run`` with ``error``: for owners whose timers give the engine input."""
        if not self._failure.done():
            self._failure.set_exception(error)

    async def flush(self) -> None:
        """Wait until the engine has nothing more to send, FLUSH_S at most."""
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._idle.wait()
        except TimeoutError:
            return

    async def _read(self) -> NoReturn:
        while True:
            frame = await self._link.receive()
            self.frame_bytes_in += len(frame)
            try:
                self._engine.receive(frame, self.engine_ms())
            except ProtocolError as error:
                self._on_drop(error)
            self.settle()
            await asyncio.sleep(0)  # a flood must not starve the other tasks

    async def _write(self) -> NoReturn:
        while True:
            while (frame := self._next_frame()) is not None:
                await self._send(frame)
                self.frame_bytes_out += len(frame)
                self._rearmed.set()
            pause_s = self._pause_s()
            if pause_s is None:
                self._idle.set()
            self._outgoing.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._outgoing.wait()

    def _next_frame(self) -> bytes | None:
        if self._air is None:
            now = (now_ms(),) if self._shared else ()
            return self._engine.next_transmit(*now)
        frame = self._air.next(now_us())
        waits_until = self._air.news(now_us())
        if waits_until is not None:
            self._rearmed.set()  # the engine's clock stands still
            if self._on_wait is not None:
                self._on_wait(waits_until)
        return frame

    def _pause_s(self) -> float | None:
        """How long the radio is busy or may not send; None: nothing waits but for the engine."""
        wake_us = None if self._air is None else self._air.wake_us(now_us())
        return None if wake_us is None else max(0, wake_us - now_us()) / 1_000_000

    async def _send(self, frame: bytes) -> None:
        try:
            await self._link.send(frame)
        except LinkBroken:
            await asyncio.sleep(LAST_WORDS_S)  # a goodbye may be among them
            raise

    async def _watch_clock(self) -> NoReturn:
        while True:
            self._rearmed.clear()
            try:
                async with asyncio.timeout(self._seconds_left()):
                    await self._rearmed.wait()
            except TimeoutError:
                self._engine.handle_timeout(self.engine_ms())
                self.settle()

    async def _watch_failure(self) -> None:
        await self._failure

    def _seconds_left(self) -> float | None:
        deadline = self._engine.next_deadline()
        if deadline is None:
            return None
        if self._air is None:
            return max(0, deadline - now_ms()) / 1000
        return max(0, self._air.wall_us(deadline, now_us()) - now_us()) / 1_000_000


def now_us() -> int:
    """Microseconds on the event loop's clock."""
    return int(asyncio.get_running_loop().time() * 1_000_000)


def now_ms() -> int:
    """Milliseconds on the event loop's clock: monotonic, never wraps."""
    return int(asyncio.get_running_loop().time() * 1000)
