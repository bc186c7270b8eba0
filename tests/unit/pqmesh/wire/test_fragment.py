# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of fragments, SACK and POLL, and what is refused without state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, ProtocolError, UnknownKind
from pqmesh.wire import fragment
from pqmesh.wire.fragment import Fragment, Poll, Sack, decode_fragment, fragment_kind
from pqmesh.wire.handshake import HS_S
from pqmesh.wire.layout import decode

GOLDEN = [
    (Fragment(0x48, 0x60, b"flow", 3, 5, b"payload"), "48 60 666c6f77 03 05 7061796c6f6164"),
    (Sack(0x80, 0x80, b"flow", 0x00000105, b"chek"), "80 80 666c6f77 00000105 6368656b"),
    (Poll(0x81, 0xC0, b"flow", b"ck"), "81 c0 666c6f77 636b"),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(fragment.ALL)


def test_the_first_octet_names_class_version_and_mode():
    assert fragment_kind(HS_S) == 0b01_001_000
    assert fragment_kind(4) == 0b01_001_100
    for mode in range(8):
        assert Fragment(fragment_kind(mode), 0xC0, b"flow", 0, 1, b"").mode() == mode


def test_number_and_poll_are_read_from_one_octet():
    value = decode_fragment(bytes.fromhex(GOLDEN[0][1]))
    assert value.number() == 1
    assert value.wants_sack()
    assert not Fragment(0x48, 0xC0, b"flow", 0, 1, b"").wants_sack()


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("50 60 666c6f77 03 05", UnknownKind),  # version 2
        ("48 70 666c6f77 03 05", UnknownKind),  # coded
        ("48 61 666c6f77 03 05", Malformed),  # a reserved bit
        ("48 20 666c6f77 03 05", Malformed),  # message 0
        ("48 60 666c6f77 05 05", Malformed),  # index beyond the count
        ("48 60 666c6f77 00 21", Malformed),  # more than the bitmap has bits
        ("48 60 666c6f77 00", Malformed),  # truncated
    ],
)
def test_refused(header, error):
    with pytest.raises(error):
        decode_fragment(bytes.fromhex(header))


@given(st.binary(max_size=40))
def test_decode_raises_nothing_but_protocol_errors(frame):
    try:
        value = decode_fragment(frame)
    except ProtocolError:
        return
    assert value.encode() == frame
