# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small share of the channel, by the hour that ends now; and a pause after every long frame."""

from ..airtime.duty import HOUR_US, DutyLog
from ..compat import TYPE_CHECKING
from ..errors import UsageError

if TYPE_CHECKING:
    from ..limits import LinkProfile


class Share:
    """What broadcasts may use of a link. Times in ms.

    :raises UsageError: not even one frame
    """

    def __init__(self, link: "LinkProfile", permille: int) -> None:
        budget_us = HOUR_US // 1000 * permille
        if link.airtime_ms(link.mtu) * 1000 > budget_us:
            raise UsageError("a frame takes longer than %d/1000 of an hour" % permille)
        self._link = link
        self._log = DutyLog(budget_us)

    def possible(self, octets: int, now: int) -> int:
        """Return from when on a frame may go, at or after ``now``."""
        airtime_us = self._link.airtime_ms(octets) * 1000
        return -(-self._log.next_possible_us(airtime_us, now * 1000) // 1000)

    def spend(self, octets: int, now: int) -> int:
        """Note a frame that leaves; returns when the next long one may, for others' sake."""
        airtime = self._link.airtime_ms(octets)
        self._log.record(now * 1000, airtime * 1000)
        pause = self._link.airtime_ms(self._link.mtu) + 2 * self._link.turnaround_ms
        return now + airtime + pause

    def used_ms(self, now: int) -> int:
        """Return how long was sent in the hour that ends now."""
        return self._log.used_us(now * 1000) // 1000
