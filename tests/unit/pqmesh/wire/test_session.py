# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of what a session's frames hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, ProtocolError, UnknownKind
from pqmesh.wire import session
from pqmesh.wire.layout import decode
from pqmesh.wire.session import (
    AckBlock,
    Close,
    Closed,
    DataHeader,
    Ping,
    SegmentHeader,
    decode_control,
    decode_header,
)

GOLDEN = [
    (DataHeader(0x09, 0x0102, 0x0304), "09 0102 0304"),
    (AckBlock(0x0005, 0x80000001), "0005 80000001"),
    (SegmentHeader(0x8007), "8007"),
    (Ping(1), "01"),
    (Close(2, 3), "02 03"),
    (Closed(3), "03"),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(session.ALL)


def test_the_sizes_the_engine_reckons_with():
    sizes = {type(value): len(value.encode()) for value, _ in GOLDEN}
    assert sizes[DataHeader] == session.HEADER_BYTES
    assert sizes[AckBlock] == session.ACK_BYTES
    assert sizes[SegmentHeader] == session.SEGMENT_BYTES


@pytest.mark.parametrize("value", [Ping(1), Close(2, 3), Closed(3)], ids=lambda v: str(v))
def test_controls_are_told_apart_by_their_first_octet(value):
    assert decode_control(memoryview(b"\xee" + value.encode()), 1) == value
    assert value.encode()[0] == value.KIND


@pytest.mark.parametrize(
    ("wire", "error"),
    [("", Malformed), ("02", Malformed), ("0100", Malformed), ("04", UnknownKind)],
)
def test_bad_controls(wire, error):
    with pytest.raises(error):
        decode_control(memoryview(bytes.fromhex(wire)), 0)


@pytest.mark.parametrize("epoch", range(4))
def test_the_header_tells_the_key_epoch(epoch):
    assert decode_header(bytes((epoch << 4 | 0x09, 0, 0, 0, 0))).epoch() == epoch


@pytest.mark.parametrize("kind", [0x04, 0x34, 0x03])
def test_later_versions_kinds_are_refused(kind):
    with pytest.raises(UnknownKind):
        decode_header(bytes((kind, 0, 0, 0, 0)))


def test_a_short_header_is_malformed():
    with pytest.raises(Malformed):
        decode_header(b"\x00\x01\x02\x03")


@given(st.binary(max_size=8))
def test_decode_raises_nothing_but_protocol_errors(data):
    for parse in (decode_header, lambda octets: decode_control(memoryview(octets), 0)):
        try:
            parse(data)
        except ProtocolError:
            continue
