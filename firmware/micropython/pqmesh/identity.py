# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who a node is: an ML-DSA-65 key, and the PeerId that names it everywhere.

    PeerId = SHA-256("AUTONOMI_PEER_ID_V2:" || 1952-byte public key)       32 bytes

The same derivation as ant-quic's, so that a node has one name on every transport.
"""

import binascii
import hashlib

from .compat import TYPE_CHECKING, const
from .crypto import DSA_PUBLIC_BYTES, DSA_SEED_BYTES
from .errors import Malformed, UsageError

if TYPE_CHECKING:
    from .crypto import Crypto

PEER_ID_BYTES = const(32)
_SEPARATOR = b"AUTONOMI_PEER_ID_V2:"
_SHORT_BYTES = const(8)


def peer_id_of(public_key: bytes) -> bytes:
    """Return the 32-byte PeerId of an ML-DSA-65 public key.

    :raises Malformed: the key is not 1952 bytes long
    """
    if len(public_key) != DSA_PUBLIC_BYTES:
        raise Malformed("an identity key has %d bytes" % DSA_PUBLIC_BYTES)
    digest = hashlib.sha256(_SEPARATOR)
    digest.update(public_key)
    return digest.digest()


def short(peer_id: bytes) -> str:
    """Return the first 8 bytes of a PeerId as 16 hexadecimal digits, for people to read."""
    return binascii.hexlify(peer_id[:_SHORT_BYTES]).decode()


class Identity:
    """A node's own key pair. Holds the 32-byte seed; nothing larger is secret.

    :param seed: 32 random bytes, the ML-DSA-65 ``xi`` of FIPS 204. Keep it secret.
    :raises UsageError: ``seed`` is not 32 bytes long
    """

    def __init__(self, seed: bytes, crypto: "Crypto") -> None:
        if len(seed) != DSA_SEED_BYTES:
            raise UsageError("an identity seed has %d bytes" % DSA_SEED_BYTES)
        self.seed = seed
        self.public_key = crypto.dsa_public_key(seed)
        self.peer_id = peer_id_of(self.public_key)
        self._crypto = crypto

    def sign(self, message: bytes, context: bytes, rnd: bytes) -> bytes:
        """Return this identity's signature (3309 B) of ``message`` under ``context``.

        :param rnd: 32 random bytes that hedge the signature (FIPS 204, section 3.4)
        """
        return self._crypto.sign(self.seed, message, context, rnd)

    def __repr__(self) -> str:
        return "Identity(%s)" % short(self.peer_id)
