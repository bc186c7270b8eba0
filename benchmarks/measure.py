# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a figure is stated here: a median, its spread, and how noisy the machine was meanwhile."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One figure over several runs, in ``unit``."""

    name: str
    unit: str
    minimum: float
    median: float
    maximum: float
    runs: int

    def row(self) -> str:
        """One aligned line: the median first, because that is the figure to quote."""
        return (
            f"{self.name:<46} {_number(self.median):>11} {self.unit:<8}"
            f" (min {_number(self.minimum)}, max {_number(self.maximum)}, n={self.runs})"
        )


def summarise(name: str, unit: str, values: Sequence[float]) -> Summary:
    """Reduce ``values`` (at least one) to a Summary.

    :raises ValueError: no value was measured
    """
    if not values:
        raise ValueError(f"nothing was measured for {name!r}")
    return Summary(
        name=name,
        unit=unit,
        minimum=min(values),
        median=statistics.median(values),
        maximum=max(values),
        runs=len(values),
    )


def machine() -> str:
    """What the figures were measured on, in one line."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()},"
        f" Python {platform.python_version()}, load {os.getloadavg()[0]:.2f}"
    )


def noise(rounds: int = 15) -> str:
    """The spread of a fixed piece of work, now: what a difference must exceed to mean anything."""
    times = [_fixed_work() for _ in range(rounds)]
    low, middle, high = min(times), statistics.median(times), max(times)
    return f"machine noise: fixed work {low / middle:.2f} .. {high / middle:.2f} of its median"


def _fixed_work() -> float:
    started = time.perf_counter()
    total = 0
    for value in range(60_000):
        total += value * value
    return time.perf_counter() - started


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4f}"
