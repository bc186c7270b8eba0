# SPDX-License-Identifier: MIT OR Apache-2.0
"""Milliseconds that never wrap, from a counter that does."""

from .compat import TICKS_PERIOD, TYPE_CHECKING, ticks_ms

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Milliseconds since this object was made; the engine's ``now``.

    The hardware counter wraps (every 12.4 days at 2**30 ms). A reading more than half a
    period after the last one would look like time running backwards, so read it at least
    once every 6 days: the driver's idle tick does so every few seconds.
    """

    def __init__(self, ticks: "Callable[[], int]" = ticks_ms, period: int = TICKS_PERIOD) -> None:
        self._ticks = ticks
        self._period = period
        self._last = ticks()
        self._elapsed = 0

    def now(self) -> int:
        ticks = self._ticks()
        step = (ticks - self._last) % self._period
        if step < self._period // 2:  # a counter that steps back a little moves nothing
            self._elapsed += step
            self._last = ticks
        return self._elapsed
