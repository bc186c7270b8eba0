# SPDX-License-Identifier: MIT OR Apache-2.0
"""A plaintext is taken apart once, to its last octet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.content import parse
from pqmesh.errors import Malformed, ProtocolError, UnknownKind
from pqmesh.wire.session import CONTROL, FLAG_ACK, NONE, SEGMENT, AckBlock, Ping, SegmentHeader


def test_nothing():
    content = parse(NONE, b"")
    assert (content.ack, content.segment, content.control) == (None, None, None)
    assert content.data == b""


def test_an_acknowledgement_comes_before_what_it_rides_on():
    ack = AckBlock(7, 1)
    content = parse(FLAG_ACK | SEGMENT, ack.encode() + SegmentHeader(0x8001).encode() + b"data")
    assert content.ack == ack
    assert content.segment == SegmentHeader(0x8001)
    assert content.data == b"data"
    assert parse(FLAG_ACK | NONE, ack.encode()).ack == ack
    assert parse(FLAG_ACK | CONTROL, ack.encode() + b"\x01").control == Ping(1)


@pytest.mark.parametrize(
    ("kind", "plaintext", "error"),
    [
        (NONE, b"x", Malformed),
        (FLAG_ACK, b"\x00\x01", Malformed),
        (FLAG_ACK, bytes(7), Malformed),
        (SEGMENT, b"\x00", Malformed),
        (CONTROL, b"", Malformed),
        (CONTROL, b"\x01\x00", Malformed),
        (CONTROL, b"\x7f", UnknownKind),
    ],
)
def test_what_does_not_parse(kind, plaintext, error):
    with pytest.raises(error):
        parse(kind, plaintext)


@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_octets_parse_or_are_refused(kind, plaintext):
    try:
        content = parse(kind, plaintext)
    except ProtocolError:
        return
    taken = (6 if content.ack else 0) + (2 + len(content.data) if content.segment else 0)
    taken += len(content.control.encode()) if content.control else 0
    assert taken == len(plaintext) or kind & 3 == 3
