# SPDX-License-Identifier: MIT OR Apache-2.0
"""The port: what a provider of ML-KEM-768 (FIPS 203) and ML-DSA-65 (FIPS 204) offers.

Keys are bytes at the border: 1184-byte encapsulation keys, 1088-byte ciphertexts, 1952-byte
verification keys, 3309-byte signatures, 32-byte seeds. Randomness is the provider's own.
"""

from __future__ import annotations

from typing import Protocol

KEM_PUBLIC_BYTES = 1184
KEM_CIPHERTEXT_BYTES = 1088
SHARED_BYTES = 32
DSA_SEED_BYTES = 32
DSA_PUBLIC_BYTES = 1952
DSA_SIGNATURE_BYTES = 3309
MAX_CONTEXT_BYTES = 255


class KemKey(Protocol):
    """One decapsulation key, for one handshake."""

    @property
    def public(self) -> bytes:
        """The 1184-byte encapsulation key."""

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """The 32-byte shared secret of 1088 bytes; implicit rejection, so never a refusal.

        :raises ValueError: the ciphertext has another length
        """


class SigningKey(Protocol):
    """One identity's signing key, expanded once."""

    @property
    def public(self) -> bytes:
        """The 1952-byte verification key."""

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        """A hedged pure ML-DSA-65 signature, 3309 bytes.

        :raises ValueError: ``context`` is longer than 255 bytes (FIPS 204 §5.2)
        """


class Primitives(Protocol):
    """A provider. Its objects may be used from one thread at a time."""

    @property
    def name(self) -> str:
        """For logs, figures and the configuration."""

    def kem_key(self) -> KemKey:
        """A fresh key pair."""

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        """(shared secret 32 B, ciphertext 1088 B) for an encapsulation key.

        :raises ValueError: wrong length, or the modulus check of FIPS 203 §7.2 fails
        """

    def signing_key(self, seed: bytes) -> SigningKey:
        """The key of a 32-byte seed (FIPS 204 §6.1).

        :raises ValueError: the seed has another length
        """

    def verify(
        self, public_key: bytes, message: bytes, signature: bytes, context: bytes = b""
    ) -> bool:
        """Whether the signature is valid; False also for anything of the wrong size."""


class ProviderUnavailable(Exception):
    """This machine lacks the provider; the message says what is missing."""


def verifiable(public_key: bytes, signature: bytes, context: bytes) -> bool:
    """Whether the sizes are those of something that could verify."""
    return (
        len(public_key) == DSA_PUBLIC_BYTES
        and len(signature) == DSA_SIGNATURE_BYTES
        and len(context) <= MAX_CONTEXT_BYTES
    )


def contextual(context: bytes) -> bytes:
    """``context`` as it is.

    :raises ValueError: longer than a signature's context may be
    """
    if len(context) > MAX_CONTEXT_BYTES:
        raise ValueError(f"a signature context has at most {MAX_CONTEXT_BYTES} bytes")
    return context


def sized(what: str, value: bytes, size: int) -> bytes:
    """``value`` as bytes.

    :raises ValueError: it has another length
    """
    if len(value) != size:
        raise ValueError(f"{what} has {len(value)} bytes, want {size}")
    return bytes(value)
