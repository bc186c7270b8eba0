# SPDX-License-Identifier: MIT OR Apache-2.0
"""The hash tree that lets each shard be checked alone, cut off where the head can list it.

Six octets stop poisoning, as in the handshake's fragments: to forge a shard takes 2^48 hashes for
each object. Integrity rests on the object's id, and on the signature inside it.
"""

from ..compat import TYPE_CHECKING
from ..kdf import DOMAIN_HEAD, DOMAIN_JOIN, DOMAIN_SHARD, domain_hash
from ..wire.fragment import FLAG_CODED
from ..wire.objects import CODED_KIND, HASH_BYTES

if TYPE_CHECKING:
    from ..compat import Buffer

_EMPTY = bytes(HASH_BYTES)


def head_digest(count: int, head: bytes) -> bytes:
    """Return the digest of a head; its first four octets name the flow."""
    digest = domain_hash(DOMAIN_HEAD)
    digest.update(bytes((CODED_KIND, FLAG_CODED, count)))
    digest.update(head)
    return digest.digest()


def leaf(salt: bytes, index: int, shard: "Buffer") -> bytes:
    """Return the hash of shard ``index`` (0..254)."""
    digest = domain_hash(DOMAIN_SHARD)
    digest.update(salt)
    digest.update(bytes((index,)))
    digest.update(shard)
    return digest.digest()[:HASH_BYTES]


def join(salt: bytes, level: int, place: int, left: bytes, right: bytes) -> bytes:
    """Return the node above two others; ``level`` is its own, 1 is just above the leaves."""
    digest = domain_hash(DOMAIN_JOIN)
    digest.update(salt)
    digest.update(bytes((level, place)))
    digest.update(left)
    digest.update(right)
    return digest.digest()[:HASH_BYTES]


def climb(salt: bytes, index: int, shard: "Buffer", path: bytes) -> bytes:
    """Return the node to which ``path`` leads from a shard: at ``index >> len(path) // 6``."""
    node = leaf(salt, index, shard)
    for level in range(len(path) // HASH_BYTES):
        sibling = path[HASH_BYTES * level : HASH_BYTES * (level + 1)]
        left, right = (sibling, node) if index >> level & 1 else (node, sibling)
        node = join(salt, level + 1, index >> (level + 1), left, right)
    return node


class Tree:
    """The levels from the leaves up to the one that the head lists.

    :param leaves: the hashes of all shards, 6 octets each
    """

    def __init__(self, salt: bytes, leaves: "Buffer", depth: int) -> None:
        self._levels = [bytes(leaves)]
        for level in range(1, depth + 1):
            self._levels.append(_level_above(salt, level, self._levels[-1]))
        self.nodes = self._levels[-1]

    def path(self, index: int) -> bytes:
        """Return what proves shard ``index`` to who has the nodes."""
        out = bytearray()
        for level in range(len(self._levels) - 1):
            out.extend(_node(self._levels[level], index >> level ^ 1))
        return bytes(out)

    def leaf(self, index: int) -> bytes:
        """Return the hash of shard ``index``."""
        return _node(self._levels[0], index)


def _level_above(salt: bytes, level: int, below: bytes) -> bytes:
    out = bytearray()
    for place in range((len(below) // HASH_BYTES + 1) // 2):
        left, right = _node(below, 2 * place), _node(below, 2 * place + 1)
        out.extend(join(salt, level, place, left, right))
    return bytes(out)


def _node(level: bytes, place: int) -> bytes:
    return level[HASH_BYTES * place : HASH_BYTES * (place + 1)] or _EMPTY
