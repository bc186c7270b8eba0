# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every kind of field: what fits, what does not, and where the next one begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, UsageError
from pqmesh.wire.fields import U8, U16, U32, Fixed, Rest


def put(field, value):
    out = bytearray(b"\xee")
    field.put(out, value)
    assert out[0] == 0xEE
    return bytes(out[1:])


@pytest.mark.parametrize(
    ("field", "value", "wire"),
    [
        (U8, 0xAB, "ab"),
        (U16, 0x0102, "0102"),
        (U32, 0xFFFFFFFF, "ffffffff"),
        (Fixed(3), b"abc", "616263"),
        (Rest(4), b"", ""),
        (Rest(4), b"abcd", "61626364"),
    ],
)
def test_golden(field, value, wire):
    assert put(field, value).hex() == wire
    view = memoryview(b"\x00" + bytes.fromhex(wire))
    assert field.take(view, 1) == (value, len(view))


@pytest.mark.parametrize("field", [U8, U16, U32])
@pytest.mark.parametrize("offset", [-1, 0])
def test_integers_check_their_range(field, offset):
    with pytest.raises(UsageError):
        put(field, -1 if offset else field.limit)


@pytest.mark.parametrize(
    ("field", "value"), [(Fixed(3), b"ab"), (Fixed(3), b"abcd"), (Rest(2), b"abc")]
)
def test_lengths_are_checked(field, value):
    with pytest.raises(UsageError):
        put(field, value)


@pytest.mark.parametrize(
    ("field", "wire"), [(U16, b"\x01"), (U8, b""), (Fixed(3), b"ab"), (Rest(2), b"abc")]
)
def test_what_does_not_fit_is_malformed(field, wire):
    with pytest.raises(Malformed):
        field.take(memoryview(wire), 0)


@given(st.integers(0, 0xFFFFFFFF))
def test_integers_come_back(value):
    assert U32.take(memoryview(put(U32, value)), 0) == (value, 4)


@pytest.mark.parametrize(("field", "text"), [(U16, "2"), (Fixed(6), "6"), (Rest(9), "0..9")])
def test_fields_describe_their_size(field, text):
    assert field.describe() == text
