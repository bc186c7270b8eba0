# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden encodings of ant-quic-wire §2.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic import transport_parameters as tp


@pytest.mark.parametrize(
    ("parameters", "wire"),
    [
        ({tp.ACK_RECEIVE_V2: b""}, "800050c2 00"),
        ({tp.ADDRESS_DISCOVERY: tp.varint(2)}, "c00000009f81a176 01 02"),
        ({tp.NAT_TRAVERSAL: tp.varint(3)}, "fd7e9f0bca12fea6 01 03"),
        ({tp.RFC_NAT_TRAVERSAL: b""}, "fd7e9f0bca12fea8 00"),
        ({tp.MAX_UDP_PAYLOAD_SIZE: tp.varint(1472)}, "03 02 45c0"),
    ],
)
def test_golden(parameters, wire):
    assert tp.encode(parameters) == bytes.fromhex(wire)
    assert tp.decode(bytes.fromhex(wire)) == parameters


@given(st.dictionaries(st.integers(0, 2**62 - 1), st.binary(max_size=30), max_size=8))
def test_decode_inverts_encode(parameters):
    assert tp.decode(tp.encode(parameters)) == parameters


@given(st.binary(max_size=60))
def test_garbage_raises_value_error_or_parses(data):
    try:
        parameters = tp.decode(data)
    except ValueError:
        return
    assert tp.decode(tp.encode(parameters)) == parameters


def test_a_repeated_parameter_is_refused():
    with pytest.raises(ValueError, match="repeated"):
        tp.decode(tp.encode({3: b"a"}) * 2)


def test_integers():
    assert tp.integer({}, 3, 7) == 7
    assert tp.integer({3: tp.varint(1472)}, 3, 7) == 1472
    with pytest.raises(ValueError, match="trailing"):
        tp.integer({3: b"\x01\x01"}, 3, 7)
    with pytest.raises(ValueError, match="truncated"):
        tp.integer({3: b"\x41"}, 3, 7)
