# SPDX-License-Identifier: MIT OR Apache-2.0
"""HostCrypto against published vectors, against itself, and against every wrong size."""

import ast
import hashlib
import inspect
import pathlib
import re

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem
from hypothesis import given, settings
from hypothesis import strategies as st

import pqmesh.crypto
from pqmesh.errors import BadKey, BadTag, UsageError
from pqmesh_host.crypto import HostCrypto

CRYPTO = HostCrypto()
KEM_SEED = bytes(range(64))
DSA_SEED = bytes(range(32))


OPERATIONS = ["kem_keypair", "kem_encapsulate", "kem_decapsulate", "dsa_public_key", "sign"]
OPERATIONS += ["verify", "seal", "open", "sha256"]


def test_the_port_is_checked_by_type_too():
    """mypy sees the assignment in crypto.py; here, that the port's own list is complete."""
    source = inspect.getsource(pqmesh.crypto)
    port = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ClassDef))
    assert [n.name for n in port.body if isinstance(n, ast.FunctionDef)] == OPERATIONS
    assert all(callable(getattr(CRYPTO, name)) for name in OPERATIONS)


def test_kem_keys_are_the_seed_form_of_fips_203():
    key = mlkem.MLKEM768PrivateKey.from_seed_bytes(KEM_SEED)
    assert CRYPTO.kem_keypair(KEM_SEED) == key.public_key().public_bytes_raw()
    assert len(CRYPTO.kem_keypair(KEM_SEED)) == 1184


def test_kem_agrees_both_ways():
    ciphertext, shared = CRYPTO.kem_encapsulate(CRYPTO.kem_keypair(KEM_SEED), bytes(32))
    assert (len(ciphertext), len(shared)) == (1088, 32)
    assert CRYPTO.kem_decapsulate(KEM_SEED, ciphertext) == shared


def test_a_foreign_ciphertext_is_rejected_implicitly():
    ciphertext, shared = CRYPTO.kem_encapsulate(CRYPTO.kem_keypair(KEM_SEED), bytes(32))
    bent = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    other = CRYPTO.kem_decapsulate(KEM_SEED, bent)
    assert len(other) == 32
    assert other != shared
    assert other == CRYPTO.kem_decapsulate(KEM_SEED, bent)


@pytest.mark.parametrize("key", [b"", bytes(1183), bytes(1185), b"\xff" * 1184])
def test_a_bad_encapsulation_key_is_the_peers_fault(key):
    with pytest.raises(BadKey):
        CRYPTO.kem_encapsulate(key, bytes(32))


def test_signatures_verify_with_pyca_and_carry_the_context():
    signature = CRYPTO.sign(DSA_SEED, b"message", b"context", bytes(32))
    assert len(signature) == 3309
    public = CRYPTO.dsa_public_key(DSA_SEED)
    mldsa.MLDSA65PublicKey.from_public_bytes(public).verify(signature, b"message", b"context")
    assert CRYPTO.verify(public, b"message", b"context", signature)
    assert not CRYPTO.verify(public, b"message", b"", signature)
    assert not CRYPTO.verify(public, b"Message", b"context", signature)


def test_signing_with_another_seed_is_not_served_from_the_cache():
    other = bytes(32)
    first, second = CRYPTO.dsa_public_key(DSA_SEED), CRYPTO.dsa_public_key(other)
    assert first != second
    signature = CRYPTO.sign(other, b"m", b"", bytes(32))
    assert CRYPTO.verify(second, b"m", b"", signature)
    assert not CRYPTO.verify(first, b"m", b"", signature)


@pytest.mark.parametrize(
    ("public", "context", "signature"),
    [
        (bytes(1951), b"", bytes(3309)),
        (bytes(1952), b"", bytes(3308)),
        (bytes(1952), bytes(256), bytes(3309)),
        (bytes(1952), b"", bytes(3309)),
    ],
)
def test_malformed_signature_input_is_false_not_an_error(public, context, signature):
    assert CRYPTO.verify(public, b"m", context, signature) is False


