# SPDX-License-Identifier: MIT OR Apache-2.0
"""pyca/cryptography, the default provider and the only required one."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem

from .port import (
    DSA_SEED_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    KemKey,
    Primitives,
    SigningKey,
    sized,
    verifiable,
)


class _KemKey:
    def __init__(self) -> None:
        self._key = mlkem.MLKEM768PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()

    def decapsulate(self, ciphertext: bytes) -> bytes:
        return self._key.decapsulate(sized("the ciphertext", ciphertext, KEM_CIPHERTEXT_BYTES))


class _SigningKey:
    def __init__(self, seed: bytes) -> None:
        self._key = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        return self._key.sign(message, context)


class Pyca:
    """OpenSSL, as pyca's wheels bring it."""

    name = "pyca"

    def kem_key(self) -> KemKey:
        return _KemKey()

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        raw = sized("an ML-KEM-768 encapsulation key", public_key, KEM_PUBLIC_BYTES)
        return mlkem.MLKEM768PublicKey.from_public_bytes(raw).encapsulate()

    def signing_key(self, seed: bytes) -> SigningKey:
        return _SigningKey(sized("a seed", seed, DSA_SEED_BYTES))

    def verify(
        self, public_key: bytes, message: bytes, signature: bytes, context: bytes = b""
    ) -> bool:
        if not verifiable(public_key, signature, context):
            return False
        try:
            mldsa.MLDSA65PublicKey.from_public_bytes(public_key).verify(
                signature, message, context
            )
        except InvalidSignature:
            return False
        return True


PYCA: Primitives = Pyca()
"""The one instance: it holds nothing."""
