# SPDX-License-Identifier: MIT OR Apache-2.0
"""The epoch object: one ML-DSA-65 signature that vouches for a tree of KEM keys for a while.

    off len                                                              constrained-design 3.1
      0  1  version = 1          1  1  suite = 1         2  2  epoch, grows by one or more
      4  4  start (s, Unix)      8  2  lifetime (h)     10  2  announce chain length
     12  2  chain interval (s)  14  2  flags            16 24  chain anchor x_0
     40 24  Merkle root M       64 3309  signature                       3373 bytes

    signature = ML-DSA-65("pqmesh1 epoch" || PeerId || body, context "pqmesh1-epoch")

No authority signs it: an identity certifies its own KEM keys, as a delegated credential does.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import KEM_PUBLIC_BYTES
from ..errors import BadTag, Malformed, UnknownKind
from ..identity import peer_id_of
from ..wire.fields import U8, U16, U32, Fixed
from ..wire.layout import WireObject, decode, names
from .merkle import KEM_SLOTS, NODE_BYTES, PATH_BYTES, Tree, check_path

if TYPE_CHECKING:
    from ..compat import Buffer
    from ..crypto import Crypto
    from ..identity import Identity

VERSION = const(1)
SUITE = const(1)  # ML-KEM-768, ML-DSA-65, SHA-256, AES-256-CCM
BODY_BYTES = const(64)
EPOCH_BYTES = const(3373)  # BODY_BYTES + DSA_SIGNATURE_BYTES
LEAF_BYTES = const(1378)  # index 2, key 1184, path 192
FLAG_KILL = const(0x8000)  # this identity is revoked; nothing after it is accepted
MAX_LIFETIME_H = const(2160)  # 90 days: design.md, decisions

_CONTEXT = b"pqmesh1-epoch"
_PREFIX = b"pqmesh1 epoch"


class Epoch(WireObject):
    """What is signed of an epoch object, 64 bytes; the signature, 3309 bytes, follows.

    Version 1, in its first octet. Two are the same credential when all fields are equal.

    Sender: anybody may hand it on: it is signed by the identity it is about.
    Replay: an epoch that is not above the highest seen of its identity changes nothing; an
        expired one is refused where the time is known.
    Rate: one signature to check, and only once whose it is, its dates and its number would do.
    """

    LAYOUT = (
        ("version", U8),
        ("suite", U8),
        ("epoch", U16),
        ("start_s", U32),
        ("lifetime_h", U16),
        ("chain_length", U16),
        ("chain_interval_s", U16),
        ("flags", U16),
        ("chain_anchor", Fixed(NODE_BYTES)),
        ("root", Fixed(NODE_BYTES)),
    )
    FIELDS = names(LAYOUT)

    version: int
    suite: int
    epoch: int
    start_s: int
    lifetime_h: int
    chain_length: int
    chain_interval_s: int
    flags: int
    chain_anchor: bytes
    root: bytes

    @property
    def killed(self) -> bool:
        """Whether this object revokes the identity."""
        return bool(self.flags & FLAG_KILL)

    @property
    def end_s(self) -> int:
        """The first second, Unix time, in which the epoch is no longer valid."""
        return self.start_s + 3600 * self.lifetime_h


class KemLeaf(WireObject):
    """One KEM key of an epoch, and the way from it up to the root that is signed.

    Version 1, that of the epoch object.

    Sender: anybody may hand it on: the path proves it against the epoch object.
    Replay: a slot below the one already known of its epoch is refused.
    Rate: nine hashes, and one encapsulation that tries the key.
    """

    LAYOUT = (
        ("index", U16),  # rotation slot, 0..7
        ("key", Fixed(KEM_PUBLIC_BYTES)),
        ("path", Fixed(PATH_BYTES)),
    )
    FIELDS = names(LAYOUT)

    index: int
    key: bytes
    path: bytes


ALL = (Epoch, KemLeaf)


def sign_epoch(epoch: Epoch, identity: "Identity", rnd: bytes) -> bytes:
    """Return the 3373-byte epoch object. ``rnd``: 32 random bytes that hedge the signature."""
    body = epoch.encode()
    signed = _PREFIX + identity.peer_id + body
    return body + identity.sign(signed, _CONTEXT, rnd)


def open_epoch(blob: bytes, public_key: bytes, crypto: "Crypto") -> Epoch:
    """Check an epoch object against the identity key (1952 bytes) it must be from.

    Says nothing about time or rollback: that is the CredentialBook's.

    :raises Malformed: another length, a senseless lifetime, or a key of another length
    :raises UnknownKind: a version or suite we do not speak
    :raises BadTag: the signature is not that key's
    """
    if len(blob) != EPOCH_BYTES:
        raise Malformed("an epoch object has %d bytes, not %d" % (EPOCH_BYTES, len(blob)))
    view = memoryview(blob)
    epoch = parse_body(bytes(view[:BODY_BYTES]))
    check_signature(epoch, peer_id_of(public_key), public_key, view[BODY_BYTES:], crypto)
    return epoch


def check_signature(
    epoch: Epoch, peer_id: bytes, public_key: "Buffer", signature: "Buffer", crypto: "Crypto"
) -> None:
    """Hold the signature (3309 bytes) of an epoch against the key that ``peer_id`` is of.

    :raises BadTag: it is not that key's
    """
    if not crypto.verify(public_key, _PREFIX + peer_id + epoch.encode(), _CONTEXT, signature):
        raise BadTag("the epoch object is not signed by this identity")


def parse_body(body: bytes) -> Epoch:
    """Parse the 64 bytes that are signed; the signature is another matter.

    :raises Malformed: a senseless lifetime
    :raises UnknownKind: a version or suite we do not speak
    """
    if body[0] != VERSION or body[1] != SUITE:
        raise UnknownKind("epoch object version %d, suite %d" % (body[0], body[1]))
    epoch = decode(Epoch, body)
    if not 1 <= epoch.lifetime_h <= MAX_LIFETIME_H:
        raise Malformed("a lifetime of %d h is not in 1..%d" % (epoch.lifetime_h, MAX_LIFETIME_H))
    return epoch


def make_leaf(tree: Tree, slot: int, public_key: bytes) -> bytes:
    """Return the 1378-byte KEM leaf of rotation ``slot`` (0..7): index, key, path."""
    return KemLeaf(slot, bytes(public_key), tree.path(slot)).encode()


def open_leaf(blob: bytes, root: bytes, peer_id: bytes, epoch: int) -> "tuple[int, bytes]":
    """Check a KEM leaf against a signed root; returns (slot, 1184-byte encapsulation key).

    The FIPS 203 input check of the key happens when it is used: crypto.kem_encapsulate refuses.

    :raises Malformed: another length, or a slot that holds no KEM key
    :raises BadTag: the leaf is not in the tree
    """
    if len(blob) != LEAF_BYTES:
        raise Malformed("a KEM leaf has %d bytes, not %d" % (LEAF_BYTES, len(blob)))
    leaf = decode(KemLeaf, blob)
    if leaf.index >= KEM_SLOTS:
        raise Malformed("slot %d holds no KEM key" % leaf.index)
    check_path(root, peer_id, epoch, leaf.index, leaf.key, leaf.path)
    return leaf.index, leaf.key
