# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of a broadcast's objects, and what is refused without state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, ProtocolError, UnknownKind
from pqmesh.wire import objects
from pqmesh.wire.fragment import decode_fragment, fragment_kind
from pqmesh.wire.layout import decode
from pqmesh.wire.objects import (
    CODED_KIND,
    CODED_MODE,
    FETCH_BYTES,
    CodedFragment,
    ObjectHead,
    ObjFetch,
    decode_coded,
    decode_fetch,
)

GOLDEN = [
    (CodedFragment(0x4E, 0x10, b"flow", 3, 5, b"shard"), "4e 10 666c6f77 03 05 7368617264"),
    (
        ObjectHead(3373, 28, 1, b"about-it", b"objectid", b"sixsix"),
        "0d2d 1c 01 61626f75742d6974 6f626a6563746964 736978736978",
    ),
    (
        ObjFetch(0x88, 0, b"about-it", b"objectid", 7, b"once"),
        "88 00 61626f75742d6974 6f626a6563746964 00000007 6f6e6365",
    ),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(objects.ALL)


def test_a_fetch_has_the_length_it_was_designed_with():
    assert len(GOLDEN[2][0].encode()) == FETCH_BYTES == 26


def test_the_first_octet_is_that_of_a_fragment_of_no_handshake():
    assert fragment_kind(CODED_MODE) == CODED_KIND


def test_an_engine_that_knows_no_coding_refuses_it():
    with pytest.raises(UnknownKind):
        decode_fragment(GOLDEN[0][0].encode())


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("56 10 666c6f77 03 05", UnknownKind),  # version 2
        ("48 10 666c6f77 03 05", UnknownKind),  # of a handshake
        ("4e 00 666c6f77 03 05", Malformed),  # not coded
        ("4e 30 666c6f77 03 05", Malformed),  # wants a SACK
        ("4e 10 666c6f77 03 00", Malformed),
        ("4e 10 666c6f77 03 41", Malformed),  # 65 shards
        ("4e 10 666c6f77 03", Malformed),
    ],
)
def test_fragments_that_are_refused(header, error):
    with pytest.raises(error):
        decode_coded(bytes.fromhex(header))


@pytest.mark.parametrize(
    ("flags", "value", "error"),
    [
        (0x20, 0, UnknownKind),
        (0xC0, 0, UnknownKind),
        (0x00, 256, Malformed),
        (0x80, 1, Malformed),
    ],
)
def test_fetches_that_are_refused(flags, value, error):
    with pytest.raises(error):
        decode_fetch(ObjFetch(0x88, flags, bytes(8), bytes(8), value, bytes(4)).encode())
    with pytest.raises(UnknownKind):
        decode_fetch(ObjFetch(0x89, 0, bytes(8), bytes(8), 0, bytes(4)).encode())


def test_a_bitmap_may_have_all_its_bits():
    fetch = ObjFetch(0x88, 0x40, bytes(8), bytes(8), 0xFFFFFFFF, bytes(4))
    assert decode_fetch(fetch.encode()) == fetch


@given(st.binary(max_size=40))
def test_decoding_raises_nothing_but_protocol_errors(frame):
    for parse in (decode_coded, decode_fetch):
        try:
            value = parse(frame)
        except ProtocolError:
            continue
        assert value.encode() == frame
