# SPDX-License-Identifier: MIT OR Apache-2.0
"""A sliding-hour log of transmissions: may this one start now, and if not, when?

CEPT ERC/REC 70-03 bounds the *sum of on-times over any continuous hour*. A counter that is reset
on the hour violates it with two bursts around the reset, and a silence after each frame forbids
bursts that are legal (constrained-design 0.3, 2.1). So the log keeps what was sent, with its time,
and answers for the hour that ends with the transmission in question.

Times are in microseconds since an arbitrary start that never wraps. The log is bounded: when it is
full its two closest entries become one that covers both, silence between them included, which
counts more than was sent and never less.
"""

from ..compat import const
from ..errors import UsageError

HOUR_US = const(3_600_000_000)


class DutyLog:
    """The on-times of one transmitter in one regulatory band.

    ``budget_us`` of on-time in every window of ``window_us``; at most ``capacity`` entries (>= 2).
    """

    def __init__(self, budget_us: int, window_us: int = HOUR_US, capacity: int = 64) -> None:
        if not 0 < budget_us <= window_us:
            raise UsageError("a budget of %d us in %d us is none" % (budget_us, window_us))
        if capacity < 2:
            raise UsageError("a log needs at least 2 entries")
        self.budget_us = budget_us
        self.window_us = window_us
        self._capacity = capacity
        self._entries: "list[tuple[int, int]]" = []  # (start, end), in order, not overlapping

    def used_us(self, now_us: int) -> int:
        """On-time in the window that ends at ``now_us``."""
        return self._used_between(now_us - self.window_us, now_us)

    def next_possible_us(
        self, duration_us: int, now_us: int, share_us: "int | None" = None
    ) -> int:
        """The earliest start, at or after ``now_us``, at which ``duration_us`` of air is allowed.

        ``share_us`` is a smaller budget to hold this transmission to, for traffic that may not
        use the whole. Raises UsageError when the duration exceeds the budget: no time will do.
        """
        budget = self.budget_us if share_us is None else min(share_us, self.budget_us)
        room = budget - duration_us
        if duration_us <= 0 or room < 0:
            raise UsageError(
                "%d us never fit into a budget of %d us; send a shorter frame"
                % (duration_us, budget)
            )
        start = self._entries[-1][1] if self._entries else now_us
        start = max(start, now_us)  # one transmitter sends one thing at a time
        # Walk back from the newest entry until what the window may hold is used up. The window
        # [start + duration - window, start + duration] must begin after that moment.
        for begin, end in reversed(self._entries):
            length = end - begin
            if length > room:
                cut = end - room
                return max(start, cut + self.window_us - duration_us)
            room -= length
        return start

    def record(self, start_us: int, duration_us: int) -> None:
        """Note a transmission. It must have been allowed, and must not precede an earlier one."""
        if duration_us <= 0:
            raise UsageError("a transmission lasts longer than %d us" % duration_us)
        if self._entries and start_us < self._entries[-1][1]:
            raise UsageError("transmissions overlap; one transmitter sends one thing at a time")
        if self.next_possible_us(duration_us, start_us) > start_us:
            raise UsageError("this transmission breaks the duty cycle; ask next_possible_us first")
        self._forget(start_us)
        self._entries.append((start_us, start_us + duration_us))
        if len(self._entries) > self._capacity:
            self._merge_closest()

    def _used_between(self, since: int, until: int) -> int:
        total = 0
        for begin, end in self._entries:
            total += max(0, min(end, until) - max(begin, since))
        return total

    def _forget(self, now_us: int) -> None:
        # An entry that ended more than a window ago touches no window that can still be asked for.
        horizon = now_us - self.window_us
        keep = 0
        while keep < len(self._entries) and self._entries[keep][1] <= horizon:
            keep += 1
        if keep:
            self._entries = self._entries[keep:]

    def _merge_closest(self) -> None:
        best = 0
        for index in range(1, len(self._entries) - 1):
            if self._gap(index) < self._gap(best):
                best = index
        merged = (self._entries[best][0], self._entries[best + 1][1])
        self._entries = self._entries[:best] + [merged] + self._entries[best + 2 :]

    def _gap(self, index: int) -> int:
        return self._entries[index + 1][0] - self._entries[index][1]
