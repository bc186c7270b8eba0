# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden octets of the objects of HS-K, and the lengths the rest relies on."""

import pytest

from pqmesh.engine.sender import fragments_needed
from pqmesh.errors import Malformed, UsageError
from pqmesh.limits import MAX_FRAGMENTS, RADIO_LINK
from pqmesh.wire import handshake, hs_k
from pqmesh.wire.hs_k import (
    Confirm,
    CredentialPart,
    Introduction,
    KnownAnswer,
    KnownOffer,
    NeedCredential,
)
from pqmesh.wire.layout import decode

EK, CT, MAC = b"\xe1" * 1184, b"\xc1" * 1088, b"\xaa" * 16

# Written out by hand from docs/wire.md. Changing one is a protocol change, not a test fix.
GOLDEN = [
    (KnownOffer(EK, CT), "e1" * 1184 + "c1" * 1088),
    (Introduction(b"\x01" * 32, b"\x02" * 8), "01" * 32 + "02" * 8),
    (KnownAnswer(0x0102, 0x0304, CT, CT), "0102 0304" + "c1" * 2176),
    (Confirm(0x86, 0x0304, MAC), "86 0304" + "aa" * 16),
    (NeedCredential(0x87, 0x0102, 0x0304, MAC), "87 0102 0304" + "aa" * 16),
    (CredentialPart(0x0304), "0304"),
]
IDS = [type(value).__name__ for value, _ in GOLDEN]


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_golden(value, wire):
    assert value.encode() == bytes.fromhex(wire)
    assert decode(type(value), bytes.fromhex(wire)) == value


def test_every_object_has_a_golden_frame():
    assert {type(value) for value, _ in GOLDEN} == set(hs_k.ALL)


@pytest.mark.parametrize(("value", "wire"), GOLDEN, ids=IDS)
def test_another_length_is_malformed(value, wire):
    octets = bytes.fromhex(wire)
    for bad in (octets[:-1], octets + b"\x00", b""):
        with pytest.raises(Malformed):
            decode(type(value), bad)


def test_the_lengths_add_up():
    sizes = {type(value): len(value.encode()) for value, _ in GOLDEN}
    assert sizes[KnownOffer] == hs_k.KNOWN_OFFER_BYTES
    assert sizes[Introduction] == hs_k.INTRODUCTION_BYTES
    assert sizes[KnownAnswer] == hs_k.KNOWN_ANSWER_BYTES
    assert sizes[Confirm] == hs_k.CONFIRM_BYTES
    assert sizes[NeedCredential] == hs_k.NEED_CREDENTIAL_BYTES
    assert sizes[CredentialPart] == hs_k.PART_FIXED_BYTES
    params = handshake.PARAMS_BYTES
    sealed = sizes[Introduction] + params + handshake.SEAL_TAG_BYTES
    assert sealed == hs_k.SEALED_INTRODUCTION_BYTES
    assert sizes[KnownOffer] + sealed == hs_k.OFFER_BYTES
    assert sizes[KnownAnswer] + params + handshake.MAC_BYTES == hs_k.ANSWER_BYTES
    assert (hs_k.part_bytes(hs_k.PART_1), hs_k.part_bytes(hs_k.PART_2)) == (3370, 3369)


def test_a_credential_goes_in_halves_because_it_does_not_go_at_once():
    assert sum(hs_k.HALVES) == hs_k.CREDENTIAL_BYTES
    with pytest.raises(UsageError):
        fragments_needed(hs_k.CREDENTIAL_BYTES + 18, RADIO_LINK.mtu)
    for number in (hs_k.PART_1, hs_k.PART_2):
        assert fragments_needed(hs_k.part_bytes(number), RADIO_LINK.mtu) == 17 <= MAX_FRAGMENTS
