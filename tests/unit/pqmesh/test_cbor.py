# SPDX-License-Identifier: MIT OR Apache-2.0
"""One value, one encoding; and decode takes nothing that encode would not have written."""

import math
import struct

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pqmesh.cbor import MAX_DEPTH, decode, encode
from pqmesh.errors import Malformed, UsageError

# RFC 8949, appendix A, as far as this subset goes.
GOLDEN = [
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (25, "1819"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-10, "29"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (0.0, "f90000"),
    (-0.0, "f98000"),
    (1.0, "f93c00"),
    (1.1, "fb3ff199999999999a"),
    (1.5, "f93e00"),
    (65504.0, "f97bff"),
    (100000.0, "fa47c35000"),
    (3.4028234663852886e38, "fa7f7fffff"),
    (1.0e300, "fb7e37e43c8800759c"),
    (5.960464477539063e-8, "f90001"),
    (0.00006103515625, "f90400"),
    (-4.0, "f9c400"),
    (-4.1, "fbc010666666666666"),
    (math.inf, "f97c00"),
    (-math.inf, "f9fc00"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("IETF", "6449455446"),
    ("ü", "62c3bc"),
    ([], "80"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
]

plain = st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1)
plain |= st.floats(allow_nan=False) | st.binary(max_size=300) | st.text(max_size=40)
keys = st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=30) | st.text(max_size=30)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def depth(value):
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 0


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=[wire for _, wire in GOLDEN])
def test_golden(value, wire):
    assert encode(value).hex() == wire
    again = decode(bytes.fromhex(wire))
    assert (again, type(again)) == (value, type(value))


@given(values.filter(lambda value: depth(value) <= MAX_DEPTH))
def test_decode_undoes_encode_and_another_codec_agrees(value):
    wire = encode(value)
    assert decode(wire) == value
    assert cbor2.loads(wire) == value


@given(st.binary(max_size=60))
@example(bytes.fromhex("f93c00"))
@example(bytes.fromhex("fa3fc00000"))
def test_whatever_is_taken_is_written_the_same_way(wire):
    try:
        value = decode(wire)
    except Malformed:
        return
    if b"\xf9" not in wire and b"\xfa" not in wire and b"\xfb" not in wire:
        assert encode(value) == wire  # floats of any width are taken


@given(st.floats(allow_nan=False, width=32))
def test_a_float_loses_nothing_and_takes_no_more_room_than_it_must(value):
    wire = encode(value)
    assert decode(wire) == value
    assert len(wire) <= 5
    try:
        half = struct.unpack(">e", struct.pack(">e", value))[0]
    except OverflowError:
        half = None
    assert (len(wire) == 3) == (half == value)


def test_every_half_float():
    for bits in range(0x10000):
        raw = bits.to_bytes(2, "big")
        expected = struct.unpack(">e", raw)[0]
        got = decode(b"\xf9" + raw)
        assert got == expected or (math.isnan(got) and math.isnan(expected))


def test_every_nan_is_the_same_nan():
    assert encode(math.nan).hex() == "f97e00"
    assert encode(struct.unpack(">d", bytes.fromhex("7ff0000000000001"))[0]).hex() == "f97e00"


def test_map_keys_are_in_the_order_of_their_encodings():
    assert (
        encode({"b": 1, "aa": 2, 10: 3, -1: 4, b"z": 5}).hex() == "a50a032004417a0561620162616102"
    )


@pytest.mark.parametrize(
    "value",
    [object(), 1 << 64, -(1 << 64) - 1, {True: 1}, {None: 1}, {1.0: 1}, {(1,): 1}, {"a": {1}}],
)
def test_what_cannot_be_said_is_our_own_bug(value):
    with pytest.raises(UsageError):
        encode(value)


def test_nesting_is_bounded_both_ways():
    deep = 0
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert decode(encode(deep)) == deep
    with pytest.raises(UsageError):
        encode([deep])
    with pytest.raises(Malformed, match="too deep"):
        decode(b"\x81" + encode(deep))


def test_tuples_and_bytearrays_are_taken():
    assert encode((1, bytearray(b"a"))) == encode([1, b"a"])


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        ("", "truncated"),
        ("18", "truncated"),
        ("1900", "truncated"),
        ("42aa", "truncated"),
        ("8201", "truncated"),
        ("9affffffff", "truncated"),
        ("a101", "truncated"),
        ("a1", "truncated"),
        ("0000", "after the CBOR item"),
        ("1817", "shortest"),
        ("1900ff", "shortest"),
        ("1a0000ffff", "shortest"),
        ("1b00000000ffffffff", "shortest"),
        ("5800", "shortest"),
        ("1c", "reserved"),
        ("9f01ff", "indefinite"),
        ("c100", "tags"),
        ("f7", "simple"),
        ("e0", "simple"),
        ("f8ff", "simple"),
        ("61ff", "UTF-8"),
        ("a2616201616102", "order"),
        ("a2616101616102", "order"),
        ("a1f501", "map key"),
        ("a18001", "map key"),
    ],
)
def test_malformed(wire, why):
    with pytest.raises(Malformed, match=why):
        decode(bytes.fromhex(wire))
