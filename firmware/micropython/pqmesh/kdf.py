# SPDX-License-Identifier: MIT OR Apache-2.0
"""HMAC, HKDF and the labelled derivation ``D`` of every key schedule (design §4.3).

    D(secret, label, context) = HKDF-Expand-SHA256(secret,
                                  lp("pqmesh1 " || label) || lp(context) || length)
    lp(x) = length of x in two octets, big-endian, then x; ``length`` likewise two octets

Every label used anywhere is a constant of this module; docs/handshake.md lists them beside
their symbols in the formal model, and a test compares the two.
"""

import hashlib

from .compat import TYPE_CHECKING, const
from .errors import UsageError

if TYPE_CHECKING:
    from .compat import Buffer

HASH_BYTES = const(32)
_BLOCK_BYTES = const(64)  # of SHA-256, FIPS 180-4
PREFIX = b"pqmesh1 "

# Labels of D.
LABEL_NEXT = b"d"  # salt of the next Extract in the chain
LABEL_M1 = b"m1"  # key and nonce of the sealed part of HS-K's M1
LABEL_M2 = b"m2"  # key and nonce of the sealed part of M2
LABEL_M3 = b"m3"  # and of M3
LABEL_MAC_R = b"fin r"  # key of the responder's MAC over its own name
LABEL_MAC_I = b"fin i"  # and of the initiator's
LABEL_NEED = b"need"  # key of the MAC of HS-K's NeedCredential
LABEL_PART = b"part"  # key and nonce of half a credential in HS-K
LABEL_CHAIN_I2R = b"ck i2r"  # chain key of frames from initiator to responder
LABEL_CHAIN_R2I = b"ck r2i"  # and back
LABEL_SESSION = b"sid"  # session id, part of every frame's associated data
LABEL_EXPORTER = b"exporter"
LABEL_RESUMPTION = b"res"  # the next generation of the resumption secret
LABEL_TICKET = b"id"  # from a generation: the name R1 calls it by
LABEL_BIND = b"bind"  # from a generation: the key of R1's MAC
LABEL_GATE = b"gate"  # from a generation: the key of the check in R1's head, HS-RK and HS-RP
LABEL_ADMIT = b"admit"  # from a network key or a generation: the key of HELLO's MAC
LABEL_STEP = b"next"  # from a secret of a prekey chain: the one after it
LABEL_PREKEY = b"prekey"  # and the seed of its key
LABEL_ENTROPY = b"entropy"  # from a node's own randomness, salted with what it was given
LABEL_KEY = b"key"  # from a chain key: the AEAD key
LABEL_IV = b"iv"  # from a chain key: the nonce base
LABEL_CHAIN = b"ck"  # from a chain key: that of the next epoch

# Domains of SHA-256 and of signatures; each begins with PREFIX on the wire.
DOMAIN_HS_S = b"HS-S v1"
DOMAIN_HS_K = b"HS-K v1"
DOMAIN_HS_R = b"HS-R v1"
DOMAIN_HS_RK = b"HS-RK v1"
DOMAIN_HS_RP = b"HS-RP v1"
DOMAIN_SIGN_R = b"sig R"
DOMAIN_SIGN_I = b"sig I"
DOMAIN_RTAG = b"rtag"  # HELLO's hint of whom it is for
DOMAIN_COOKIE = b"cookie"
DOMAIN_STAMP = b"stamp"
DOMAIN_DTAG = b"dtag"  # a node's short name, a hint and never a proof
DOMAIN_CREDENTIAL = b"cred"  # names one KEM key of one peer in one epoch
DOMAIN_PREKEYS = b"prekeys"  # stands for a block of one-time keys in an epoch's tree
DOMAIN_HEAD = b"head"
DOMAIN_FRAGMENT = b"frag"
DOMAIN_SACK = b"sack"
DOMAIN_POLL = b"poll"
DOMAIN_SHARD = b"shard"  # one piece of a broadcast object,
DOMAIN_JOIN = b"join"  # two nodes of the tree over its pieces,
DOMAIN_HAVE = b"have"  # and the proof of whoever has it
CONTEXT_SIGN_R = b"pqmesh1-hs-r"  # the context strings of FIPS 204
CONTEXT_SIGN_I = b"pqmesh1-hs-i"


def lp(data: bytes) -> bytes:
    """Return ``data`` behind its length in two octets.

    :raises UsageError: 65,536 bytes or more
    """
    if len(data) > 0xFFFF:
        raise UsageError("too long for a length prefix")
    return len(data).to_bytes(2, "big") + data


def domain_hash(domain: bytes) -> "hashlib._Hash":
    """Return a SHA-256 object that has taken in ``PREFIX || domain``."""
    return hashlib.sha256(PREFIX + domain)


def update_lp(digest: "hashlib._Hash", data: "Buffer") -> None:
    """Feed ``lp(data)`` to a hash without copying ``data``."""
    digest.update(len(data).to_bytes(2, "big"))
    digest.update(data)


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA256 (RFC 2104) of the concatenation of ``parts``. The key: 0..64 bytes.

    :raises UsageError: a longer key; none is used here
    """
    if len(key) > _BLOCK_BYTES:
        raise UsageError("HMAC key over %d bytes" % _BLOCK_BYTES)
    padded = bytes(key) + bytes(_BLOCK_BYTES - len(key))
    inner = hashlib.sha256(bytes([octet ^ 0x36 for octet in padded]))
    for part in parts:
        inner.update(part)
    outer = hashlib.sha256(bytes([octet ^ 0x5C for octet in padded]))
    outer.update(inner.digest())
    return outer.digest()


def extract(salt: bytes, material: bytes) -> bytes:
    """HKDF-Extract of RFC 5869: return a 32-byte pseudorandom key."""
    return hmac_sha256(salt, material)


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand of RFC 5869: return ``length`` bytes.

    :raises UsageError: more than 255 blocks
    """
    if not 0 <= length <= 255 * HASH_BYTES:
        raise UsageError("HKDF gives at most %d bytes" % (255 * HASH_BYTES))
    block = out = b""
    counter = 0
    while len(out) < length:
        counter += 1
        block = hmac_sha256(key, block, info, bytes((counter,)))
        out += block
    return out[:length]


def equal(left: bytes, right: bytes) -> bool:
    """Compare two secrets in a time that depends on their lengths alone."""
    if len(left) != len(right):
        return False
    difference = 0
    for one, other in zip(left, right):
        difference |= one ^ other
    return not difference


def derive(secret: bytes, label: bytes, context: bytes = b"", length: int = HASH_BYTES) -> bytes:
    """Return ``D(secret, label, context)``, ``length`` bytes."""
    info = lp(PREFIX + label) + lp(context) + length.to_bytes(2, "big")
    return expand(secret, info, length)
