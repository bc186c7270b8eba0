# SPDX-License-Identifier: MIT OR Apache-2.0
"""LoRa time on air, in whole microseconds (Semtech SX1276 datasheet rev 7, 4.1.1.7; AN1200.13).

A frame is a preamble of ``preamble + 4.25`` symbols and a payload of

    8 + max(ceil((8 PL - 4 SF + 28 + 16 CRC - 20 IH) / 4 (SF - 2 DE)) (CR + 4), 0)

symbols of 2^SF / BW seconds each. DE, the low data rate optimisation, is on where a symbol lasts
longer than 16 ms; both ends must agree on it, so it is not a setting here.
"""

from ..compat import const
from ..errors import UsageError

MAX_PAYLOAD = const(255)  # the modem's length octet
_DE_LIMIT_US = const(16_000)


class LoraModulation:
    """One way of sending: what two radios must share to hear each other.

    ``spreading_factor`` 7..12, ``bandwidth_hz`` 7_800..500_000, ``coding_rate`` 1..4 for 4/5..4/8,
    ``preamble`` in symbols (8 is usual), explicit header and CRC as all pqmesh frames have them.
    """

    def __init__(
        self,
        spreading_factor: int,
        bandwidth_hz: int = 125_000,
        coding_rate: int = 1,
        preamble: int = 8,
    ) -> None:
        if not 7 <= spreading_factor <= 12:
            raise UsageError("spreading factor %d is not in 7..12" % spreading_factor)
        if not 7_800 <= bandwidth_hz <= 500_000:
            raise UsageError("bandwidth %d Hz is not in 7800..500000" % bandwidth_hz)
        if not 1 <= coding_rate <= 4:
            raise UsageError("coding rate %d is not in 1..4 (4/5..4/8)" % coding_rate)
        if not 6 <= preamble <= 65_535:
            raise UsageError("preamble of %d symbols is not in 6..65535" % preamble)
        self.spreading_factor = spreading_factor
        self.bandwidth_hz = bandwidth_hz
        self.coding_rate = coding_rate
        self.preamble = preamble

    @property
    def low_data_rate(self) -> bool:
        """Whether the low data rate optimisation is on: a symbol lasts longer than 16 ms."""
        symbol_us = (1 << self.spreading_factor) * 1_000_000 // self.bandwidth_hz
        return symbol_us > _DE_LIMIT_US

    def payload_symbols(self, length: int) -> int:
        """Symbols of header, payload and CRC of a ``length``-byte frame, at most 255 bytes."""
        if not 0 <= length <= MAX_PAYLOAD:
            raise UsageError("a LoRa frame carries 0..255 bytes, not %d" % length)
        bits = 8 * length - 4 * self.spreading_factor + 28 + 16
        per_block = 4 * (self.spreading_factor - (2 if self.low_data_rate else 0))
        blocks = max(-(-bits // per_block), 0)
        return 8 + blocks * (self.coding_rate + 4)

    def time_on_air_us(self, length: int) -> int:
        """Microseconds from the first preamble symbol to the last payload symbol, rounded up."""
        # Quarter symbols keep the preamble's 4.25 whole, and floats off the boards.
        quarters = 4 * (self.preamble + self.payload_symbols(length)) + 17
        return -(-quarters * (1 << self.spreading_factor) * 250_000 // self.bandwidth_hz)

    def largest_within_us(self, limit_us: int) -> "int | None":
        """The longest frame, in bytes, whose time on air is at most ``limit_us``; None if none is.

        Regions with a dwell time (US915: 400 ms) bound a frame this way.
        """
        if self.time_on_air_us(0) > limit_us:
            return None
        low, high = 0, MAX_PAYLOAD
        while low < high:
            middle = (low + high + 1) // 2
            if self.time_on_air_us(middle) <= limit_us:
                low = middle
            else:
                high = middle - 1
        return low
