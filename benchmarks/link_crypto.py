# SPDX-License-Identifier: MIT OR Apache-2.0
"""A crypto provider for link simulations: the right sizes, the right failures, no security.

What crosses the air has the length it has with ML-KEM-768, ML-DSA-65 and AES-256-CCM; a wrong
key, tag or signature fails. The work costs *virtual* time, that of a Cortex-M4 at 64 MHz with
pqm4's m4fstack code, which constrained-design 2.3 assumes: a link is measured here, not a chip.
"""

from __future__ import annotations

import hashlib

from pqmesh.crypto import (
    DSA_PUBLIC_BYTES,
    DSA_SIGNATURE_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
)
from pqmesh.errors import BadKey, BadTag

KEM_US = 11_000
SIGN_US = 380_000
VERIFY_US = 90_000


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha256(b"link bench")
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


def _stretch(seed: bytes, size: int) -> bytes:
    return hashlib.shake_128(seed).digest(size)


class LinkCrypto:
    """The port of pqmesh.crypto for one node. ``work`` hands over the time it has cost."""

    def __init__(self) -> None:
        self._spent_us = 0

    def work(self) -> int:
        """The CPU time in us since the last call."""
        spent, self._spent_us = self._spent_us, 0
        return spent

    def kem_keypair(self, seed: bytes) -> bytes:
        self._spent_us += KEM_US
        body = _stretch(_digest(b"ek", seed), KEM_PUBLIC_BYTES - 32)
        return body + _digest(b"ek check", body)

    def kem_encapsulate(self, public_key: bytes, coins: bytes) -> tuple[bytes, bytes]:
        self._spent_us += KEM_US
        key = bytes(public_key)
        if len(key) != KEM_PUBLIC_BYTES or _digest(b"ek check", key[:-32]) != key[-32:]:
            raise BadKey("not a key of this bench")
        hidden = bytes(a ^ b for a, b in zip(coins, _digest(b"ct", key), strict=True))
        fill = _stretch(_digest(b"fill", hidden, key), KEM_CIPHERTEXT_BYTES - 32)
        return hidden + fill, _digest(b"ss", bytes(coins), key)

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        key = self.kem_keypair(seed)
        sent = bytes(ciphertext)
        coins = bytes(a ^ b for a, b in zip(sent[:32], _digest(b"ct", key), strict=True))
        again, shared = self.kem_encapsulate(key, coins)
        self._spent_us -= KEM_US  # the real one does all of this in one operation
        return shared if again == sent else _digest(b"reject", seed, sent)

    def dsa_public_key(self, seed: bytes) -> bytes:
        return _stretch(_digest(b"pk", seed), DSA_PUBLIC_BYTES)

    def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
        self._spent_us += SIGN_US
        return self._signature(self.dsa_public_key(seed), message, context, rnd)

    def verify(self, public_key: bytes, message: bytes, context: bytes, signature: bytes) -> bool:
        self._spent_us += VERIFY_US
        rnd = bytes(signature[32:64])
        return self._signature(public_key, message, context, rnd) == bytes(signature)

    def seal(
        self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> bytes:
        hidden = _cipher(key, nonce, plaintext)
        return hidden + _digest(b"tag", key, nonce, aad, hidden)[:tag_bytes]

    def open(
        self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, tag_bytes: int
    ) -> bytes:
        at = len(ciphertext) - tag_bytes
        hidden, tag = bytes(ciphertext[:at]), bytes(ciphertext[at:])
        if at < 0 or tag != _digest(b"tag", key, nonce, aad, hidden)[:tag_bytes]:
            raise BadTag("not sealed with this key")
        return _cipher(key, nonce, hidden)

    def sha256(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    @staticmethod
    def _signature(public_key: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
        core = _digest(b"sig", bytes(public_key), message, context, bytes(rnd)) + bytes(rnd)
        return core + _stretch(core, DSA_SIGNATURE_BYTES - 64)


def _cipher(key: bytes, nonce: bytes, data: bytes) -> bytes:
    size = len(data)
    pad = int.from_bytes(_stretch(_digest(b"aead", bytes(key), bytes(nonce)), size), "big")
    return (int.from_bytes(data, "big") ^ pad).to_bytes(size, "big")


class Draws:
    """Deterministic "randomness" of one node: the n-th draw is a hash of the seed and n."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._draws = 0

    def __call__(self, size: int) -> bytes:
        self._draws += 1
        return _stretch(_digest(self._seed, self._draws.to_bytes(4, "big")), size)
