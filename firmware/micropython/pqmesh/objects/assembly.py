# SPDX-License-Identifier: MIT OR Apache-2.0
"""One object on its way in. Every octet is checked when it comes, and the whole at the end."""

import hashlib

from ..coding.reed_solomon import Decoder
from ..compat import TYPE_CHECKING, const
from ..errors import BadTag, Malformed, Unexpected
from ..wire.fragment import FLOW_BYTES
from ..wire.layout import decode
from ..wire.objects import HASH_BYTES, OBJECT_ID_BYTES, SALT_BYTES, ObjectHead
from .shape import shape_from
from .tree import climb, head_digest

if TYPE_CHECKING:
    from ..compat import Buffer
    from ..wire.objects import CodedFragment

_SEEN_BITS = const(32)


class Offered:
    """A head that was parsed. Nothing is allocated for it, and nothing has been hashed.

    :raises Malformed: the numbers in it do not agree
    """

    def __init__(self, fragment: "CodedFragment") -> None:
        if fragment.index:
            raise Malformed("fragment %d is not a head" % fragment.index)
        self.head = decode(ObjectHead, fragment.payload)
        self.shape = shape_from(self.head, fragment.count)
        self.flow = fragment.flow
        self._digest = b""
        self._payload = fragment.payload

    def cost(self) -> int:
        """Return the octets of memory that its assembly is charged, decoding included."""
        count = self.shape.count
        return count * self.shape.size + count * count + len(self.head.nodes)

    def verify(self) -> bytes:
        """Return the digest that the flow is named after. One hash, however often it is asked.

        :raises BadTag: it is named after another head
        """
        if not self._digest:
            self._digest = head_digest(self.shape.count, self._payload)
        if self._digest[:FLOW_BYTES] != self.flow:
            raise BadTag("the flow is not named after this head")
        return self._digest


class Assembly:
    """The shards of one flow. Allocates all it needs, but for the matrix, at once.

    :raises BadTag: the head is not what the flow is named after
    """

    def __init__(self, offered: Offered, now: int) -> None:
        self.digest = offered.verify()
        self.head = offered.head
        self.shape = offered.shape
        self.flow = offered.flow
        self.cost = offered.cost()
        self.touched_at = now
        self.asked = 0  # how often in a row without an answer
        self.ask_at: "int | None" = None
        self.object_digest = b""  # once finished
        self.seen = 1  # bit 0 the head, bit i shard i - 1, as in ObjFetch
        self._salt = self.head.encode()[:SALT_BYTES]
        self._decoder = Decoder(self.shape.count, self.shape.size)

    @property
    def held(self) -> int:
        """How many shards are here."""
        return self._decoder.held

    @property
    def missing(self) -> int:
        """How many more are needed, whichever they are."""
        return self.shape.count - self._decoder.held

    def store(self, fragment: "CodedFragment", now: int) -> bool:
        """Take a shard; returns whether it was new. One hash, and one for each level of a path.

        :raises Malformed: it has no place in the object
        :raises BadTag: it is not the one that the head vouches for
        """
        shape, index = self.shape, fragment.index - 1
        size = shape.size + HASH_BYTES * shape.depth
        if not 0 <= index < shape.shards or fragment.count != shape.count:
            raise Malformed("shard %d of %d" % (index, shape.shards))
        if len(fragment.payload) != size:
            raise Malformed("a shard of %d octets, not %d" % (len(fragment.payload), size))
        octets, path = fragment.payload[: shape.size], fragment.payload[shape.size :]
        at = HASH_BYTES * (index >> shape.depth)
        if climb(self._salt, index, octets, path) != self.head.nodes[at : at + HASH_BYTES]:
            raise BadTag("shard %d is not the one its head vouches for" % index)
        new = self._decoder.add(index, octets)
        if new:
            self.touched_at = now
            self.asked = 0
        if fragment.index < _SEEN_BITS:
            self.seen |= 1 << fragment.index
        return new

    def finish(self) -> "Buffer":
        """Return the object; a view of what was allocated at first. Heavy: the square of k.

        :raises Unexpected: shards are missing
        :raises BadTag: it is not the object that its id names
        """
        if self.missing:
            raise Unexpected("%d shards are missing" % self.missing)
        octets = self._decoder.view(self.shape.total)
        self.object_digest = hashlib.sha256(octets).digest()
        if self.object_digest[:OBJECT_ID_BYTES] != self.head.object_id:
            raise BadTag("the object is not the one that its id names")
        return octets
