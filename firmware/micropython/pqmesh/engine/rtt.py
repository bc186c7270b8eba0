# SPDX-License-Identifier: MIT OR Apache-2.0
"""The retransmission timeout of RFC 6298, in integers as in its appendix of TCP practice.

SRTT, scaled by 8      RTTVAR, scaled by 4      RTO = SRTT + 4 RTTVAR, doubled per timeout
"""


class RttEstimator:
    """Estimates the round trip of one session. All times in ms.

    :param initial: the timeout before the first sample
    :param floor: the smallest timeout, which also covers the clock's granularity
    :param ceiling: the largest, backed off or not
    """

    def __init__(self, initial: int, floor: int, ceiling: int) -> None:
        self._srtt8 = 0
        self._rttvar4 = 0
        self._floor = floor
        self._ceiling = ceiling
        self._rto = initial
        self._backoff = 0

    def rto(self) -> int:
        """Return how long to wait for an acknowledgement now."""
        return min(self._rto << self._backoff, self._ceiling)

    def sample(self, rtt: int) -> None:
        """Take one measured round trip of a frame sent once (Karn); ends the back-off."""
        rtt = max(rtt, 1)
        if not self._srtt8:
            self._srtt8 = rtt << 3
            self._rttvar4 = rtt << 1  # RFC 6298 (2.2): RTTVAR = R / 2
        else:
            delta = rtt - (self._srtt8 >> 3)
            self._srtt8 += delta
            self._rttvar4 += abs(delta) - (self._rttvar4 >> 2)
        self._rto = min(max((self._srtt8 >> 3) + self._rttvar4, self._floor), self._ceiling)
        self._backoff = 0

    def back_off(self) -> None:
        """Double the timeout, up to the ceiling (RFC 6298, 5.5)."""
        if self.rto() < self._ceiling:
            self._backoff += 1
