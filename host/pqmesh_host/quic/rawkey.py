# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-DSA-65 raw public keys (RFC 7250) as they travel in TLS Certificate messages.

30 82 07 b2                                     SEQUENCE, 1970 bytes
   30 0b 06 09 60 86 48 01 65 03 04 03 12       AlgorithmIdentifier id-ml-dsa-65, no parameters
   03 82 07 a1 00                               BIT STRING, 1953 bytes, no unused bits
   <1952 bytes>                                 the FIPS 204 public key
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pqmesh.identity import peer_id_of

from ..primitives.pyca import PYCA

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import Encoding

    from pqmesh.identity import Identity

    from ..primitives.port import Primitives

PUBLIC_KEY_BYTES = 1952
SIGNATURE_BYTES = 3309
SPKI_PREFIX = bytes.fromhex("308207b2300b0609608648016503040312038207a100")
SPKI_BYTES = len(SPKI_PREFIX) + PUBLIC_KEY_BYTES


class RawPublicKey:
    """A peer's SubjectPublicKeyInfo, exactly 1,974 bytes; ValueError for anything else.

    It stands where aioquic keeps an X.509 certificate and has the method aioquic calls.
    """

    def __init__(self, spki: bytes) -> None:
        if len(spki) != SPKI_BYTES or not spki.startswith(SPKI_PREFIX):
            raise ValueError("not an ML-DSA-65 SubjectPublicKeyInfo")
        self.spki = bytes(spki)

    @property
    def raw(self) -> bytes:
        """The 1,952-byte FIPS 204 public key."""
        return self.spki[len(SPKI_PREFIX) :]

    @cached_property
    def peer_id(self) -> bytes:
        """The 32-byte PeerId of this key."""
        return peer_id_of(self.raw)

    def public_bytes(self, encoding: Encoding | None = None) -> bytes:
        """The DER SubjectPublicKeyInfo; ``encoding`` is there for aioquic's callers."""
        return self.spki


class LocalKey:
    """This node's signing key, expanded once from the identity's seed, and its provider."""

    def __init__(self, identity: Identity, primitives: Primitives = PYCA) -> None:
        self.primitives = primitives
        self._key = primitives.signing_key(identity.seed)
        self.public = RawPublicKey(SPKI_PREFIX + identity.public_key)

    def sign(self, message: bytes) -> bytes:
        """Hedged ML-DSA-65 signature with the empty FIPS 204 context, 3,309 bytes."""
        return self._key.sign(message)
