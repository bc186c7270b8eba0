# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of the handshake's objects, and the lengths the rest relies on."""

import pytest

from pqmesh.crypto import KEM_CIPHERTEXT_BYTES, KEM_PUBLIC_BYTES
from pqmesh.errors import Malformed
from pqmesh.wire import handshake
from pqmesh.wire.handshake import Answer, Credential, Finish, Offer, Params
from pqmesh.wire.layout import decode

KEY, CIPHERTEXT = b"\xe1" * KEM_PUBLIC_BYTES, b"\xc1" * KEM_CIPHERTEXT_BYTES
NONCE = bytes(range(16))

# Written out by hand from docs/wire.md. Changing one is a protocol change, not a test fix.
GOLDEN = [
    (
        Offer(1, 0, 1, 0, 0x0102, NONCE, KEY),
        "01 00 01 00 0102 000102030405060708090a0b0c0d0e0f" + "e1" * 1184,
    ),
    (
        Answer(0x0102, 0x0304, 1, 1, NONCE, CIPHERTEXT),
        "0102 0304 01 01 000102030405060708090a0b0c0d0e0f" + "c1" * 1088,
    ),
    (Finish(0x0304), "0304"),
    (Params(4096, 8, 0, bytes(4)), "1000 08 00 00000000"),
    (
        Credential(b"\x01" * 1952, b"\x02" * 3309, b"\x03" * 16),
        "01" * 1952 + "02" * 3309 + "03" * 16,
    ),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(handshake.ALL)


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_another_length_is_malformed(value, wire):
    octets = bytes.fromhex(wire)
    for bad in (octets[:-1], octets + b"\x00", b""):
        with pytest.raises(Malformed):
            decode(type(value), bad)


def test_the_lengths_add_up():
    sizes = {type(value): len(value.encode()) for value, _ in GOLDEN}
    assert sizes[Offer] == handshake.OFFER_BYTES == handshake.MESSAGE_BYTES[handshake.M1]
    assert sizes[Answer] == handshake.ANSWER_BYTES
    assert sizes[Finish] == handshake.FINISH_BYTES
    assert sizes[Params] == handshake.PARAMS_BYTES
    assert sizes[Credential] == handshake.CREDENTIAL_BYTES
    sealed = sizes[Credential] + sizes[Params] + handshake.SEAL_TAG_BYTES
    assert sealed == handshake.SEALED_BYTES
    assert handshake.MESSAGE_BYTES[handshake.M2] == sizes[Answer] + sealed
    assert handshake.MESSAGE_BYTES[handshake.M3] == sizes[Finish] + sealed
