# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests' model of the cryptography, with a clock: right sizes, right failures, no security.

The work costs *virtual* time, that of a Cortex-M4 at 64 MHz with pqm4's m4fstack code, which
constrained-design 2.3 assumes: a link is measured here, not a chip.
"""

from __future__ import annotations

from support.model_crypto import ModelCrypto

KEM_US = 11_000
SIGN_US = 380_000
VERIFY_US = 90_000


class LinkCrypto(ModelCrypto):
    """The port of pqmesh.crypto for one node. ``work`` hands over the time it has cost."""

    def __init__(self) -> None:
        self._spent_us = 0

    def work(self) -> int:
        """The CPU time in us since the last call."""
        spent, self._spent_us = self._spent_us, 0
        return spent

    def kem_keypair(self, seed: bytes) -> bytes:
        self._spent_us += KEM_US
        return super().kem_keypair(seed)

    def kem_encapsulate(self, public_key: bytes, coins: bytes) -> tuple[bytes, bytes]:
        self._spent_us += KEM_US
        return super().kem_encapsulate(public_key, coins)

    def kem_decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        shared = super().kem_decapsulate(seed, ciphertext)
        self._spent_us -= KEM_US  # the real one does both of the model's operations in one
        return shared

    def sign(self, seed: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
        self._spent_us += SIGN_US
        return super().sign(seed, message, context, rnd)

    def verify(self, public_key: bytes, message: bytes, context: bytes, signature: bytes) -> bool:
        self._spent_us += VERIFY_US
        return super().verify(public_key, message, context, signature)
