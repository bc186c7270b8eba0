# SPDX-License-Identifier: MIT OR Apache-2.0
"""The 1,974-byte SubjectPublicKeyInfo, and PeerIds."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pqmesh_host.primitives.pyca import PYCA
from pqmesh_host.quic.rawkey import SPKI_BYTES, SPKI_PREFIX, RawPublicKey
from support.quic_pair import identity, local_key


def test_the_encoding_is_pycas():
    key = mldsa.MLDSA65PrivateKey.from_seed_bytes(identity("x").seed).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert local_key("x").public.spki == spki
    assert len(spki) == SPKI_BYTES == 1974
    assert RawPublicKey(spki).public_bytes(Encoding.DER) == spki
    assert RawPublicKey(spki).raw == key.public_bytes_raw()


def test_the_peer_id_is_ant_quics():
    """Vector of ant-quic-wire §3.1: byte i of the key is i mod 256."""
    key = RawPublicKey(SPKI_PREFIX + bytes(i % 256 for i in range(1952)))
    expected = "7241ff27d2b68665e7edb3d3b12afe998ef7a631dca4140be93954556816cc87"
    assert key.peer_id.hex() == expected
    assert key.peer_id != hashlib.sha256(key.raw).digest()


@pytest.mark.parametrize(
    "spki",
    [
        b"",
        SPKI_PREFIX,
        SPKI_PREFIX + bytes(1951),
        SPKI_PREFIX + bytes(1953),
        bytes(1974),
        # The OID of ML-DSA-44 with the rest in place.
        SPKI_PREFIX.replace(b"\x03\x12", b"\x03\x11") + bytes(1952),
    ],
)
def test_anything_else_is_refused(spki):
    with pytest.raises(ValueError, match="not an ML-DSA-65"):
        RawPublicKey(spki)


def test_signatures_verify_and_are_hedged():
    key = local_key("x")
    first, second = key.sign(b"message"), key.sign(b"message")
    assert first != second
    assert PYCA.verify(key.public.raw, b"message", first)
