# SPDX-License-Identifier: MIT OR Apache-2.0
"""A cable between two ends in one process: for tests, and for a board that is simulated in place.

The cable may be pulled and put back: every link then open breaks, as with a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import ClassVar

from .base import LinkBroken, LinkClosed, LinkCounters, LinkInfo, LinkUnavailable

QUEUE_FRAMES = 64


class MemoryLink:
    """One end of a memory cable; implements ``base.Link``.

    When the reader sleeps and the queue is full, the oldest frame is dropped and counted, as a
    UART's ring buffer would.
    """

    def __init__(self, name: str, mtu: int = 500, queue: int = QUEUE_FRAMES) -> None:
        self.info = LinkInfo(name=name, mtu=mtu, bits_per_second=1_000_000)
        self.counters = LinkCounters()
        self._far: MemoryLink | None = None
        self._inbox: deque[bytes] = deque()
        self._queue = queue
        self._wake = asyncio.Event()
        self._ended: type[LinkClosed | LinkBroken] | None = None

    async def send(self, frame: bytes) -> None:
        if not 0 < len(frame) <= self.info.mtu:
            raise ValueError(f"a frame has 1 to {self.info.mtu} bytes, not {len(frame)}")
        await asyncio.sleep(0)
        if self._ended is not None:
            raise self._ended
        self.counters.frames_out += 1
        self.counters.octets_out += len(frame)
        if self._far is not None and self._far._ended is None:
            self._far._put(bytes(frame))

    async def receive(self) -> bytes:
        while self._ended is None:
            if self._inbox:
                return self._inbox.popleft()
            self._wake.clear()
            await self._wake.wait()
        raise self._ended

    async def aclose(self) -> None:
        self._end(LinkClosed)

    def inject(self, frame: bytes) -> None:
        """Put a frame before this end's reader that no one sent: noise, or an attacker."""
        self._put(bytes(frame))

    def _put(self, frame: bytes) -> None:
        if len(self._inbox) >= self._queue:
            self._inbox.popleft()
            self.counters.frames_dropped += 1
        self._inbox.append(frame)
        self.counters.frames_in += 1
        self.counters.octets_in += len(frame)
        self._wake.set()

    def _end(self, how: type[LinkClosed | LinkBroken]) -> None:
        if self._ended is None:
            self._ended = how
            self._inbox.clear()
            self._wake.set()


class MemoryCable:
    """A cable with two sockets. ``left`` and ``right`` are providers, opened again and again."""

    def __init__(self, mtu: int = 500, name: str = "cable") -> None:
        self.mtu = mtu
        self.plugged = True
        self.links: dict[str, MemoryLink] = {}
        self.left = MemoryProvider(self, "left", name)
        self.right = MemoryProvider(self, "right", name)

    def pull(self) -> None:
        """Break both ends now; opening fails until ``plug``."""
        self.plugged = False
        for link in self.links.values():
            link._end(LinkBroken)
        self.links.clear()

    def plug(self) -> None:
        """Put the cable back."""
        self.plugged = True


class MemoryProvider:
    """One socket of a memory cable; implements ``base.Provider``."""

    kind: ClassVar[str] = "memory"

    def __init__(self, cable: MemoryCable, side: str, name: str) -> None:
        self.name = name
        self._cable = cable
        self._side = side

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[MemoryLink]:
        cable = self._cable
        if not cable.plugged:
            raise LinkUnavailable(f"The cable {self.name} is not plugged in.", "Plug it in.")
        if self._side in cable.links:
            raise LinkUnavailable(f"The {self._side} end of {self.name} is in use.", "Close it.")
        link = MemoryLink(f"{self.name}.{self._side}", cable.mtu)
        for far in cable.links.values():
            link._far, far._far = far, link
        cable.links[self._side] = link
        try:
            yield link
        finally:
            await link.aclose()
            if cable.links.get(self._side) is link:
                del cable.links[self._side]


def memory_pair(mtu: int = 500) -> tuple[MemoryLink, MemoryLink]:
    """Two links joined to each other, both open."""
    left, right = MemoryLink("left", mtu), MemoryLink("right", mtu)
    left._far, right._far = right, left
    return left, right
