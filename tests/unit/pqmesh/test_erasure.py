# SPDX-License-Identifier: MIT OR Apache-2.0
"""Any k symbols give the object back; anything else is refused."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.erasure import MAX_PARTS, MAX_SYMBOLS, Decoder, encode_symbol
from pqmesh.errors import UsageError


def multiply(left: int, right: int) -> int:
    """GF(2^8) by the definition: carry-less product modulo 0x11D."""
    product = 0
    for bit in range(8):
        if right >> bit & 1:
            product ^= left << bit
    for bit in range(15, 7, -1):
        if product >> bit & 1:
            product ^= 0x11D << (bit - 8)
    return product


def test_a_repair_symbol_by_hand() -> None:
    """Symbol 2 of parts (5,) and (7,) is 5/(2+0) + 7/(2+1), checked without tables."""
    halves = [value for value in range(256) if multiply(value, 2) == 5]
    thirds = [value for value in range(256) if multiply(value, 3) == 7]
    assert encode_symbol([b"\x05", b"\x07"], 2) == bytes([halves[0] ^ thirds[0]])


def test_the_first_symbols_are_the_parts_themselves() -> None:
    parts = [b"abc", b"def", b"ghi"]
    assert [encode_symbol(parts, index) for index in range(3)] == parts


@given(st.integers(1, MAX_PARTS), st.integers(1, 9), st.randoms(use_true_random=False))
def test_any_k_symbols_suffice(count: int, size: int, dice: random.Random) -> None:
    parts = [dice.randbytes(size) for _ in range(count)]
    decoder = Decoder(count, size)
    chosen = dice.sample(range(MAX_SYMBOLS), count)
    whole = [decoder.add(index, encode_symbol(parts, index)) for index in chosen]
    assert whole == [False] * (count - 1) + [True]
    assert decoder.parts() == parts


def test_zero_parts_survive_too() -> None:
    parts = [bytes(4), b"\x00\x01\x00\x02", bytes(4)]
    decoder = Decoder(3, 4)
    for index in (200, 7, 1):
        decoder.add(index, encode_symbol(parts, index))
    assert decoder.parts() == parts


def test_repeated_and_needless_symbols_are_ignored() -> None:
    parts = [b"a", b"b"]
    decoder = Decoder(2, 1)
    assert decoder.add(5, encode_symbol(parts, 5)) is False
    assert decoder.add(5, encode_symbol(parts, 5)) is False
    assert decoder.missing == 1
    assert decoder.add(0, b"a") is True
    assert decoder.add(1, b"x") is True
    assert decoder.parts() == parts


def test_parts_wait_until_the_object_is_whole() -> None:
    with pytest.raises(UsageError, match="2 symbols are still missing"):
        Decoder(2, 1).parts()


@pytest.mark.parametrize("count", [0, MAX_PARTS + 1])
def test_objects_of_other_sizes_are_refused(count: int) -> None:
    with pytest.raises(UsageError, match="parts"):
        Decoder(count, 1)
    with pytest.raises(UsageError, match="parts"):
        encode_symbol([b"a"] * count, 0)


@pytest.mark.parametrize("index", [-1, MAX_SYMBOLS])
def test_symbols_that_do_not_exist_are_refused(index: int) -> None:
    with pytest.raises(UsageError, match="symbol"):
        Decoder(1, 1).add(index, b"a")
    with pytest.raises(UsageError, match="symbol"):
        encode_symbol([b"a"], index)


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="equal size"):
        encode_symbol([b"a", b"bc"], 0)
    with pytest.raises(UsageError, match="want 2"):
        Decoder(1, 2).add(0, b"a")
    with pytest.raises(UsageError, match="at least one"):
        Decoder(1, 0)
