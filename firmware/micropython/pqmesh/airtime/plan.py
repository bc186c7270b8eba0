# SPDX-License-Identifier: MIT OR Apache-2.0
"""One network's radio: where, how, and how much it may send; what everything else follows from.

    RadioPlan --> modulation, band --> AirtimeBudget   when a frame may go
              \\-> LinkProfile                          what the engine's timers must know

A plan that cannot work is refused here, by name, before anything is sent: a frame that exceeds the
region's dwell time, a frequency in no band, a budget that holds not one frame.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import UsageError
from ..links import lora
from ..record import Record
from .budget import AirtimeBudget
from .duty import HOUR_US
from .lora import LoraModulation
from .regions import band_of

if TYPE_CHECKING:
    from ..limits import LinkProfile
    from .regions import Band

MTU = const(222)
GUARD_US = const(20_000)  # a clock of milliseconds, and that frame on its way to the modem
_HANDSHAKE_FRAMES = const(14)  # of the busier side of HS-K, at that MTU


class RadioPlan(Record):
    """The radio of a network, as its operator has laid it down."""

    FIELDS = (
        "region",
        "frequency_hz",
        "spreading_factor",
        "bandwidth_hz",
        "coding_rate",
        "permille",
    )

    region: str  # a key of regions.REGIONS
    frequency_hz: int
    spreading_factor: int
    bandwidth_hz: int
    coding_rate: int  # 1..4, for 4/5..4/8
    permille: int  # of any hour, on top of the region's rule; 1000: that rule alone

    def modulation(self) -> LoraModulation:
        """:raises UsageError: there is no such modulation"""
        return LoraModulation(self.spreading_factor, self.bandwidth_hz, self.coding_rate)

    def band(self) -> "Band":
        """:raises UsageError: no such region, or it has no band for the frequency"""
        return band_of(self.region, self.frequency_hz)

    def budget(self) -> AirtimeBudget:
        """A fresh account. A node has one for as long as it runs: it must not forget what it sent.

        :raises UsageError: as ``profile``
        """
        self.profile()
        return AirtimeBudget(self.band(), self.modulation(), self.permille, GUARD_US)

    def profile(self) -> "LinkProfile":
        """What an engine must know of the link.

        :raises UsageError: the plan cannot work; says why
        """
        modulation, band = self.modulation(), self.band()
        frame_us = modulation.time_on_air_us(MTU)
        hourly_us = HOUR_US // 1000 * self.permille
        if band.limits(modulation.bandwidth_hz):
            _check_fits(frame_us, band.budget_us, "%s %s" % (self.region, band.name))
            hourly_us = min(hourly_us, HOUR_US // band.window_us * band.budget_us)
        _check_fits(frame_us, hourly_us, "a share of %d in 1000" % self.permille)
        # A peer whose hour is used up in the middle of a handshake is silent for up to an hour;
        # half of it may be gone before the handshake begins.
        long = 2 * _HANDSHAKE_FRAMES * frame_us > hourly_us
        return lora(modulation, MTU, HOUR_US // 1000 if long else 0)


def _check_fits(frame_us: int, limit_us: int, whose: str) -> None:
    if frame_us > limit_us - GUARD_US:
        raise UsageError(
            "a frame of %d octets is %d ms on air, and %s allows %d ms: take a smaller spreading"
            " factor or a wider channel" % (MTU, frame_us // 1000, whose, limit_us // 1000)
        )
