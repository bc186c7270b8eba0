# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's provider of pqmesh.crypto: the C module ``pqc``, with one fixed workspace.

No cryptography here. ``pqc`` writes into buffers it is given; the port wants bytes back. The
workspace is allocated once, early, while the heap is whole: a signature needs one piece of
``pqc.WORKSPACE_BYTES``, and a fragmented heap may have that much and still not in one piece.
"""

import pqc
from pqmesh.crypto import (
    DSA_PUBLIC_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    KEM_SHARED_BYTES,
)
from pqmesh.errors import BadKey, BadTag


class BoardCrypto:
    """The nine operations of pqmesh.crypto.Crypto. Make it once, before anything large."""

    def __init__(self) -> None:
        pqc.set_workspace(bytearray(pqc.WORKSPACE_BYTES))

    def kem_keypair(self, seed: bytes) -> bytes:
        public_key = bytearray(KEM_PUBLIC_BYTES)
        pqc.kem_keypair(seed, public_key)
        return bytes(public_key)

    def kem_encapsulate(self, public_key: bytes, coins: bytes) -> "tuple[bytes, bytes]":
        ciphertext = bytearray(KEM_CIPHERTEXT_BYTES)
        shared = bytearray(KEM_SHARED_BYTES)
        try:
            pqc.kem_encapsulate(public_key, coins, ciphertext, shared)
        except ValueError:  # a wrong length, or FIPS 203 section 7.2's modulus check
            raise BadKey("not an ML-KEM-768 public key")
        return bytes(ciphertext), bytes(shared)

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        shared = bytearray(KEM_SHARED_BYTES)
        pqc.kem_decapsulate(seed, ciphertext, shared)
        return bytes(shared)

    def dsa_public_key(self, seed: bytes) -> bytes:
        public_key = bytearray(DSA_PUBLIC_BYTES)
        pqc.dsa_keypair(seed, public_key)
        return bytes(public_key)

    def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
        signature = bytearray(DSA_SIGNATURE_BYTES)
        pqc.dsa_sign(seed, message, context, rnd, signature)
        return bytes(signature)

    def verify(self, public_key: bytes, message: bytes, context: bytes, signature: bytes) -> bool:
        # The port promises False for malformed input; pqc raises for a wrong length.
        if len(public_key) != DSA_PUBLIC_BYTES or len(signature) != DSA_SIGNATURE_BYTES:
            return False
        return pqc.dsa_verify(public_key, message, context, signature)

    def seal(
        self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> bytes:
        out = bytearray(len(plaintext) + tag_bytes)
        pqc.ccm_seal(key, nonce, aad, plaintext, tag_bytes, out)
        return bytes(out)

    def open(
        self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, tag_bytes: int
    ) -> bytes:
        if len(ciphertext) < tag_bytes:
            raise BadTag("shorter than its tag")
        out = bytearray(len(ciphertext) - tag_bytes)
        if not pqc.ccm_open(key, nonce, aad, ciphertext, tag_bytes, out):
            raise BadTag("the tag does not verify")
        return bytes(out)

    def sha256(self, data: bytes) -> bytes:
        return pqc.sha256(data)
