# SPDX-License-Identifier: MIT OR Apache-2.0
"""One radio's airtime, shared by class: what is known may use it all, strangers a fifth.

The scarcest thing a node has is the right to answer: the reply to a stranger's HS-S costs seconds
of air (constrained-design 4.7). So frames to peers we have not authenticated are held to
STRANGER_PERCENT of the budget on top of the regulator's limit, and every refusal says when the
frame could go.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import MeshError
from .duty import HOUR_US, DutyLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .lora import LoraModulation
    from .regions import Band

KNOWN = const(0)  # an authenticated peer, or one that proved an admission key
STRANGER = const(1)
STRANGER_PERCENT = const(20)
MAX_CHANNELS = const(16)  # channels with a log of their own; the oldest is never forgotten early


class AirtimeExhausted(MeshError):
    """The frame may not start now. ``next_possible_us`` is the earliest moment it may."""

    def __init__(self, next_possible_us: int, now_us: int) -> None:
        super().__init__(
            "no airtime for another %d ms" % ((next_possible_us - now_us + 999) // 1000)
        )
        self.next_possible_us = next_possible_us


class AirtimeBudget:
    """Asked before every transmission of one radio in one band. Times in us, as in DutyLog.

    :param permille: of any hour, all channels together: what the operator allows on top of the
        band's rule; 1000 leaves it at that rule
    :param guard_us: by how much more one frame than another may leave later than was noted: kept
        back from every budget, so that what is really on air in any window is within it
    """

    def __init__(
        self,
        band: "Band",
        modulation: "LoraModulation",
        permille: int = 1000,
        guard_us: int = 0,
    ) -> None:
        self._band = band
        self._modulation = modulation
        self._guard_us = guard_us
        own_us = HOUR_US // 1000 * permille
        self._own = DutyLog(own_us - guard_us) if permille < 1000 else None
        bound = band.limits(modulation.bandwidth_hz)
        self._limited = bound or self._own is not None
        self._per_channel = bound and band.per_channel
        self._rule = (band.budget_us, band.window_us) if bound else (HOUR_US, HOUR_US)
        self._logs: "dict[int, tuple[DutyLog, DutyLog]]" = {}

    @property
    def rule(self) -> "tuple[int, int]":
        """What ``used_us`` is held against: on-time, and the window it holds for, both in us."""
        own = self._own
        if own is None or not self._own_binds(own):
            return self._rule
        return own.budget_us + self._guard_us, HOUR_US

    def _own_binds(self, own: DutyLog) -> bool:
        return own.budget_us <= HOUR_US // self._rule[1] * self._rule[0]

    def next_possible_us(
        self, length: int, now_us: int, kind: int = KNOWN, channel_hz: int = 0
    ) -> int:
        """The earliest start of a ``length``-byte frame, at or after ``now_us``.

        Raises UsageError when no time will do: the frame alone exceeds the whole budget.
        """
        duration = self._modulation.time_on_air_us(length)
        return self._possible_us(duration, now_us, kind, channel_hz) if self._limited else now_us

    def burst_possible_us(
        self, lengths: "Iterable[int]", now_us: int, kind: int = KNOWN, channel_hz: int = 0
    ) -> int:
        """The earliest moment from which frames of ``lengths`` may follow one another.

        Raises UsageError when the burst as a whole exceeds the budget.
        """
        duration = sum([self._modulation.time_on_air_us(length) for length in lengths])
        if not self._limited or not duration:
            return now_us
        return self._possible_us(duration, now_us, kind, channel_hz)

    def spend(self, length: int, now_us: int, kind: int = KNOWN, channel_hz: int = 0) -> int:
        """Note a transmission that starts now; returns its time on air in us.

        Raises AirtimeExhausted, with the earliest possible start, when it may not.
        """
        start = self.next_possible_us(length, now_us, kind, channel_hz)
        if start > now_us:
            raise AirtimeExhausted(start, now_us)
        duration = self._modulation.time_on_air_us(length)
        if self._limited:
            everyone, strangers = self._log(channel_hz, now_us)
            everyone.record(now_us, duration)
            if self._own is not None:
                self._own.record(now_us, duration)
            if kind == STRANGER:
                strangers.record(now_us, duration)
        return duration

    def used_us(self, now_us: int, channel_hz: int = 0) -> int:
        """On-time in the window that ends now: what an operator reads as the duty cycle."""
        if not self._limited:
            return 0
        if self._own is not None and self._own_binds(self._own):
            return self._own.used_us(now_us)
        return self._log(channel_hz, now_us)[0].used_us(now_us)

    def _possible_us(self, duration_us: int, now_us: int, kind: int, channel_hz: int) -> int:
        everyone, strangers = self._log(channel_hz, now_us)
        # Waiting never makes an allowed start forbidden, so the latest satisfies them all.
        start = everyone.next_possible_us(duration_us, now_us)
        if self._own is not None:
            start = self._own.next_possible_us(duration_us, start)
        return strangers.next_possible_us(duration_us, start) if kind == STRANGER else start

    def _log(self, channel_hz: int, now_us: int) -> "tuple[DutyLog, DutyLog]":
        key = channel_hz if self._per_channel else 0
        if key not in self._logs:
            self._forget_idle(now_us)
            budget, window = self._rule
            # Always by the hour: a fifth of a 400 ms dwell would not hold one handshake frame.
            hourly = HOUR_US // window * budget
            if self._own is not None:
                hourly = min(hourly, self._own.budget_us)
            strangers = DutyLog(hourly * STRANGER_PERCENT // 100)
            self._logs[key] = (DutyLog(budget - self._guard_us, window), strangers)
        return self._logs[key]

    def _forget_idle(self, now_us: int) -> None:
        if len(self._logs) < MAX_CHANNELS:
            return
        for key in sorted(self._logs):
            if self._logs[key][0].used_us(now_us) == 0:
                del self._logs[key]
                return
        # Every log is still in use: forgetting one would break the law, refusing breaks nothing.
        raise AirtimeExhausted(now_us + self._band.window_us, now_us)
