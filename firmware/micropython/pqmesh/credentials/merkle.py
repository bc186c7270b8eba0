# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tree under an epoch's signature: 256 leaves, 24-byte nodes, every hash tweaked.

    leaf = SHA-256("pqmesh1 leaf" || PeerId || epoch 2 || index 2 || content)[:24]
    node = SHA-256("pqmesh1 node" || PeerId || epoch 2 || level 1 || index 2 || left || right)[:24]

The tweak (whose tree, which epoch, which place) makes every hash in every tree a function of its
own, so one guess attacks one place only; 24 bytes give 192 bits of second-preimage strength
(constrained-design 3.1). A subtree without leaves is 24 zero bytes and is not hashed: a board has
ten leaves, not 256.

    leaf 0..7   static ML-KEM-768 keys, one per rotation slot; rotation needs no new signature
    leaf 8..    hashes of prekey blocks, TESLA anchor, service digest, receipt policy
"""

import hashlib

from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Malformed, UsageError

if TYPE_CHECKING:
    from ..compat import Buffer

LEVELS = const(8)
LEAVES = const(256)
NODE_BYTES = const(24)
PATH_BYTES = const(192)  # LEVELS * NODE_BYTES
KEM_SLOTS = const(8)

_EMPTY = bytes(NODE_BYTES)


def leaf_hash(peer_id: bytes, epoch: int, index: int, content: "Buffer") -> bytes:
    """Return the 24 bytes that leaf ``index`` is in the tree.

    :raises UsageError: an index or an epoch out of range, or a PeerId of another length
    """
    return _leaf(_tweak(peer_id, epoch), index, content)


class Tree:
    """One identity's tree of one epoch, from the contents of its leaves or from their hashes.

    :param peer_id: 32 bytes, whose tree
    :param epoch: 0..65535
    :param contents: leaf index (0..255) -> content
    :param hashes: leaf index -> what leaf_hash() says of its content, for whoever kept only that
    """

    def __init__(
        self,
        peer_id: bytes,
        epoch: int,
        contents: "dict[int, bytes]",
        hashes: "dict[int, bytes] | None" = None,
    ) -> None:
        self._tweak = _tweak(peer_id, epoch)
        level: "dict[int, bytes]" = dict(hashes or {})
        for index in contents:
            level[index] = _leaf(self._tweak, index, contents[index])
        self._levels = [level]
        for height in range(1, LEVELS + 1):
            level = self._above(level, height)
            self._levels.append(level)
        self.root = level.get(0, _EMPTY)

    def path(self, index: int) -> bytes:
        """The 192 bytes that prove leaf ``index``: its sibling on each level, lowest first."""
        if index not in self._levels[0]:
            raise UsageError("there is no leaf %d in this tree" % index)
        out = bytearray()
        for height in range(LEVELS):
            out.extend(self._levels[height].get((index >> height) ^ 1, _EMPTY))
        return bytes(out)

    def _above(self, below: "dict[int, bytes]", height: int) -> "dict[int, bytes]":
        level: "dict[int, bytes]" = {}
        for index in below:
            parent = index >> 1
            if parent not in level:
                left = below.get(2 * parent, _EMPTY)
                right = below.get(2 * parent + 1, _EMPTY)
                level[parent] = _node(self._tweak, height, parent, left, right)
        return level


def check_path(
    root: bytes, peer_id: bytes, epoch: int, index: int, content: "Buffer", path: bytes
) -> None:
    """Hold a leaf against a root that a signature covers.

    :raises Malformed: the path or the index has no legal form
    :raises BadTag: this content is not leaf ``index`` of that tree
    """
    if len(path) != PATH_BYTES:
        raise Malformed("a path has %d bytes, not %d" % (PATH_BYTES, len(path)))
    if not 0 <= index < LEAVES:
        raise Malformed("leaf %d is not in 0..%d" % (index, LEAVES - 1))
    tweak = _tweak(peer_id, epoch)
    node = _leaf(tweak, index, content)
    for height in range(LEVELS):
        sibling = path[height * NODE_BYTES : (height + 1) * NODE_BYTES]
        place = index >> height
        left, right = (sibling, node) if place & 1 else (node, sibling)
        node = _node(tweak, height + 1, place >> 1, left, right)
    if node != root:
        raise BadTag("the leaf is not in the signed tree")


def _tweak(peer_id: bytes, epoch: int) -> bytes:
    if len(peer_id) != 32:
        raise UsageError("a PeerId has 32 bytes, not %d" % len(peer_id))
    if not 0 <= epoch <= 0xFFFF:
        raise UsageError("epoch %d does not fit in 2 bytes" % epoch)
    return bytes(peer_id) + epoch.to_bytes(2, "big")


def _leaf(tweak: bytes, index: int, content: "Buffer") -> bytes:
    if not 0 <= index < LEAVES:
        raise UsageError("leaf %d is not in 0..%d" % (index, LEAVES - 1))
    digest = hashlib.sha256(b"pqmesh1 leaf")
    digest.update(tweak)
    digest.update(index.to_bytes(2, "big"))
    digest.update(content)
    return digest.digest()[:NODE_BYTES]


def _node(tweak: bytes, level: int, index: int, left: bytes, right: bytes) -> bytes:
    digest = hashlib.sha256(b"pqmesh1 node")
    digest.update(tweak)
    digest.update(bytes((level,)))
    digest.update(index.to_bytes(2, "big"))
    digest.update(left)
    digest.update(right)
    return digest.digest()[:NODE_BYTES]
