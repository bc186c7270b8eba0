# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sizes of the port are those of the standards, and the model provider keeps them."""

import inspect

import pytest

from pqmesh import crypto
from pqmesh.errors import BadKey, BadTag
from support.model_crypto import ModelCrypto

MODEL = ModelCrypto()
SEED64, SEED32 = bytes(range(64)), bytes(range(32))


def test_sizes_are_those_of_fips_203_and_204():
    assert (crypto.KEM_PUBLIC_BYTES, crypto.KEM_CIPHERTEXT_BYTES) == (1184, 1088)
    assert (crypto.DSA_PUBLIC_BYTES, crypto.DSA_SIGNATURE_BYTES) == (1952, 3309)


def test_the_model_offers_the_whole_port():
    source = inspect.getsource(crypto)
    port = [line.split("(")[0][12:] for line in source.splitlines() if line[:12] == "        def "]
    assert len(port) == 9
    for name in port:
        assert callable(getattr(MODEL, name)), name


def test_the_model_agrees_with_itself():
    key = MODEL.kem_keypair(SEED64)
    ciphertext, shared = MODEL.kem_encapsulate(key, SEED32)
    assert len(key) == crypto.KEM_PUBLIC_BYTES
    assert len(ciphertext) == crypto.KEM_CIPHERTEXT_BYTES
    assert MODEL.kem_decapsulate(SEED64, ciphertext) == shared
    spoilt = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    assert MODEL.kem_decapsulate(SEED64, spoilt) != shared


def test_the_model_refuses_what_the_real_thing_refuses():
    with pytest.raises(BadKey):
        MODEL.kem_encapsulate(bytes(1184), SEED32)
    signature = MODEL.sign(SEED32, b"text", b"context", bytes(32))
    public = MODEL.dsa_public_key(SEED32)
    assert MODEL.verify(public, b"text", b"context", signature)
    assert not MODEL.verify(public, b"text", b"another", signature)
    assert not MODEL.verify(public, b"text", b"context", signature[:-1])
    sealed = MODEL.seal(SEED32, bytes(13), b"aad", b"plain", 8)
    assert MODEL.open(SEED32, bytes(13), b"aad", sealed, 8) == b"plain"
    with pytest.raises(BadTag):
        MODEL.open(SEED32, bytes(13), b"AAD", sealed, 8)
