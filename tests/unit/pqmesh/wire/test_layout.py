# SPDX-License-Identifier: MIT OR Apache-2.0
"""One loop over a LAYOUT encodes and decodes every object."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, UsageError
from pqmesh.wire.fields import U8, Fixed, Rest
from pqmesh.wire.layout import WireObject, decode, decode_at, names


class Sample(WireObject):
    LAYOUT = (("number", U8), ("name", Fixed(2)), ("tail", Rest(3)))
    FIELDS = names(LAYOUT)

    number: int
    name: bytes
    tail: bytes


class Short(WireObject):
    LAYOUT = (("number", U8),)
    FIELDS = names(LAYOUT)

    number: int


def test_golden():
    assert Sample(1, b"ab", b"xyz").encode() == b"\x01abxyz"
    assert decode(Sample, b"\x01abxyz") == Sample(1, b"ab", b"xyz")


@given(st.binary(max_size=8))
def test_decode_raises_only_malformed_and_encode_undoes_it(data):
    try:
        value = decode(Sample, data)
    except Malformed:
        return
    assert value.encode() == data


def test_an_object_in_the_middle():
    assert decode_at(Short, memoryview(b"\x00\x07\x08"), 1) == (Short(7), 2)


def test_nothing_may_follow():
    with pytest.raises(Malformed, match="1 trailing"):
        decode(Short, b"\x07\x08")


def test_a_field_out_of_range_is_our_own_bug():
    with pytest.raises(UsageError):
        Short(256).encode()