def cavp_groups():
    """NIST CAVP DVPT256 (decryption and verification), as records of one group each."""
    folder = pathlib.Path(cryptography_vectors.__file__).parent
    text = (folder / "ciphers/AES/CCM/DVPT256.rsp").read_text()
    sizes, record = {}, {}
    for line in text.splitlines():
        if line.startswith("[Alen"):
            sizes = {k: int(v) for k, v in re.findall(r"(\w+) = (\d+)", line)}
        elif " = " in line:
            name, _, value = line.partition(" = ")
            if name == "Count":
                record = {"Key": record["Key"]}
            record[name] = value
            if name == "Payload" or value == "Fail":
                yield sizes, record


def test_ccm_opens_and_refuses_what_nist_says():
    seen = {"Pass": 0, "Fail": 0}
    for sizes, record in cavp_groups():
        result = record["Result"]
        if sizes["Nlen"] != 13:
            continue
        seen[result] += 1
        key, nonce = bytes.fromhex(record["Key"]), bytes.fromhex(record["Nonce"])
        aad = bytes.fromhex(record["Adata"])[: sizes["Alen"]]
        sealed = bytes.fromhex(record["CT"])
        if result == "Fail":
            with pytest.raises(BadTag):
                CRYPTO.open(key, nonce, aad, sealed, sizes["Tlen"])
            continue
        plaintext = bytes.fromhex(record["Payload"])[: sizes["Plen"]]
        assert CRYPTO.open(key, nonce, aad, sealed, sizes["Tlen"]) == plaintext
        assert CRYPTO.seal(key, nonce, aad, plaintext, sizes["Tlen"]) == sealed
    assert seen["Pass"]
    assert seen["Fail"]


@given(
    plaintext=st.binary(max_size=300),
    aad=st.binary(max_size=40),
    tag=st.sampled_from([4, 6, 8, 10, 12, 14, 16]),
    bend=st.integers(min_value=0, max_value=10_000),
)
@settings(max_examples=60)
def test_any_changed_bit_fails_the_tag(plaintext, aad, tag, bend):
    sealed = CRYPTO.seal(b"k" * 32, b"n" * 13, aad, plaintext, tag)
    assert len(sealed) == len(plaintext) + tag
    assert CRYPTO.open(b"k" * 32, b"n" * 13, aad, sealed, tag) == plaintext
    at = bend % len(sealed)
    bent = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
    with pytest.raises(BadTag):
        CRYPTO.open(b"k" * 32, b"n" * 13, aad, bent, tag)


@pytest.mark.parametrize("size", [0, 7, 0xFFFF + 9])
def test_a_ciphertext_of_impossible_length_fails_the_tag(size):
    with pytest.raises(BadTag):
        CRYPTO.open(b"k" * 32, b"n" * 13, b"", bytes(size), 8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: CRYPTO.kem_keypair(bytes(63)),
        lambda: CRYPTO.kem_decapsulate(KEM_SEED, bytes(1087)),
        lambda: CRYPTO.dsa_public_key(bytes(31)),
        lambda: CRYPTO.sign(DSA_SEED, b"", bytes(256), bytes(32)),
        lambda: CRYPTO.seal(bytes(16), bytes(13), b"", b"", 8),
        lambda: CRYPTO.seal(bytes(32), bytes(12), b"", b"", 8),
        lambda: CRYPTO.seal(bytes(32), bytes(13), b"", b"", 7),
        lambda: CRYPTO.seal(bytes(32), bytes(13), b"", b"", 18),
        lambda: CRYPTO.seal(bytes(32), bytes(13), b"", bytes(0x10000), 8),
    ],
)
def test_our_own_wrong_sizes_are_usage_errors(call):
    with pytest.raises(UsageError):
        call()


def test_sha256():
    assert CRYPTO.sha256(b"abc") == hashlib.sha256(b"abc").digest()


def test_every_buffer_type_is_taken():
    ciphertext, shared = CRYPTO.kem_encapsulate(bytearray(CRYPTO.kem_keypair(KEM_SEED)), b"")
    assert CRYPTO.kem_decapsulate(memoryview(KEM_SEED), bytearray(ciphertext)) == shared
    sealed = CRYPTO.seal(bytearray(32), bytearray(13), bytearray(b"a"), memoryview(b"p"), 8)
    assert CRYPTO.open(bytes(32), memoryview(bytes(13)), b"a", bytearray(sealed), 8) == b"p"
