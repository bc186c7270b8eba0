# SPDX-License-Identifier: MIT OR Apache-2.0
"""A listener who knows the rules, beside a radio: when each frame began, and how long it was."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from pqmesh.airtime.lora import LoraModulation

HOUR_US = 3_600_000_000


class Listener:
    """Notes frames, and finds the fullest window there was."""

    def __init__(self, modulation: LoraModulation, now_us: Callable[[], int]) -> None:
        self.sent: list[tuple[int, int]] = []
        self._modulation = modulation
        self._now_us = now_us

    def hear(self, frame: bytes) -> None:
        start = self._now_us()
        self.sent.append((start, start + self._modulation.time_on_air_us(len(frame))))

    def fullest_us(self, window_us: int = HOUR_US) -> int:
        """The most on-time in any window; one is fullest where it ends with a frame."""
        return max(
            sum(max(0, min(end, edge) - max(begin, edge - window_us)) for begin, end in self.sent)
            for _, edge in self.sent
        )

    def overlaps(self, tolerance_us: int = 0) -> bool:
        """Whether a frame began before the one before it had ended, by more than a tick."""
        pairs = itertools.pairwise(self.sent)
        return any(after[0] < before[1] - tolerance_us for before, after in pairs)
