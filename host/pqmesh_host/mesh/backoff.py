# SPDX-License-Identifier: MIT OR Apache-2.0
"""How long to wait before the next try: doubling, with a ceiling, from the start after success."""

from __future__ import annotations

FIRST_MS = 1_000
LONGEST_MS = 15_000
RADIO_FIRST_MS = 60_000
RADIO_LONGEST_MS = 1_800_000
"""Where a call that nobody answers costs seconds of airtime."""


class Backoff:
    """1, 2, 4, 8, 15, 15 ... seconds by default."""

    def __init__(self, first_ms: int = FIRST_MS, longest_ms: int = LONGEST_MS) -> None:
        self._first_ms = first_ms
        self._longest_ms = longest_ms
        self._next_ms = first_ms

    def next_ms(self) -> int:
        """How long to wait now, in milliseconds; the following wait is twice as long."""
        wait_ms = self._next_ms
        self._next_ms = min(2 * wait_ms, self._longest_ms)
        return wait_ms

    def reset(self) -> None:
        """It worked: the next wait is the first again."""
        self._next_ms = self._first_ms
