# SPDX-License-Identifier: MIT OR Apache-2.0
"""A PeerId is ant-quic's, and an identity is its seed."""

import hashlib

import pytest

from pqmesh.errors import Malformed, UsageError
from pqmesh.identity import Identity, peer_id_of, short
from support.model_crypto import ModelCrypto

MODEL = ModelCrypto()


def test_peer_id_is_the_separated_hash_of_the_key():
    key = bytes(i % 251 for i in range(1952))
    assert peer_id_of(key) == hashlib.sha256(b"AUTONOMI_PEER_ID_V2:" + key).digest()
    assert peer_id_of(memoryview(key)) == peer_id_of(key)


@pytest.mark.parametrize("size", [0, 1951, 1953])
def test_a_key_of_another_length_has_no_name(size):
    with pytest.raises(Malformed):
        peer_id_of(bytes(size))


def test_short_is_the_first_eight_bytes():
    assert short(bytes(range(32))) == "0001020304050607"


def test_an_identity_signs_in_its_own_name():
    one = Identity(b"\x01" * 32, MODEL)
    assert one.peer_id == peer_id_of(one.public_key)
    signature = one.sign(b"text", b"context", bytes(32))
    assert MODEL.verify(one.public_key, b"text", b"context", signature)
    assert repr(one) == f"Identity({short(one.peer_id)})"
    assert one.seed.hex() not in repr(one)


def test_a_seed_of_another_length_is_refused():
    with pytest.raises(UsageError):
        Identity(bytes(31), MODEL)
