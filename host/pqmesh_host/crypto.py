# SPDX-License-Identifier: MIT OR Apache-2.0
"""The host's provider of ``pqmesh.crypto``: pyca/cryptography, and nothing else.

pyca draws its own randomness: ``coins`` and ``rnd`` are accepted and not used, so
encapsulation and signatures cannot be reproduced here. The deterministic provider for
golden vectors is the C extension (tests/support). A secret lives in immutable Python
bytes and cannot be wiped; docs/threat-model.md says what that means.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from pqmesh.crypto import (
    AEAD_KEY_BYTES,
    AEAD_NONCE_BYTES,
    DSA_PUBLIC_BYTES,
    DSA_SEED_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    KEM_SEED_BYTES,
)
from pqmesh.errors import BadKey, BadTag, UsageError

if TYPE_CHECKING:
    from pqmesh.crypto import Crypto

MAX_CONTEXT_BYTES = 255


class HostCrypto:
    """ML-KEM-768, ML-DSA-65 and AES-256-CCM. Keys are seeds (FIPS 203 §7.1, FIPS 204 §6.1)."""

    def __init__(self) -> None:
        # A node signs with one identity; expanding its seed costs a fifth of a signature.
        self._signer: tuple[bytes, mldsa.MLDSA65PrivateKey] | None = None

    def kem_keypair(self, seed: bytes) -> bytes:
        """Return the 1184-byte encapsulation key of the 64-byte seed ``d || z``."""
        return _kem_key(seed).public_key().public_bytes_raw()

    def kem_encapsulate(self, public_key: bytes, coins: bytes = b"") -> tuple[bytes, bytes]:
        """Return (ciphertext 1088 B, shared secret 32 B); ``coins`` is not used.

        :raises BadKey: wrong length, or the modulus check of FIPS 203 §7.2 fails
        """
        if len(public_key) != KEM_PUBLIC_BYTES:
            raise BadKey(f"an ML-KEM-768 encapsulation key has {KEM_PUBLIC_BYTES} bytes")
        try:
            key = mlkem.MLKEM768PublicKey.from_public_bytes(bytes(public_key))
        except ValueError as error:
            raise BadKey("the encapsulation key fails the modulus check") from error
        shared, ciphertext = key.encapsulate()
        return ciphertext, shared

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        """Return the 32-byte shared secret; implicit rejection, so never a refusal.

        :raises UsageError: ``ciphertext`` is not 1088 bytes; the parser checks that first
        """
        _sized("ciphertext", ciphertext, KEM_CIPHERTEXT_BYTES)
        return _kem_key(seed).decapsulate(bytes(ciphertext))

    def dsa_public_key(self, seed: bytes) -> bytes:
        """Return the 1952-byte verification key of the 32-byte seed ``xi``."""
        return self._signing_key(seed).public_key().public_bytes_raw()

    def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes = b"") -> bytes:
        """Return a hedged pure ML-DSA-65 signature, 3309 bytes; ``rnd`` is not used.

        :raises UsageError: ``context`` is longer than 255 bytes (FIPS 204 §5.2)
        """
        if len(context) > MAX_CONTEXT_BYTES:
            raise UsageError(f"a signature context has at most {MAX_CONTEXT_BYTES} bytes")
        return self._signing_key(seed).sign(bytes(message), bytes(context))

    def verify(self, public_key: bytes, message: bytes, context: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is valid; False also for input of the wrong size."""
        if (
            len(public_key) != DSA_PUBLIC_BYTES
            or len(signature) != DSA_SIGNATURE_BYTES
            or len(context) > MAX_CONTEXT_BYTES
        ):
            return False
        key = mldsa.MLDSA65PublicKey.from_public_bytes(bytes(public_key))
        try:
            key.verify(bytes(signature), bytes(message), bytes(context))
        except InvalidSignature:
            return False
        return True

    def seal(
        self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> bytes:
        """AES-256-CCM with q = 2 (SP 800-38C): ciphertext, then the tag of 4..16 even bytes.

        :raises UsageError: a size is wrong, or the plaintext exceeds 65,535 bytes
        """
        if len(plaintext) > 0xFFFF:
            raise UsageError("AES-CCM with a 13-byte nonce seals at most 65535 bytes")
        return _ccm(key, nonce, tag_bytes).encrypt(bytes(nonce), bytes(plaintext), bytes(aad))

    def open(
        self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, tag_bytes: int
    ) -> bytes:
        """AES-256-CCM: return the plaintext.

        :raises BadTag: the tag does not verify, or there is no room for one
        """
        cipher = _ccm(key, nonce, tag_bytes)
        if not tag_bytes <= len(ciphertext) <= 0xFFFF + tag_bytes:
            raise BadTag("no ciphertext of this length exists")
        try:
            return cipher.decrypt(bytes(nonce), bytes(ciphertext), bytes(aad))
        except InvalidTag as error:
            raise BadTag("the tag does not verify") from error

    def sha256(self, data: bytes) -> bytes:
        """Return the 32-byte digest."""
        return hashlib.sha256(data).digest()

    def _signing_key(self, seed: bytes) -> mldsa.MLDSA65PrivateKey:
        seed = bytes(seed)
        if self._signer is None or self._signer[0] != seed:
            _sized("seed", seed, DSA_SEED_BYTES)
            self._signer = seed, mldsa.MLDSA65PrivateKey.from_seed_bytes(seed)
        return self._signer[1]


def _kem_key(seed: bytes) -> mlkem.MLKEM768PrivateKey:
    _sized("seed", seed, KEM_SEED_BYTES)
    return mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(seed))


def _ccm(key: bytes, nonce: bytes, tag_bytes: int) -> AESCCM:
    _sized("key", key, AEAD_KEY_BYTES)
    _sized("nonce", nonce, AEAD_NONCE_BYTES)
    if not 4 <= tag_bytes <= 16 or tag_bytes % 2:
        raise UsageError("tag_bytes is an even number from 4 to 16")
    return AESCCM(bytes(key), tag_length=tag_bytes)


def _sized(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise UsageError(f"{name} has {len(value)} bytes, want {size}")


def provider() -> Crypto:
    """Return a HostCrypto as the port; the type checker holds it to the contract here."""
    return HostCrypto()
