# SPDX-License-Identifier: MIT OR Apache-2.0
"""One lazy timer per connection: a later deadline leaves an armed one alone.

An armed timer that fires early looks again and re-arms, which is cheaper than cancelling
one for every packet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class LazyTimers(Generic[T]):
    """``fire(owner, now)`` runs when ``deadline(owner)`` has passed."""

    def __init__(
        self, deadline: Callable[[T], float | None], fire: Callable[[T, float], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._fire = fire
        self._armed: dict[T, tuple[float, asyncio.TimerHandle]] = {}

    def rearm(self, owner: T) -> None:
        """Look at the owner's deadline again, after its state changed."""
        at = self._deadline(owner)
        armed = self._armed.get(owner)
        if at is None:
            self.cancel(owner)
        elif armed is None or at < armed[0]:
            self._arm(owner, at)

    def cancel(self, owner: T) -> None:
        """Drop the owner's timer, if any."""
        armed = self._armed.pop(owner, None)
        if armed is not None:
            armed[1].cancel()

    def close(self) -> None:
        """Drop every timer."""
        for owner in list(self._armed):
            self.cancel(owner)

    def _arm(self, owner: T, at: float) -> None:
        self.cancel(owner)
        self._armed[owner] = (at, self._loop.call_at(at, self._expired, owner))

    def _expired(self, owner: T) -> None:
        armed_at, _ = self._armed.pop(owner)
        # The loop may run a timer up to its clock resolution early.
        now = max(armed_at, self._loop.time())
        at = self._deadline(owner)
        if at is None:
            return
        if at > now:
            self._arm(owner, at)
        else:
            self._fire(owner, now)
