# SPDX-License-Identifier: MIT OR Apache-2.0
"""The same endpoint with classical algorithms: X25519, Ed25519 raw public keys, both ways.

What post-quantum cryptography costs is only seen beside the same code without it. This
profile lives here and nowhere in the product; it changes four constants and three
operations, so every packet, message, check and task is the product's own.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, cast

from aioquic import tls
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from pqmesh_host.primitives.pyca import PYCA
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.fastpath import FastConnection
from pqmesh_host.quic.rawkey import LocalKey, RawPublicKey
from pqmesh_host.quic.tls13 import ProfileContext
from pqmesh_host.quic.tls_client import ClientContext
from pqmesh_host.quic.tls_server import ServerContext

if TYPE_CHECKING:
    from pqmesh.identity import Identity

X25519_BYTES = 32
ED25519_SIGNATURE_BYTES = 64
ED25519_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""RFC 8410 §4: AlgorithmIdentifier id-Ed25519, then a BIT STRING of 32 bytes."""


class Ed25519PublicKey(RawPublicKey):
    """A 44-byte SubjectPublicKeyInfo in place of ML-DSA's 1,974."""

    def __init__(self, spki: bytes) -> None:
        if len(spki) != len(ED25519_SPKI_PREFIX) + 32 or not spki.startswith(ED25519_SPKI_PREFIX):
            raise ValueError("not an Ed25519 SubjectPublicKeyInfo")
        self.spki = bytes(spki)

    @property
    def raw(self) -> bytes:
        return self.spki[len(ED25519_SPKI_PREFIX) :]

    @functools.cached_property
    def peer_id(self) -> bytes:
        return hashlib.sha256(self.raw).digest()


class Ed25519Key(LocalKey):
    """Signs with Ed25519; the seed is a hash of the name."""

    def __init__(self, name: str) -> None:
        seed = hashlib.sha256(b"ed25519 " + name.encode()).digest()
        private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self._key = cast(Any, private)
        self.primitives = PYCA
        raw = private.public_key().public_bytes_raw()
        self.public = Ed25519PublicKey(ED25519_SPKI_PREFIX + raw)


class _Classical(ProfileContext):
    group = int(tls.Group.X25519)
    scheme = int(tls.SignatureAlgorithm.ED25519)
    signature_bytes = ED25519_SIGNATURE_BYTES
    public_key_type = Ed25519PublicKey

    def _verifies(self, key: RawPublicKey, signed: bytes, signature: bytes) -> bool:
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


class ClassicalClient(_Classical, ClientContext):
    """ClientHello with an X25519 share."""

    answer_bytes = X25519_BYTES

    def _generate_share(self) -> bytes:
        self._private = x25519.X25519PrivateKey.generate()
        return self._private.public_key().public_bytes_raw()

    def _open_answer(self, answer: bytes) -> bytes:
        return self._private.exchange(x25519.X25519PublicKey.from_public_bytes(answer))


class ClassicalServer(_Classical, ServerContext):
    """ServerHello with an X25519 share."""

    def _answer_share(self, share: bytes) -> tuple[bytes, bytes]:
        private = x25519.X25519PrivateKey.generate()
        shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(share))
        return shared, private.public_key().public_bytes_raw()


class ClassicalConnection(FastConnection):
    """The product's connection, fast path and all, with the two contexts above."""

    client_context = ClassicalClient
    server_context = ClassicalServer


class ClassicalEndpoint(QuicEndpoint):
    """The product's endpoint on classical connections. ``identity`` only names the key."""

    def __init__(self, sock: Any, identity: Identity, *rest: Any) -> None:
        super().__init__(sock, identity, *rest)
        self._key = Ed25519Key(identity.peer_id.hex())
        self._peer_id = self._key.public.peer_id
        self._connection_class: type[PqConnection] = ClassicalConnection
