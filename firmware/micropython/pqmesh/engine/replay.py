# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which packet numbers have been used, and what a 16-bit one on the wire stands for.

The window is a bitmap below the highest number accepted, as in RFC 4303, section 3.4.3. It is
asked before the tag is verified and moved only after.
"""

from ..compat import const
from ..errors import Replayed

_HALF = const(1 << 15)
_WRAP = const(1 << 16)


class ReplayWindow:
    """Remembers ``size`` packet numbers; anything older counts as used."""

    def __init__(self, size: int) -> None:
        self._mask = (1 << size) - 1
        self._size = size
        self._bits = 0  # bit i: number highest - i was accepted
        self.highest = -1

    def expand(self, low: int) -> int:
        """Return the number nearest to the next one expected whose low 16 bits are ``low``.

        RFC 9000, appendix A.3. Packet numbers start at 0, so the result is never negative.
        """
        expected = self.highest + 1
        number = (expected & ~(_WRAP - 1)) | low
        if number <= expected - _HALF:
            return number + _WRAP
        if number > expected + _HALF and number >= _WRAP:
            return number - _WRAP
        return number

    def check(self, number: int) -> None:
        """:raises Replayed: ``number`` was accepted before, or is too old to tell"""
        age = self.highest - number
        if age >= self._size:
            raise Replayed("packet %d is older than the window" % number)
        if age >= 0 and self._bits >> age & 1:
            raise Replayed("packet %d again" % number)

    def accept(self, number: int) -> None:
        """Mark ``number`` as used. Call it only after the tag has been verified."""
        ahead = number - self.highest
        if ahead > 0:
            self._bits = (self._bits << min(ahead, self._size) | 1) & self._mask
            self.highest = number
        else:
            self._bits |= 1 << -ahead
