# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a region's rules allow on which frequencies: one table, with where each row is from.

EU868   ERC/REC 70-03 annex 1 (as listed on efis.dk): a share of any continuous hour, per sub-band
US915   47 CFR 15.247(a)(1)(i): at most 400 ms on one channel in any 20 s, frequency hopping; and
        (a)(2): none of that for digital modulation at least 500 kHz wide
GENERIC no rule of its own: for test benches and for bands whose rules the operator knows

A profile is data, not legal advice: antenna gain, power and national exceptions are the
operator's.
"""

from ..compat import const
from ..errors import UsageError
from .duty import HOUR_US

_DWELL_US = const(400_000)
_DWELL_WINDOW_US = const(20_000_000)


class Band:
    """One stretch of spectrum and what a transmitter may do in it.

    ``low_hz`` (inclusive) to ``high_hz`` (exclusive); ``budget_us`` of on-time in any
    ``window_us``; ``per_channel`` tells whether that holds for each channel or for the band;
    ``power_dbm`` the largest e.r.p.; ``narrow_below_hz``: the rule binds modulations narrower
    than this, wider ones are free.
    """

    def __init__(
        self,
        name: str,
        low_hz: int,
        high_hz: int,
        power_dbm: int,
        budget_us: int = HOUR_US,
        window_us: int = HOUR_US,
        per_channel: bool = False,
        narrow_below_hz: int = 1_000_000_000,
    ) -> None:
        self.name = name
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.power_dbm = power_dbm
        self.budget_us = budget_us
        self.window_us = window_us
        self.per_channel = per_channel
        self.narrow_below_hz = narrow_below_hz

    def limits(self, bandwidth_hz: int) -> bool:
        """Whether this band bounds a modulation of ``bandwidth_hz`` at all."""
        return bandwidth_hz < self.narrow_below_hz and self.budget_us < self.window_us


def _share(name: str, low_hz: int, high_hz: int, power_dbm: int, per_mille: int) -> Band:
    return Band(name, low_hz, high_hz, power_dbm, HOUR_US // 1000 * per_mille)


EU868 = (
    _share("863-865", 863_000_000, 865_000_000, 14, 1),
    _share("865-868", 865_000_000, 868_000_000, 14, 10),
    _share("868.0-868.6", 868_000_000, 868_600_000, 14, 10),
    _share("868.7-869.2", 868_700_000, 869_200_000, 14, 1),
    _share("869.4-869.65", 869_400_000, 869_650_000, 27, 100),
    _share("869.7-870", 869_700_000, 870_000_000, 14, 10),
)
US915 = (
    Band(
        "902-928",
        902_000_000,
        928_000_000,
        30,
        _DWELL_US,
        _DWELL_WINDOW_US,
        per_channel=True,
        narrow_below_hz=500_000,
    ),
)
GENERIC = (Band("any", 0, 1_000_000_000_000, 14),)

REGIONS = {"EU868": EU868, "US915": US915, "GENERIC": GENERIC}


def band_of(region: str, frequency_hz: int) -> Band:
    """The band of ``region`` that holds ``frequency_hz``. Raises UsageError when none does."""
    if region not in REGIONS:
        raise UsageError("no region %r; one of: %s" % (region, " ".join(sorted(REGIONS))))
    for band in REGIONS[region]:
        if band.low_hz <= frequency_hz < band.high_hz:
            return band
    raise UsageError("%s has no band for %d Hz; see airtime/regions.py" % (region, frequency_hz))
