# SPDX-License-Identifier: MIT OR Apache-2.0
"""The crypto port over the C code of ``firmware/c_pqc``: deterministic, for golden vectors.

Unlike the host's provider it uses ``coins`` and ``rnd``, so a scenario with fixed
randomness gives the same bytes every time. It behaves like ``pqmesh_host.crypto.HostCrypto``
otherwise; ``tests/unit/c_pqc/test_port.py`` holds the two against each other.
"""

from pqmesh.crypto import (
    AEAD_KEY_BYTES,
    AEAD_NONCE_BYTES,
    DSA_PUBLIC_BYTES,
    DSA_SEED_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_COINS_BYTES,
    KEM_PUBLIC_BYTES,
    KEM_SEED_BYTES,
    KEM_SHARED_BYTES,
)
from pqmesh.errors import BadKey, BadTag, UsageError

from .pqc_extension import pqc

MAX_CONTEXT_BYTES = 255
MAX_TEXT_BYTES = 0xFFFF


class PqcCrypto:
    """ML-KEM-768, ML-DSA-65, AES-256-CCM and SHA-256 by the C module ``pqc``."""

    def kem_keypair(self, seed: bytes) -> bytes:
        """Return the 1184-byte encapsulation key of the 64-byte seed ``d || z``."""
        _sized("seed", seed, KEM_SEED_BYTES)
        public_key = bytearray(KEM_PUBLIC_BYTES)
        pqc.kem_keypair(seed, public_key)
        return bytes(public_key)

    def kem_encapsulate(self, public_key: bytes, coins: bytes) -> tuple[bytes, bytes]:
        """Return (ciphertext 1088 B, shared secret 32 B), a function of key and coins.

        :raises BadKey: wrong length, or the modulus check of FIPS 203 section 7.2 fails
        """
        if len(public_key) != KEM_PUBLIC_BYTES:
            raise BadKey(f"an ML-KEM-768 encapsulation key has {KEM_PUBLIC_BYTES} bytes")
        _sized("coins", coins, KEM_COINS_BYTES)
        ciphertext, shared = bytearray(KEM_CIPHERTEXT_BYTES), bytearray(KEM_SHARED_BYTES)
        try:
            pqc.kem_encapsulate(public_key, coins, ciphertext, shared)
        except ValueError as error:
            raise BadKey("the encapsulation key fails the modulus check") from error
        return bytes(ciphertext), bytes(shared)

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        """Return the 32-byte shared secret; implicit rejection, so never a refusal."""
        _sized("seed", seed, KEM_SEED_BYTES)
        _sized("ciphertext", ciphertext, KEM_CIPHERTEXT_BYTES)
        shared = bytearray(KEM_SHARED_BYTES)
        pqc.kem_decapsulate(seed, ciphertext, shared)
        return bytes(shared)

    def dsa_public_key(self, seed: bytes) -> bytes:
        """Return the 1952-byte verification key of the 32-byte seed ``xi``."""
        _sized("seed", seed, DSA_SEED_BYTES)
        public_key = bytearray(DSA_PUBLIC_BYTES)
        pqc.dsa_keypair(seed, public_key)
        return bytes(public_key)

    def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
        """Return a pure ML-DSA-65 signature, 3309 bytes; 32 zero bytes of ``rnd``: deterministic.

        :raises UsageError: ``context`` is longer than 255 bytes (FIPS 204 section 5.2)
        """
        _sized("seed", seed, DSA_SEED_BYTES)
        if len(context) > MAX_CONTEXT_BYTES:
            raise UsageError(f"a signature context has at most {MAX_CONTEXT_BYTES} bytes")
        signature = bytearray(DSA_SIGNATURE_BYTES)
        pqc.dsa_sign(seed, message, context, rnd, signature)
        return bytes(signature)

    def verify(self, public_key: bytes, message: bytes, context: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is valid; False also for input of the wrong size."""
        if (
            len(public_key) != DSA_PUBLIC_BYTES
            or len(signature) != DSA_SIGNATURE_BYTES
            or len(context) > MAX_CONTEXT_BYTES
        ):
            return False
        verdict: bool = pqc.dsa_verify(public_key, message, context, signature)
        return verdict

    def seal(
        self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> bytes:
        """AES-256-CCM with q = 2 (SP 800-38C): ciphertext, then the tag of 4..16 even bytes."""
        _check_ccm(key, nonce, tag_bytes)
        if len(plaintext) > MAX_TEXT_BYTES:
            raise UsageError("AES-CCM with a 13-byte nonce seals at most 65535 bytes")
        out = bytearray(len(plaintext) + tag_bytes)
        pqc.ccm_seal(key, nonce, aad, plaintext, tag_bytes, out)
        return bytes(out)

    def open(
        self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, tag_bytes: int
    ) -> bytes:
        """AES-256-CCM: return the plaintext.

        :raises BadTag: the tag does not verify, or there is no room for one
        """
        _check_ccm(key, nonce, tag_bytes)
        if not tag_bytes <= len(ciphertext) <= MAX_TEXT_BYTES + tag_bytes:
            raise BadTag("no ciphertext of this length exists")
        out = bytearray(len(ciphertext) - tag_bytes)
        if not pqc.ccm_open(key, nonce, aad, ciphertext, tag_bytes, out):
            raise BadTag("the tag does not verify")
        return bytes(out)

    def sha256(self, data: bytes) -> bytes:
        """Return the 32-byte digest."""
        digest: bytes = pqc.sha256(data)
        return digest


def _check_ccm(key: bytes, nonce: bytes, tag_bytes: int) -> None:
    _sized("key", key, AEAD_KEY_BYTES)
    _sized("nonce", nonce, AEAD_NONCE_BYTES)
    if not 4 <= tag_bytes <= 16 or tag_bytes % 2:
        raise UsageError("tag_bytes is an even number from 4 to 16")


def _sized(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise UsageError(f"{name} has {len(value)} bytes, want {size}")
