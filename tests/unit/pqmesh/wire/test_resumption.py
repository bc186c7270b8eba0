# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of HS-R's messages."""

import pytest

from pqmesh.errors import Malformed, UnknownKind
from pqmesh.wire import resumption
from pqmesh.wire.layout import decode
from pqmesh.wire.resumption import Resume, Resumed, decode_resume

NONCE, MAC = bytes(range(16)), b"\xaa" * 16

# Written out by hand from docs/wire.md. Changing one is a protocol change, not a test fix.
GOLDEN = [
    (
        Resume(0x82, b"\x77" * 8, NONCE, 0x0A, MAC),
        "82" + "77" * 8 + "000102030405060708090a0b0c0d0e0f" + "0a" + "aa" * 16,
    ),
    (
        Resumed(0x83, 0x0102, 0x0304, NONCE, MAC),
        "83 0102 0304 000102030405060708090a0b0c0d0e0f" + "aa" * 16,
    ),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(resumption.ALL)


def test_the_lengths_are_those_of_constrained_design():
    sizes = [len(value.encode()) for value, _ in GOLDEN]
    assert sizes == [resumption.RESUME_BYTES, resumption.RESUMED_BYTES] == [42, 37]


def test_the_nonce_begins_with_the_cid():
    assert GOLDEN[0][0].cid() == 0x0001


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_another_length_is_malformed(value, wire):
    octets = bytes.fromhex(wire)
    for bad in (octets[:-1], octets + b"\x00", b""):
        with pytest.raises(Malformed):
            decode(type(value), bad)


def test_another_version_or_mode_is_refused():
    octets = bytes.fromhex(GOLDEN[0][1])
    assert decode_resume(octets) == GOLDEN[0][0]
    for flags in (0, 0x0B, 0x12, 0x4A, 0x8A):
        with pytest.raises(UnknownKind):
            decode_resume(octets[:25] + bytes((flags,)) + octets[26:])
