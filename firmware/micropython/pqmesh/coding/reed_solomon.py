# SPDX-License-Identifier: MIT OR Apache-2.0
"""Systematic Reed-Solomon over GF(2^8): any ``count`` of up to 256 shards are enough.

    data     cut into ``count`` (1..64) shards of ``size`` octets, the last filled with zeros
    shard i  the data itself for i < count; beyond, the parity sum over j of data_j / (i + j)

The rows 1 / (i + j), i >= count > j, are a Cauchy matrix: every square part of it can be inverted
(MacWilliams and Sloane, ch. 11), which is what "any" rests on. + is exclusive or, and / is that
of the field x^8 + x^4 + x^3 + x^2 + 1 (0x11D) with generator 2.

It repairs shards that are *missing*. A shard that is *wrong* makes the result wrong: who needs
to know checks the whole by a hash. Data is public here; timing depends on it.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Malformed, UsageError

if TYPE_CHECKING:
    from ..compat import Buffer

MAX_COUNT = const(64)  # data shards; bounds a decoder's matrix to 4 KB
MAX_SHARDS = const(256)  # indices of one object, data and parity together

_POLYNOMIAL = const(0x11D)
_ORDER = const(255)  # of the multiplicative group
_EXP = const(256)  # where the powers begin in the table
_FREE = const(-1)


def _make_table() -> bytes:
    """Logarithms of 0..255 (that of 0 is never asked for), then powers 0..255 of the generator."""
    table = bytearray(512)
    power = 1
    for exponent in range(_ORDER):
        table[_EXP + exponent] = power
        table[power] = exponent
        power <<= 1
        if power & 0x100:
            power ^= _POLYNOMIAL
    table[_EXP + _ORDER] = 1
    return bytes(table)


_TABLE = _make_table()


def _divide(dividend: int, divisor: int) -> int:
    if not dividend:
        return 0
    return _TABLE[_EXP + (_TABLE[dividend] - _TABLE[divisor]) % _ORDER]


def _add_multiple(target: "Buffer", source: "Buffer", factor: int) -> None:
    """target += factor * source, octet by octet; factor not 0, ``source`` may be shorter."""
    table = _TABLE
    shift = table[factor]
    for at in range(len(source)):  # not enumerate: a tuple per octet is dear on a board
        octet = source[at]
        if octet:
            target[at] ^= table[_EXP + (table[octet] + shift) % _ORDER]


def _divide_all(target: "Buffer", divisor: int) -> None:
    if divisor == 1:
        return
    for at in range(len(target)):
        target[at] = _divide(target[at], divisor)


def shard_bytes(total: int, count: int) -> int:
    """Return the length of the shards of ``total`` octets cut into ``count``.

    :raises UsageError: ``count`` is not in 1..64, or there is not an octet for each
    """
    if not 1 <= count <= MAX_COUNT or total < count:
        raise UsageError("%d octets cannot be cut into %d shards" % (total, count))
    return -(-total // count)


def shard(data: "Buffer", count: int, index: int) -> bytes:
    """Return shard ``index`` (0..255) of ``data`` cut into ``count``: shard_bytes octets.

    Holds nothing; takes ``len(data)`` field multiplications for a parity shard, none for data.

    :raises UsageError: as shard_bytes, or the index is out of range
    """
    size = shard_bytes(len(data), count)
    if not 0 <= index < MAX_SHARDS:
        raise UsageError("shard %d is not in 0..255" % index)
    view = memoryview(data)
    out = bytearray(size)
    if index < count:
        part = view[size * index : size * (index + 1)]
        out[: len(part)] = part
        return bytes(out)
    for at in range(count):
        part = view[size * at : size * (at + 1)]
        _add_multiple(out, part, _divide(1, index ^ at))
    return bytes(out)


class Decoder:
    """Collects shards of one object until there are enough. Allocates everything at once.

    Memory: ``count * size`` octets, and ``missing ** 2`` more while ``data`` works.

    :raises UsageError: ``count`` is not in 1..64, or ``size`` is not positive
    """

    def __init__(self, count: int, size: int) -> None:
        if not 1 <= count <= MAX_COUNT or size < 1:
            raise UsageError("%d shards of %d octets" % (count, size))
        self.count = count
        self.size = size
        self.held = 0
        self._octets = bytearray(count * size)
        self._slots = [_FREE] * count  # which shard each slot holds; data shard i only in slot i

    @property
    def complete(self) -> bool:
        """Whether ``data`` will answer."""
        return self.held == self.count

    def add(self, index: int, octets: "Buffer") -> bool:
        """Take a shard; returns False when it says nothing new, and once there are enough.

        :raises Malformed: it has another length than the others, or an index beyond 255
        """
        if len(octets) != self.size or not 0 <= index < MAX_SHARDS:
            raise Malformed("shard %d of %d octets" % (index, len(octets)))
        if self.complete or index in self._slots:
            return False
        slot = index if index < self.count else self._free_slot()
        if self._slots[slot] != _FREE:  # a parity shard waits where this one belongs
            away = self._free_slot()
            self._slot(away)[:] = self._slot(slot)
            self._slots[away] = self._slots[slot]
        self._slot(slot)[:] = octets
        self._slots[slot] = index
        self.held += 1
        return True

    def data(self, total: int) -> bytes:
        """Return a copy of the first ``total`` octets of the data. May be asked again.

        :raises UsageError: not ``complete``, or ``total`` exceeds what the shards hold
        """
        return bytes(self.view(total))

    def view(self, total: int) -> memoryview:
        """Return the first ``total`` octets where they are, as ``data`` does.

        :raises UsageError: as ``data``
        """
        if not self.complete or not 0 <= total <= len(self._octets):
            raise UsageError("%d of %d shards are here" % (self.held, self.count))
        missing = [slot for slot in range(self.count) if self._slots[slot] != slot]
        if missing:
            self._solve(missing)
        return memoryview(self._octets)[:total]

    def _free_slot(self) -> int:
        return self._slots.index(_FREE)

    def _slot(self, slot: int) -> memoryview:
        return memoryview(self._octets)[self.size * slot : self.size * (slot + 1)]

    def _solve(self, missing: "list[int]") -> None:
        """Turn the parity shard in each slot of ``missing`` into the data shard of that slot."""
        width = len(missing)
        matrix = memoryview(bytearray(width * width))
        for row in range(width):
            parity = self._slots[missing[row]]
            for slot in range(self.count):
                if self._slots[slot] == slot:  # what is known is taken off
                    factor = _divide(1, parity ^ slot)
                    _add_multiple(self._slot(missing[row]), self._slot(slot), factor)
            for column in range(width):
                matrix[row * width + column] = _divide(1, parity ^ missing[column])
        # Gauss and Jordan, without exchanging rows: a Cauchy matrix has no zero on the way.
        for pivot in range(width):
            pivot_row = matrix[pivot * width : (pivot + 1) * width]
            divisor = pivot_row[pivot]
            _divide_all(pivot_row, divisor)
            _divide_all(self._slot(missing[pivot]), divisor)
            for row in range(width):
                factor = matrix[row * width + pivot]
                if row != pivot and factor:
                    _add_multiple(matrix[row * width : (row + 1) * width], pivot_row, factor)
                    _add_multiple(self._slot(missing[row]), self._slot(missing[pivot]), factor)
        for slot in missing:
            self._slots[slot] = slot
