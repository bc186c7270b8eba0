# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of provisioning, and what its parser refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Malformed, ProtocolError, UnknownKind
from pqmesh.wire import mesh
from pqmesh.wire import provisioning as wire

TAG, OTHER, KEY = b"\x77" * 8, b"\x88" * 8, b"\x99" * 1184

# Written out by hand from docs/wire.md. Changing one is a protocol change, not a test fix.
GOLDEN = [
    (
        wire.begin(0x01020304, 5, b"\xee" * 32, TAG, OTHER),
        "50 01 01020304 0005" + "ee" * 32 + "77" * 8 + "88" * 8,
    ),
    (
        wire.ready(1, TAG, 3, (16, 9), 4, OTHER),
        "51 01" + "77" * 8 + "0003 0010 0009 0004" + "88" * 8,
    ),
    (wire.start(1, 3, 64), "52 01 0003 40"),
    (wire.part(1024, b"abc"), "53 0400 616263"),
    (wire.prekey(7, KEY), "54 0007" + "99" * 1184),
    (wire.finish(b"\xa0"), "55 a0"),
    (wire.done(2, 16), "56 0002 0010"),
    (wire.refused("no"), "57 6e6f"),
    (wire.now(0x01020304), "58 01020304"),
]


@pytest.mark.parametrize(("made", "octets"), GOLDEN, ids=[text[:2] for _, text in GOLDEN])
def test_golden(made, octets):
    assert made == bytes.fromhex(octets)
    value = wire.parse(made)
    assert value.encode() == made
    assert wire.is_provisioning(made)


def test_every_object_has_golden_octets():
    assert {type(wire.parse(made)) for made, _ in GOLDEN} == set(wire.ALL)


def test_a_mesh_message_is_none_of_these():
    message = mesh.reading(b"12345678", "soil", 1, "", 0).encode()
    assert not wire.is_provisioning(message)
    assert not wire.is_provisioning(b"")
    with pytest.raises(UnknownKind, match="not a message"):
        wire.parse(message)


def test_another_version_is_said_to_be_one():
    with pytest.raises(UnknownKind, match="version 2"):
        wire.parse(b"\x50\x02and whatever that has")


@pytest.mark.parametrize("made", [wire.ready(2, TAG, 0, (0, 0), 0, TAG), wire.start(0x80, 0, 0)])
def test_unknown_flags_are_refused(made):
    with pytest.raises(Malformed, match="unknown flags"):
        wire.parse(made)


def test_a_long_reason_is_cut():
    value = wire.parse(wire.refused("x" * 500))
    assert value == wire.Refused(0x57, b"x" * 128)


@given(st.binary(max_size=1300))
def test_any_octets_parse_to_what_they_encode_or_are_refused(octets):
    for first in range(0x50, 0x59):
        message = bytes([first]) + octets
        try:
            value = wire.parse(message)
        except ProtocolError:
            continue
        assert value.encode() == message
