# SPDX-License-Identifier: MIT OR Apache-2.0
"""Does an endpoint grow? Connect, close, again; four measures of memory, and a line through each.

RSS alone cannot tell a leak from an allocator that keeps what it was given once, so it stands
beside what is alive: Python objects the collector tracks, blocks of Python's own allocator,
and bytes handed out by malloc. Samples are taken with no connection left (after the draining
period, RFC 9000 §10.2), rubbish collected and free heap given back to the system.

The slope is a least-squares fit over the last four fifths; the first fifth is warm-up. A
measure is flat when the line's growth is within twice the spread of the samples about it, or
less per connection than what could have leaked: of things counted, one for a hundred
connections; of malloc's bytes 16, the size of a bare `object()`. RSS moves in pages, and goes
on settling while the heap does, so a leak must reach 48 bytes, an empty list, to show there;
the other three are the sharp ones.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import statistics
import sys
from array import array
from dataclasses import dataclass

from pqmesh_host.quic.endpoint import QuicEndpoint
from support.quic_pair import identity

from .measure import machine, noise

PAGE = resource.getpagesize()
WARM_UP = 0.2
DRAIN_S = 10.0
"""Most to wait for the last connections to be forgotten; on a busy machine RTTs are long."""


class _Mallinfo2(ctypes.Structure):
    """struct mallinfo2 of glibc 2.33 and later."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


@dataclass(frozen=True)
class Measure:
    """One of the columns of a sample."""

    name: str
    unit: str
    per_unit: int
    least: float
    """Growth per connection below which nothing can have leaked."""


MEASURES = (
    Measure("RSS", "KiB", 1024, 48),
    Measure("live bytes of malloc", "KiB", 1024, 16),
    Measure("live blocks of Python's allocator", "", 1, 0.01),
    Measure("live Python objects", "", 1, 0.01),
)
COLUMNS = 1 + len(MEASURES)


class Samples:
    """Memory with no connection alive, by the number of connections so far.

    Room for all is taken at the start: a list of samples would be the growth that is found.
    """

    def __init__(self, most: int) -> None:
        self._taken = array("q", bytes(8 * COLUMNS * most))
        self._count = 0
        self._libc = ctypes.CDLL(None)
        with contextlib.suppress(AttributeError):  # another C library
            self._libc.mallinfo2.restype = _Mallinfo2

    def take(self, cycles: int) -> None:
        """Collect, trim, measure."""
        gc.collect()
        with contextlib.suppress(AttributeError):
            self._libc.malloc_trim(0)
        at = COLUMNS * self._count
        self._taken[at] = cycles
        self._taken[at + 1] = rss_bytes()
        self._taken[at + 2] = self._malloc_bytes()
        self._taken[at + 3] = sys.getallocatedblocks()
        self._taken[at + 4] = len(gc.get_objects())
        self._count += 1

    def column(self, number: int) -> list[float]:
        """One measure (from 1) of every sample after the warm-up; 0 is the connections."""
        first = int(self._count * WARM_UP)
        rows = range(first, self._count)
        return [float(self._taken[COLUMNS * row + number]) for row in rows]

    def _malloc_bytes(self) -> int:
        try:
            info = self._libc.mallinfo2()
        except AttributeError:
            return 0
        return int(info.uordblks + info.hblkhd)


def rss_bytes() -> int:
    """Resident bytes of this process."""
    with open(f"/proc/{os.getpid()}/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


async def soak(cycles: int, most: int) -> Samples:
    """Connect and close ``cycles`` times between two endpoints of this process."""
    samples = Samples(most)
    async with (
        QuicEndpoint.open(identity("soak server"), host="127.0.0.1") as server,
        QuicEndpoint.open(identity("soak client"), host="127.0.0.1") as client,
    ):
        step = max(1, -(-cycles // most))
        for n in range(1, cycles + 1):
            peer = await client.connect(server.local_address)
            await server.accept()
            await peer.close()
            del peer
            if n % step == 0:
                await forgotten(client, server)
                samples.take(n)
    return samples


async def forgotten(*endpoints: QuicEndpoint) -> None:
    """Wait until no endpoint keeps anything of a closed connection."""
    async with asyncio.timeout(DRAIN_S):
        while any(endpoint.stats().connections for endpoint in endpoints):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def line(at: list[float], values: list[float]) -> tuple[float, float, float]:
    """(mean, slope, standard deviation about the line) of a least-squares fit."""
    slope, intercept = statistics.linear_regression(at, values)
    rest = [value - (slope * x + intercept) for x, value in zip(at, values, strict=True)]
    return statistics.fmean(values), slope, statistics.pstdev(rest)


def report(samples: Samples) -> bool:
    """Print a row per measure; return whether all are flat."""
    at = samples.column(0)
    span = at[-1] - at[0]
    flat = True
    for number, measure in enumerate(MEASURES, 1):
        mean, slope, spread = line(at, samples.column(number))
        steady = slope < measure.least or slope * span <= 2 * spread
        flat &= steady
        mean, growth, spread = (v / measure.per_unit for v in (mean, slope * span, spread))
        print(
            f"{measure.name:<36} {mean:>12,.0f} {measure.unit:<4} {growth:>+9,.1f} over"
            f" {span:,.0f} cycles (spread {spread:,.1f}): {'flat' if steady else 'GROWS'}"
        )
    return flat


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when something grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic_soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000, help="connections, one by one")
    parser.add_argument("--samples", type=int, default=50)
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    samples = asyncio.run(soak(options.cycles, options.samples))
    print(f"{options.cycles:,} connect/close cycles, both ends in this process:")
    return 0 if report(samples) else 1


if __name__ == "__main__":
    sys.exit(main())
