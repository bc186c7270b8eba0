# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of the messages of HS-RK and HS-RP."""

import pytest

from pqmesh.errors import Malformed, UnknownKind
from pqmesh.wire import healing
from pqmesh.wire.handshake import HS_RK, HS_RP
from pqmesh.wire.healing import (
    Heal,
    HealCiphertext,
    Healed,
    HealKey,
    decode_heal,
)
from pqmesh.wire.layout import decode
from pqmesh.wire.resumption import HEAL_BYTES, R1_BYTES

NONCE, MAC = bytes(range(16)), b"\xaa" * 16

# Written out by hand from docs/wire.md. Changing one is a protocol change, not a test fix.
GOLDEN = [
    (
        Heal(b"\x77" * 8, NONCE, 0x0C, 0x0102, b"\xbb" * 8),
        "77" * 8 + "000102030405060708090a0b0c0d0e0f" + "0c 0102" + "bb" * 8,
    ),
    (HealKey(b"\x11" * 1184, MAC), "11" * 1184 + "aa" * 16),
    (HealCiphertext(b"\x22" * 1088, MAC), "22" * 1088 + "aa" * 16),
    (
        Healed(0x0102, 0x0304, NONCE, b"\x33" * 1088, MAC),
        "0102 0304 000102030405060708090a0b0c0d0e0f" + "33" * 1088 + "aa" * 16,
    ),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(healing.ALL)


def test_the_lengths():
    heal, key, ciphertext, healed = [len(value.encode()) for value, _ in GOLDEN]
    assert (heal, healed) == (HEAL_BYTES, healing.HEALED_BYTES) == (35, 1124)
    assert {HS_RK: heal + key, HS_RP: heal + ciphertext} == R1_BYTES
    assert list(R1_BYTES.values()) == [1235, 1139]


def test_the_beginning_says_mode_and_cid():
    assert GOLDEN[0][0].mode() == HS_RP
    assert GOLDEN[0][0].cid() == 0x0001


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_another_length_is_malformed(value, wire):
    octets = bytes.fromhex(wire)
    for bad in (octets[:-1], octets + b"\x00", b""):
        with pytest.raises(Malformed):
            decode(type(value), bad)


def test_a_beginning_is_read_from_the_whole_message_or_the_head():
    octets = bytes.fromhex(GOLDEN[0][1])
    assert decode_heal(octets, HS_RP) == decode_heal(octets + b"more", HS_RP) == GOLDEN[0][0]
    with pytest.raises(Malformed):
        decode_heal(octets[:-1], HS_RP)


def test_another_version_or_mode_than_the_fragments_say_is_refused():
    octets = bytes.fromhex(GOLDEN[0][1])
    for flags in (0, 0x0A, 0x0B, 0x14, 0x4C, 0x8C):
        with pytest.raises(UnknownKind):
            decode_heal(octets[:24] + bytes((flags,)) + octets[25:], HS_RP)
    with pytest.raises(UnknownKind):
        decode_heal(octets, HS_RK)


def test_a_key_of_its_own_needs_no_prekey():
    octets = Heal(b"\x77" * 8, NONCE, 0x0B, 0, bytes(8)).encode()
    assert decode_heal(octets, HS_RK).index == 0
    with pytest.raises(Malformed):
        decode_heal(octets[:26] + b"\x01" + octets[27:], HS_RK)
