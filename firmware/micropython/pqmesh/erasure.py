# SPDX-License-Identifier: MIT OR Apache-2.0
"""Systematic Reed-Solomon over GF(2^8): any k of an object's symbols give the object back.

For objects that many listen to at once (credentials, healing chunks): with feedback from one
receiver selective acknowledgement is faster, with many receivers any-k coding saves 37-45 % of the
frames at 10-20 % loss (constrained-design 2.4).

An object is k parts of equal size. Symbol j < k is part j; symbol i >= k is the sum over j of
part j / (i + j) in GF(2^8): a Cauchy matrix, every square part of which is invertible, so any k
distinct symbols suffice (Blömer et al., ICSI TR-95-048). The field is x^8 + x^4 + x^3 + x^2 + 1.

Integrity is not its business: a symbol is checked against the object's hash list or a MAC before
it comes here, because one wrong symbol spoils every part.
"""

from .compat import const
from .errors import UsageError

MAX_PARTS = const(64)  # constrained-design 2.4; work grows with the square of it
MAX_SYMBOLS = const(256)

_EXP = bytearray(510)  # doubled, so that a sum of two logarithms needs no reduction
_LOG = bytearray(256)


def _fill_tables() -> None:
    value = 1
    for power in range(255):
        _EXP[power] = _EXP[power + 255] = value
        _LOG[value] = power
        value <<= 1
        if value & 0x100:
            value ^= 0x11D


_fill_tables()


def encode_symbol(parts: "list[bytes]", index: int) -> bytes:
    """Symbol ``index`` (0..255) of the object cut into ``parts`` (1..64, of equal size)."""
    count = _checked(len(parts), index)
    size = len(parts[0])
    if any([len(part) != size for part in parts]):
        raise UsageError("parts must be of equal size; pad the last one")
    if index < count:
        return bytes(parts[index])
    out = bytearray(size)
    for column in range(count):
        _add_scaled(out, parts[column], _inverse(index ^ column))
    return bytes(out)


class Decoder:
    """Collects symbols of one object of ``count`` parts of ``size`` bytes until it is whole.

    Holds at most ``count`` symbols; a symbol it has, or needs no more, is ignored.
    """

    def __init__(self, count: int, size: int) -> None:
        _checked(count, 0)
        if size < 1:
            raise UsageError("a part has at least one byte")
        self._count = count
        self._size = size
        self._symbols: "dict[int, bytes]" = {}

    @property
    def missing(self) -> int:
        """How many more symbols are needed, whichever they are."""
        return self._count - len(self._symbols)

    def add(self, index: int, symbol: bytes) -> bool:
        """Take a symbol; returns whether the object is now whole. Wrong sizes are refused."""
        _checked(self._count, index)
        if len(symbol) != self._size:
            raise UsageError("a symbol of %d bytes, want %d" % (len(symbol), self._size))
        if self.missing and index not in self._symbols:
            self._symbols[index] = bytes(symbol)
        return not self.missing

    def parts(self) -> "list[bytes]":
        """The object's parts, in order. Raises UsageError while symbols are missing."""
        if self.missing:
            raise UsageError("%d symbols are still missing" % self.missing)
        lost = [j for j in range(self._count) if j not in self._symbols]
        spare = sorted([i for i in self._symbols if i >= self._count])
        # Take from each spare symbol what the parts at hand contribute; what is left are `lost`
        # unknowns in as many equations, with a Cauchy matrix.
        sums = [self._without_known(index, lost) for index in spare]
        rows = [bytearray([_inverse(index ^ column) for column in lost]) for index in spare]
        _solve(rows, sums)
        found = dict(zip(lost, sums))
        return [bytes(found.get(j) or self._symbols[j]) for j in range(self._count)]

    def _without_known(self, index: int, lost: "list[int]") -> bytearray:
        out = bytearray(self._symbols[index])
        for column in range(self._count):
            if column not in lost:
                _add_scaled(out, self._symbols[column], _inverse(index ^ column))
        return out


def _solve(rows: "list[bytearray]", sums: "list[bytearray]") -> None:
    """Gauss-Jordan in place: afterwards ``sums[i]`` is unknown i. Rows must be independent."""
    for pivot in range(len(rows)):
        # Every leading minor of a Cauchy matrix is non-zero, so the pivot never is zero.
        factor = _inverse(rows[pivot][pivot])
        _scale(rows[pivot], factor)
        _scale(sums[pivot], factor)
        for other in range(len(rows)):
            factor = rows[other][pivot]
            if other != pivot and factor:
                _add_scaled(rows[other], rows[pivot], factor)
                _add_scaled(sums[other], sums[pivot], factor)


def _add_scaled(out: bytearray, vector: "bytes | bytearray", factor: int) -> None:
    shift = _LOG[factor]
    for position in range(len(out)):
        value = vector[position]
        if value:
            out[position] ^= _EXP[_LOG[value] + shift]


def _scale(vector: bytearray, factor: int) -> None:
    shift = _LOG[factor]
    for position in range(len(vector)):
        value = vector[position]
        if value:
            vector[position] = _EXP[_LOG[value] + shift]


def _inverse(value: int) -> int:
    return _EXP[255 - _LOG[value]]


def _checked(count: int, index: int) -> int:
    if not 1 <= count <= MAX_PARTS:
        raise UsageError("an object has 1..%d parts, not %d" % (MAX_PARTS, count))
    if not 0 <= index < MAX_SYMBOLS:
        raise UsageError("symbol %d is not in 0..%d" % (index, MAX_SYMBOLS - 1))
    return count
