# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every provider against pyca: each takes what the other makes, and refuses the same.

The native one is built where a C compiler is; liboqs runs where it is installed, and its
adapter is tested against a double of liboqs-python everywhere (test_liboqs).
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh_host.primitives import choice, liboqs, native
from pqmesh_host.primitives.port import ProviderUnavailable
from pqmesh_host.primitives.pyca import PYCA
from tools.build_cpython_pqc import BuildError
from tools.build_native import load

SEED = bytes(range(32))


@pytest.fixture(scope="module", params=["pyca", "native", "liboqs"])
def provider(request):
    try:
        if request.param == "native":
            return native.of_module(load())
        return liboqs.load() if request.param == "liboqs" else PYCA
    except (ProviderUnavailable, BuildError) as reason:
        pytest.skip(str(reason))


def test_it_agrees_with_pyca(provider):
    assert choice.agrees(provider)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.binary(min_size=32, max_size=32), message=st.binary(), context=st.binary(max_size=9)
)
def test_signatures_are_taken_both_ways(provider, seed, message, context):
    ours, theirs = provider.signing_key(seed), PYCA.signing_key(seed)
    assert ours.public == theirs.public
    assert PYCA.verify(ours.public, message, ours.sign(message, context), context)
    assert provider.verify(ours.public, message, theirs.sign(message, context), context)


@settings(max_examples=8, deadline=None)
@given(at=st.integers(0, 3308), bit=st.integers(0, 7))
def test_a_bent_signature_is_refused(provider, at, bit):
    key = provider.signing_key(SEED)
    signature = bytearray(key.sign(b"message"))
    signature[at] ^= 1 << bit
    assert not provider.verify(key.public, b"message", bytes(signature))


def test_signatures_are_hedged(provider):
    key = provider.signing_key(SEED)
    assert key.sign(b"message") != key.sign(b"message")


def test_verification_minds_key_message_and_context(provider):
    key, other = provider.signing_key(SEED), provider.signing_key(bytes(32))
    signature = key.sign(b"message", b"context")
    assert provider.verify(key.public, b"message", signature, b"context")
    assert not provider.verify(other.public, b"message", signature, b"context")
    assert not provider.verify(key.public, b"massage", signature, b"context")
    assert not provider.verify(key.public, b"message", signature)
    assert not provider.verify(key.public, b"message", signature, bytes(256))
    assert not provider.verify(key.public[:-1], b"message", signature, b"context")
    assert not provider.verify(key.public, b"message", signature[:-1], b"context")


def test_secrets_are_shared_both_ways(provider):
    for mine, theirs in ((provider, PYCA), (PYCA, provider)):
        key = mine.kem_key()
        shared, ciphertext = theirs.encapsulate(key.public)
        assert (len(key.public), len(ciphertext), len(shared)) == (1184, 1088, 32)
        assert key.decapsulate(ciphertext) == shared


def test_a_bent_ciphertext_gives_another_secret(provider):
    key = provider.kem_key()
    shared, ciphertext = provider.encapsulate(key.public)
    bent = key.decapsulate(bytes((ciphertext[0] ^ 1,)) + ciphertext[1:])
    assert len(bent) == 32
    assert bent != shared


def test_keys_are_fresh(provider):
    key = provider.kem_key()
    assert key.public != provider.kem_key().public
    assert provider.encapsulate(key.public) != provider.encapsulate(key.public)


@pytest.mark.parametrize("bent", [b"", bytes(1183), bytes(1185), b"\xff" * 1184])
def test_an_encapsulation_key_is_checked(provider, bent):
    with pytest.raises(ValueError):
        provider.encapsulate(bent)


def test_sizes_are_checked(provider):
    with pytest.raises(ValueError, match="1088"):
        provider.kem_key().decapsulate(bytes(1087))
    with pytest.raises(ValueError, match="32"):
        provider.signing_key(bytes(31))
    with pytest.raises(ValueError):
        provider.signing_key(SEED).sign(b"message", bytes(256))
