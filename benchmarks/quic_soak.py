# SPDX-License-Identifier: MIT OR Apache-2.0
"""Does an endpoint grow? Connect, close, again; four measures of memory, and a line through each.

RSS alone cannot tell a leak from an allocator that keeps what it was given once, so it stands
beside what is alive: Python objects the collector tracks, blocks of Python's own allocator,
and bytes handed out by malloc. Samples are taken with no connection left (after the draining
period, RFC 9000 §10.2), rubbish collected and free heap given back to the system.

The slope is a least-squares fit over the last four fifths; the first fifth is warm-up. A
measure is flat when the growth the line says is within the spread of the samples about it.
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
from collections import Counter
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
class Sample:
    """Memory with no connection alive, after ``cycles`` of them."""

    cycles: int
    rss_bytes: int
    malloc_bytes: int
    python_blocks: int
    python_objects: int


class Memory:
    """This process's, as the C library and the interpreter see it."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        with contextlib.suppress(AttributeError):  # another C library
            self._libc.mallinfo2.restype = _Mallinfo2

    def sample(self, cycles: int) -> Sample:
        """Collect, trim, measure."""
        gc.collect()
        with contextlib.suppress(AttributeError):
            self._libc.malloc_trim(0)
        return Sample(
            cycles,
            rss_bytes(),
            self._malloc_bytes(),
            sys.getallocatedblocks(),
            len(gc.get_objects()),
        )

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


async def soak(cycles: int, samples: int) -> list[Sample]:
    """Connect and close ``cycles`` times between two endpoints of this process."""
    memory, taken = Memory(), []
    async with (
        QuicEndpoint.open(identity("soak server"), host="127.0.0.1") as server,
        QuicEndpoint.open(identity("soak client"), host="127.0.0.1") as client,
    ):
        step = max(1, cycles // samples)
        for n in range(1, cycles + 1):
            peer = await client.connect(server.local_address)
            await server.accept()
            await peer.close()
            del peer
            if n % step == 0:
                await forgotten(client, server)
                taken.append(memory.sample(n))
    return taken


async def forgotten(*endpoints: QuicEndpoint) -> None:
    """Wait until no endpoint keeps anything of a closed connection."""
    async with asyncio.timeout(DRAIN_S):
        while any(endpoint.stats().connections for endpoint in endpoints):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def kinds_of_objects() -> Counter[str]:
    """How many objects of each type the collector tracks."""
    gc.collect()
    return Counter(type(thing).__qualname__ for thing in gc.get_objects())


def line(samples: list[Sample], measure: str) -> tuple[float, float, float]:
    """(mean, growth over the fitted cycles, standard deviation about the line)."""
    at = [float(sample.cycles) for sample in samples]
    values = [float(getattr(sample, measure)) for sample in samples]
    slope, intercept = statistics.linear_regression(at, values)
    rest = [value - (slope * x + intercept) for x, value in zip(at, values, strict=True)]
    return statistics.fmean(values), slope * (at[-1] - at[0]), statistics.pstdev(rest)


def report(samples: list[Sample]) -> bool:
    """Print a row per measure; return whether all are flat."""
    fitted = samples[int(len(samples) * WARM_UP) :]
    flat = True
    names = {
        "rss_bytes": ("RSS", 1024, "KiB"),
        "malloc_bytes": ("live bytes of malloc", 1024, "KiB"),
        "python_blocks": ("live blocks of Python's allocator", 1, ""),
        "python_objects": ("live Python objects", 1, ""),
    }
    span = fitted[-1].cycles - fitted[0].cycles
    for measure, (name, unit, label) in names.items():
        mean, growth, spread = (value / unit for value in line(fitted, measure))
        # Two deviations; and a thousandth of the whole is nobody's leak in 8,000 cycles.
        steady = growth <= max(2 * spread, mean / 1000)
        flat &= steady
        verdict = "flat" if steady else "GROWS"
        print(
            f"{name:<36} {mean:>12,.0f} {label:<4} {growth:>+9,.1f} over {span:,} cycles"
            f" (spread {spread:,.1f}): {verdict}"
        )
    return flat


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when something grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quic_soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000, help="connections, one by one")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--all", action="store_true", help="print every sample")
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    samples = asyncio.run(soak(options.cycles, options.samples))
    if options.all:
        for sample in samples:
            print(f"# {sample}")
    print(f"{options.cycles:,} connect/close cycles, both ends in this process:")
    return 0 if report(samples) else 1


if __name__ == "__main__":
    sys.exit(main())
