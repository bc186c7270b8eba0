# SPDX-License-Identifier: MIT OR Apache-2.0
"""What `benchmarks.quic` asks of every stack alike, and what it hears back."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection

STACKS = ("pqmesh", "pqmesh-plain", "pqmesh-mtu", "aioquic", "qh3")
"""Ours at 1,200 bytes, without its fast path, and as it is by default, on whatever loopback
carries (8,952 bytes); stock aioquic and qh3 through their asyncio APIs."""

ACKNOWLEDGE = b"all of it"
WINDOW, REPORT_EVERY = 512, 64
"""Datagrams under way, and after how many the server says how many came. The loads' own
flow control, the same for all: two of the APIs offer none for datagrams."""

STALLED_S = 0.1
"""Without a report for so long, what is under way is taken for lost."""


class Kind(Enum):
    """The four loads."""

    STREAMS = "streams"
    """`count` messages of `size`, one unidirectional stream each, to the server."""

    DATAGRAMS = "datagrams"
    """`count` unreliable datagrams of `size`; they may be lost, and are counted."""

    HANDSHAKES = "handshakes"
    """`count` connections, one after the other, each closed at once."""

    CONNECTIONS = "connections"
    """`count` connections held at the same time, for the server's memory."""


@dataclass(frozen=True)
class Load:
    """What one run carries."""

    kind: Kind
    stack: str
    count: int
    size: int = 0
    datagram_bytes: int = 1200


@dataclass(frozen=True)
class Served:
    """The server's account: CPU since it opened, units that arrived, RSS since it opened."""

    cpu_s: float
    arrived: int
    rss_bytes: int


@dataclass(frozen=True)
class Outcome:
    """What one run took: the client's wall time, both ends' CPU, and the server's account."""

    wall_s: float
    cpu_s: float
    served: Served


Ask = Callable[[], Awaitable[Served]]
"""The client's question to the server's process, at the moment it matters."""


class Ledger:
    """The server's running account."""

    def __init__(self) -> None:
        self.arrived = 0
        self._rss = rss_bytes()
        self._cpu = time.process_time()

    def served(self) -> Served:
        """Until now."""
        return Served(time.process_time() - self._cpu, self.arrived, rss_bytes() - self._rss)

    async def answer(self, pipe: Connection) -> None:
        """Tell the client, when it asks."""
        await asyncio.to_thread(pipe.recv)
        pipe.send(self.served())


class Meter:
    """The client's own time."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def outcome(self, served: Served) -> Outcome:
        """Stop; add the server's CPU."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Outcome(wall, cpu + served.cpu_s, served)


def rss_bytes() -> int:
    """Resident bytes of this process, after a collection."""
    gc.collect()
    with open(f"/proc/{os.getpid()}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def count_report(count: int) -> bytes:
    """What the server says after REPORT_EVERY datagrams."""
    return count.to_bytes(8, "big")


async def paced_datagrams(
    load: Load, send: Callable[[bytes], Awaitable[None]], news: Progress
) -> None:
    """Send all datagrams, WINDOW under way; `news` is a Progress the reports are put in."""
    payload = bytes(load.size)
    for n in range(load.count):
        while n - news.reported >= WINDOW:
            if not await news.changed(STALLED_S):
                news.reported = n
        await send(payload)


async def last_reports(load: Load, news: Progress) -> None:
    """Wait for what is still under way."""
    while news.reported < load.count - REPORT_EVERY:
        if not await news.changed(STALLED_S):
            return


class Progress:
    """How many datagrams the server has, as far as the client was told."""

    def __init__(self) -> None:
        self.reported = 0
        self._event = asyncio.Event()

    def told(self, report: bytes) -> None:
        """A report arrived."""
        self.reported = max(self.reported, int.from_bytes(report, "big"))
        self._event.set()

    async def changed(self, within_s: float) -> bool:
        """Whether another report came in time."""
        self._event.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True
