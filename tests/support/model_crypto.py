# SPDX-License-Identifier: MIT OR Apache-2.0
"""A toy crypto provider for runtimes without C: the right sizes, no security whatever.

Deterministic, made of SHA-256, and the same on CPython and MicroPython, so that a scenario
prints one transcript everywhere. It keeps the *shapes* of the real thing: a wrong key, name,
transcript or octet makes the same step fail that would fail with ML-KEM and ML-DSA.
"""

import hashlib

from pqmesh.errors import BadKey, BadTag

_EK, _CT, _PK, _SIG = 1184, 1088, 1952, 3309


def _hash(*parts):
    digest = hashlib.sha256(b"pqmesh model")
    for part in parts:
        digest.update(len(part).to_bytes(2, "big"))
        digest.update(part)
    return digest.digest()


def _stretch(seed, size):
    out = bytearray(size)
    for at in range(0, size, 32):
        block = hashlib.sha256(seed + at.to_bytes(2, "big")).digest()
        out[at : at + 32] = block[: size - at]
    return bytes(out)


def _mask(data, seed):
    out = bytearray(data)  # in place: a list of octets would not fit a board's heap
    for at in range(0, len(out), 32):
        block = hashlib.sha256(seed + at.to_bytes(2, "big")).digest()
        for index in range(at, min(at + 32, len(out))):
            out[index] ^= block[index - at]
    return bytes(out)


class ModelCrypto:
    """The port of pqmesh.crypto, in plain sight."""

    def kem_keypair(self, seed):
        body = _stretch(_hash(b"ek", seed), _EK - 32)
        return body + _hash(b"ek check", body)

    def kem_encapsulate(self, public_key, coins):
        body, check = public_key[: _EK - 32], public_key[_EK - 32 :]
        if len(public_key) != _EK or _hash(b"ek check", body) != bytes(check):
            raise BadKey("the model's check of an encapsulation key")
        hidden = _mask(coins, _hash(b"ct", public_key))
        return hidden + _stretch(_hash(b"fill", hidden, public_key), _CT - 32), _hash(
            b"ss", coins, public_key
        )

    def kem_decapsulate(self, seed, ciphertext):
        public_key = self.kem_keypair(seed)
        coins = _mask(ciphertext[:32], _hash(b"ct", public_key))
        again, shared = self.kem_encapsulate(public_key, coins)
        return shared if again == bytes(ciphertext) else _hash(b"reject", seed, ciphertext)

    def dsa_public_key(self, seed):
        return _stretch(_hash(b"pk", seed), _PK)

    def sign(self, seed, message, context, rnd):
        core = _hash(b"sig", self.dsa_public_key(seed), message, context, rnd) + rnd
        return core + _stretch(core, _SIG - 64)

    def verify(self, public_key, message, context, signature):
        if len(public_key) != _PK or len(signature) != _SIG:
            return False
        rnd = bytes(signature[32:64])
        core = _hash(b"sig", bytes(public_key), message, context, rnd) + rnd
        return core + _stretch(core, _SIG - 64) == bytes(signature)

    def seal(self, key, nonce, aad, plaintext, tag_bytes):
        hidden = _mask(plaintext, _hash(b"aead", key, nonce))
        return hidden + _hash(b"tag", key, nonce, aad, hidden)[:tag_bytes]

    def open(self, key, nonce, aad, ciphertext, tag_bytes):
        at = len(ciphertext) - tag_bytes
        hidden = bytes(ciphertext[:at])
        if at < 0 or bytes(ciphertext[at:]) != _hash(b"tag", key, nonce, aad, hidden)[:tag_bytes]:
            raise BadTag("the model's tag")
        return _mask(hidden, _hash(b"aead", key, nonce))

    def sha256(self, data):
        return hashlib.sha256(data).digest()


class CountingEntropy:
    """Deterministic "randomness": the n-th draw is a hash of the name and n."""

    def __init__(self, name):
        self._name = name
        self.draws = 0

    def __call__(self, size):
        self.draws += 1
        return _stretch(_hash(b"entropy", self._name, self.draws.to_bytes(4, "big")), size)
