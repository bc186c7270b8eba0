# SPDX-License-Identifier: MIT OR Apache-2.0
"""The crypto port: what a provider must offer, as a duck type.

Everything in this package takes a provider as ``crypto`` and never imports one. The
providers are ``pqmesh_host.crypto.HostCrypto`` (CPython), ``pqmesh_node.crypto.BoardCrypto``
(the C module ``pqc``) and, in the tests, a deterministic one and a toy.

A provider keeps no state between calls. Keys are seeds, as FIPS 203 and FIPS 204 define
them: 64 bytes ``d || z`` for ML-KEM-768, 32 bytes ``xi`` for ML-DSA-65. Randomness
(``coins``, ``rnd``) is passed in; a provider whose library draws its own may ignore it.
Hashes come from ``hashlib``, which every board has; HMAC and HKDF are in ``kdf.py``.
"""

from .compat import TYPE_CHECKING, const

KEM_SEED_BYTES = const(64)
KEM_PUBLIC_BYTES = const(1184)  # FIPS 203, table 3
KEM_CIPHERTEXT_BYTES = const(1088)
KEM_SHARED_BYTES = const(32)
KEM_COINS_BYTES = const(32)
DSA_SEED_BYTES = const(32)
DSA_PUBLIC_BYTES = const(1952)  # FIPS 204, table 2
DSA_SIGNATURE_BYTES = const(3309)
DSA_RANDOM_BYTES = const(32)
AEAD_KEY_BYTES = const(32)
AEAD_NONCE_BYTES = const(13)  # leaves q = 2 octets of length: 65,535 bytes (SP 800-38C, A.1)

if TYPE_CHECKING:
    from typing import Protocol

    class Crypto(Protocol):
        """The nine operations. Any bytes-like input; ``bytes`` out."""

        def kem_keypair(self, seed: bytes) -> bytes:
            """Return the encapsulation key (1184 B) of a 64-byte seed."""

        def kem_encapsulate(self, public_key: bytes, coins: bytes) -> "tuple[bytes, bytes]":
            """Return (ciphertext 1088 B, shared secret 32 B).

            :raises pqmesh.errors.BadKey: ``public_key`` fails FIPS 203, section 7.2
            """

        def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
            """Return the shared secret; a foreign ciphertext gives a random-looking one."""

        def dsa_public_key(self, seed: bytes) -> bytes:
            """Return the verification key (1952 B) of a 32-byte seed."""

        def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
            """Return a pure ML-DSA-65 signature (3309 B), hedged with 32 bytes of ``rnd``."""

        def verify(
            self, public_key: bytes, message: bytes, context: bytes, signature: bytes
        ) -> bool:
            """Whether ``signature`` is valid. False, not an error, for malformed input."""

        def seal(
            self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
        ) -> bytes:
            """AES-256-CCM: return ciphertext || tag."""

        def open(
            self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, tag_bytes: int
        ) -> bytes:
            """AES-256-CCM: return the plaintext.

            :raises pqmesh.errors.BadTag: the tag does not verify
            """

        def sha256(self, data: bytes) -> bytes:
            """Return the 32-byte digest."""
