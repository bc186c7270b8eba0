# SPDX-License-Identifier: MIT OR Apache-2.0
"""Any k of n, whichever they are and in whatever order they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.coding.reed_solomon import (
    MAX_COUNT,
    MAX_SHARDS,
    Decoder,
    _divide,
    _divide_all,
    shard,
    shard_bytes,
)
from pqmesh.errors import Malformed, UsageError


def times(left: int, right: int) -> int:
    """Multiplication in the field, by shifting and adding, as its definition has it."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 0x100:
            left ^= 0x11D
        right >>= 1
    return product


def test_division_is_that_of_the_field() -> None:
    for divisor in range(1, 256):
        for dividend in range(256):
            assert times(_divide(dividend, divisor), divisor) == dividend


def test_a_row_divided_by_its_pivot() -> None:
    row = bytearray((0, 1, 7, 255))
    _divide_all(row, 7)
    assert [times(octet, 7) for octet in row] == [0, 1, 7, 255]
    before = bytes(row)
    _divide_all(row, 1)
    assert bytes(row) == before


def test_a_parity_shard_is_the_cauchy_sum() -> None:
    data = bytes((3, 0, 250, 9, 77, 5))  # three shards of two octets
    for index in (3, 4, 100, 255):
        wanted = bytearray(2)
        for at in range(3):
            factor = next(f for f in range(256) if times(f, index ^ at) == 1)
            for octet in range(2):
                wanted[octet] ^= times(factor, data[2 * at + octet])
        assert shard(data, 3, index) == bytes(wanted)


def test_known_answer() -> None:
    """Pinned, so that two releases understand each other."""
    data = bytes(range(1, 41))
    assert shard(data, 5, 5).hex() == "680b2acdec8fae50"
    assert shard(data, 5, 255).hex() == "900a7c2355cfb93a"


@st.composite
def objects(draw: st.DrawFn) -> tuple[bytes, int, list[int]]:
    """Data, into how many shards it is cut, and as many distinct indices of any kind."""
    count = draw(st.integers(1, MAX_COUNT))
    data = draw(st.binary(min_size=count, max_size=6 * count))
    extra = draw(st.integers(0, 3))
    indices = draw(
        st.lists(
            st.integers(0, MAX_SHARDS - 1),
            min_size=count,
            max_size=count + extra,
            unique=True,
        )
    )
    return data, count, indices


@given(objects())
def test_any_k_of_n_give_the_data(case: tuple[bytes, int, list[int]]) -> None:
    data, count, indices = case
    decoder = Decoder(count, shard_bytes(len(data), count))
    for position, index in enumerate(indices):
        assert decoder.complete == (position >= count)
        assert decoder.add(index, shard(data, count, index)) == (position < count)
    assert decoder.data(len(data)) == data
    assert decoder.data(len(data)) == data


@given(st.integers(1, MAX_COUNT), st.randoms())
def test_data_shards_that_come_after_parity_find_their_place(count: int, dice) -> None:
    """Parity waits in slots of data shards that may still come."""
    data = dice.randbytes(3 * count)
    parity = dice.sample(range(count, MAX_SHARDS), dice.randint(0, count))
    rest = dice.sample(range(count), count - len(parity))
    decoder = Decoder(count, 3)
    for index in parity + rest:
        assert decoder.add(index, shard(data, count, index))
    assert decoder.complete
    assert decoder.data(len(data)) == data


@given(objects(), st.integers(1, 255), st.data())
def test_a_wrong_shard_is_the_callers_business(case, error: int, draw) -> None:
    """It gives wrong data, of the right length, and nothing worse."""
    data, count, indices = case
    size = shard_bytes(len(data), count)
    decoder = Decoder(count, size)
    bad = draw.draw(st.integers(0, count - 1))
    for position, index in enumerate(indices[:count]):
        octets = bytearray(shard(data, count, index))
        if position == bad:
            octets[0] ^= error
        decoder.add(index, octets)
    padded = data + bytes(count * size - len(data))
    result = decoder.data(count * size)
    assert len(result) == len(padded)
    assert result != padded


def test_a_shard_counts_once() -> None:
    decoder = Decoder(2, 4)
    assert decoder.add(7, b"seve")
    assert not decoder.add(7, b"seve")
    assert not decoder.complete
    assert decoder.held == 1


def test_what_does_not_fit_is_refused() -> None:
    decoder = Decoder(2, 4)
    for index, octets in ((0, b"abc"), (0, b"abcde"), (256, b"abcd"), (-1, b"abcd")):
        with pytest.raises(Malformed):
            decoder.add(index, octets)
    assert decoder.held == 0
    with pytest.raises(UsageError):
        decoder.data(8)
    decoder.add(0, b"abcd")
    decoder.add(1, b"efgh")
    for total in (9, -1):
        with pytest.raises(UsageError):
            decoder.data(total)
    assert decoder.data(7) == b"abcdefg"


def test_impossible_sizes_are_the_callers_mistake() -> None:
    for count, size in ((0, 1), (65, 1), (1, 0)):
        with pytest.raises(UsageError):
            Decoder(count, size)
    for total, count in ((3, 4), (100, 65), (1, 0)):
        with pytest.raises(UsageError):
            shard_bytes(total, count)
    for index in (-1, 256):
        with pytest.raises(UsageError):
            shard(b"data", 2, index)
