# SPDX-License-Identifier: MIT OR Apache-2.0
"""A table of deadlines, one slot per kind of timer. No callbacks: the owner asks what is due."""

from ..compat import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def earliest(moments: "Iterable[int | None]") -> "int | None":
    """Return the smallest of the moments that are not None, or None."""
    result = None
    for moment in moments:
        if moment is not None and (result is None or moment < result):
            result = moment
    return result


class Timers:
    """``count`` slots, all stopped at first. Moments are ms on the caller's clock."""

    def __init__(self, count: int) -> None:
        self._at: "list[int | None]" = [None] * count

    def set(self, timer: int, at: int) -> None:
        """Let ``timer`` expire at ``at``, whatever it was set to before."""
        self._at[timer] = at

    def stop(self, timer: int) -> None:
        """Let ``timer`` not expire. Harmless when it is not running."""
        self._at[timer] = None

    def running(self, timer: int) -> bool:
        """Whether ``timer`` is set and has not been seen to expire."""
        return self._at[timer] is not None

    def expired(self, timer: int, now: int) -> bool:
        """Return True once when ``timer`` has fallen due, and stop it."""
        at = self._at[timer]
        if at is None or now < at:
            return False
        self._at[timer] = None
        return True

    def next(self) -> "int | None":
        """Return the earliest deadline of all, or None."""
        return earliest(self._at)
