# SPDX-License-Identifier: MIT OR Apache-2.0
"""When a half-duplex radio may talk: after a gap of its own, and not into what it hears."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ListenBeforeTalk:
    """How a radio shares its channel. Times in us."""

    gap_us: int = 20_000
    """Between two frames of one sender: a radio's turnaround (constrained-design 2.3)."""
    slot_us: int = 10_000
    """One step of the random wait while the channel is busy."""
    slots: int = 8

    def wait_us(self, dice: random.Random) -> int:
        """How long to wait this time, having heard somebody."""
        return dice.randint(1, self.slots) * self.slot_us
