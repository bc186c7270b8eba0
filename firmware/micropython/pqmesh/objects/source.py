# SPDX-License-Identifier: MIT OR Apache-2.0
"""One object that is held whole, as fragments. Same object, same frame size: same fragments.

Parity is made when a frame needs it. Only the head needs all of it at once, for the hashes: a
board makes one shard per ``step`` and goes about its other business between.
"""

import hashlib

from ..coding.reed_solomon import shard
from ..compat import TYPE_CHECKING
from ..errors import UsageError
from ..kdf import DOMAIN_HAVE, domain_hash
from ..record import replace
from ..wire.fragment import FLAG_CODED, FLOW_BYTES, HEADER_BYTES
from ..wire.objects import (
    CODED_KIND,
    FLAG_HAVE,
    HASH_BYTES,
    OBJ_FETCH,
    OBJECT_ID_BYTES,
    PROOF_BYTES,
    CodedFragment,
    ObjectHead,
    ObjFetch,
)
from .shape import shape_of
from .tree import Tree, head_digest, leaf

if TYPE_CHECKING:
    from ..compat import Buffer


def have(digest: bytes, dtag: bytes) -> bytes:
    """Return the ObjFetch by which node ``dtag`` says that it has the object of ``digest``."""
    fetch = ObjFetch(OBJ_FETCH, FLAG_HAVE, dtag, digest[:OBJECT_ID_BYTES], 0, bytes(PROOF_BYTES))
    clear = fetch.encode()[:-PROOF_BYTES]
    proof = domain_hash(DOMAIN_HAVE)
    proof.update(digest)
    proof.update(clear)
    return clear + proof.digest()[:PROOF_BYTES]


class Source:
    """An object and its fragments. Holds the object, and 6 octets of hash per shard and level.

    :param octets: the object; not copied, so it must not change
    :param mtu: the link's largest frame
    :raises UsageError: the object does not fit such frames (shape_of)
    """

    def __init__(self, what: int, dtag: bytes, octets: "Buffer", mtu: int) -> None:
        self.shape = shape_of(len(octets), mtu - HEADER_BYTES)
        self.digest = hashlib.sha256(octets).digest()
        self.object_id = self.digest[:OBJECT_ID_BYTES]
        self.dtag = bytes(dtag)
        self.flow = b""  # once it is ready
        self._octets = octets
        self._head = ObjectHead(
            len(octets), self.shape.shards, what, self.dtag, self.object_id, b""
        )
        self._salt = self._head.encode()
        self._leaves = bytearray()
        self._made = 0
        self._tree: "Tree | None" = None

    @property
    def ready(self) -> bool:
        """Whether fragments can be made."""
        return self._tree is not None

    def step(self) -> bool:
        """Hash one more shard, or finish; returns whether fragments can be made."""
        if self._tree is not None:
            return True
        self._leaves.extend(leaf(self._salt, self._made, self._shard(self._made)))
        self._made += 1
        if self._made == self.shape.shards:
            self._tree = Tree(self._salt, self._leaves, self.shape.depth)
            self._leaves = bytearray()
            self._head = replace(self._head, nodes=self._tree.nodes)
            self.flow = head_digest(self.shape.count, self._head.encode())[:FLOW_BYTES]
        return self._tree is not None

    def frame(self, index: int) -> bytes:
        """Return a fragment as a frame: 0 is the head, i is shard i - 1.

        :raises UsageError: not ready, or there is no such fragment
        """
        if self._tree is None or not 0 <= index <= self.shape.shards:
            raise UsageError("fragment %d" % index)
        if index:
            payload = self._shard(index - 1) + self._tree.path(index - 1)
        else:
            payload = self._head.encode()
        count = self.shape.count
        return CodedFragment(CODED_KIND, FLAG_CODED, self.flow, index, count, payload).encode()

    def frame_bytes(self, index: int) -> int:
        """Return how long ``frame`` is, without making it."""
        shape = self.shape
        if index:
            return HEADER_BYTES + shape.size + HASH_BYTES * shape.depth
        return HEADER_BYTES + len(self._salt) + HASH_BYTES * shape.nodes()

    def genuine(self, fragment: "CodedFragment") -> bool:
        """Whether a shard that somebody else sent is the object's. One hash."""
        if self._tree is None or not 1 <= fragment.index <= self.shape.shards:
            return False
        octets = fragment.payload[: self.shape.size]
        index = fragment.index - 1
        return leaf(self._salt, index, octets) == self._tree.leaf(index)

    def _shard(self, index: int) -> bytes:
        return shard(self._octets, self.shape.count, index)
