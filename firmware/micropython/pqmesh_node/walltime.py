# SPDX-License-Identifier: MIT OR Apache-2.0
"""What time it is, as far as a board without a clock of its own can know: it is told.

Told by the gateway it belongs to, inside an authenticated session; forgotten with the power.
Meanwhile the board's tick counter goes on. Time is never set back: dates that were valid once
must not become so again.
"""

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock


class WallTime:
    """Unix seconds from a Clock of milliseconds."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._at_start_s: "int | None" = None  # the Unix time at the clock's zero

    def set(self, now_s: int) -> bool:
        """Take the time; False when it is before what was known, and so ignored."""
        known = self.now_s()
        if known is not None and now_s < known:
            return False
        self._at_start_s = now_s - self._clock.now() // 1000
        return True

    def now_s(self) -> "int | None":
        """Unix seconds, None while nobody has told."""
        if self._at_start_s is None:
            return None
        return self._at_start_s + self._clock.now() // 1000

    def seconds(self) -> int:
        """The same, with 0 for not known: what tickets ask for."""
        return self.now_s() or 0
