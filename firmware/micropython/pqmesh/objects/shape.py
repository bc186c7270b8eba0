# SPDX-License-Identifier: MIT OR Apache-2.0
"""How an object is cut, as a function of its length and the frame: all holders cut alike.

Shards of one holder therefore complete those of another.
"""

from ..compat import const
from ..errors import Malformed, UsageError
from ..record import Record
from ..wire.objects import HASH_BYTES, MAX_COUNT, MAX_PARTS, SALT_BYTES, ObjectHead

MAX_OBJECT_BYTES = const(65_535)
_SPARE = const(4)  # parity shards beyond half of the object's own: 28 for the 16 of an epoch
_MAX_DEPTH = const(8)


class Shape(Record):
    """The numbers behind one flow. Sizes in octets."""

    FIELDS = ("total", "count", "shards", "size", "depth")

    total: int
    count: int  # shards of the object itself, k
    shards: int  # with parity, n
    size: int  # of a shard
    depth: int  # hashes that come with each shard

    def nodes(self) -> int:
        """Return how many nodes the head lists."""
        return (self.shards + (1 << self.depth) - 1) >> self.depth


def shape_of(total: int, room: int) -> Shape:
    """Cut an object of ``total`` octets for frames that hold ``room`` after their header.

    :raises UsageError: it needs more than 64 shards of this size, or is empty
    """
    listed = (room - SALT_BYTES) // HASH_BYTES
    for depth in range(_MAX_DEPTH + 1):
        part = room - HASH_BYTES * depth
        if listed < 1 or part < 1 or not 1 <= total <= MAX_OBJECT_BYTES:
            break
        count = -(-total // part)
        shards = min(count + count // 2 + _SPARE, MAX_COUNT)
        if count <= MAX_PARTS and shards <= listed << depth:
            return Shape(total, count, shards, -(-total // count), depth)
    raise UsageError("an object of %d octets in frames of %d" % (total, room))


def shape_from(head: ObjectHead, count: int) -> Shape:
    """Read the shape of a flow from its head, without knowing its sender's frames.

    :raises Malformed: the numbers in it do not agree
    """
    nodes = len(head.nodes) // HASH_BYTES
    depth = 0
    while depth < _MAX_DEPTH and nodes << depth < head.shards:
        depth += 1
    shape = Shape(head.total, count, head.shards, -(-head.total // count), depth)
    if not (count <= head.shards and count <= head.total):
        raise Malformed("%d of %d shards of %d octets" % (count, head.shards, head.total))
    if not nodes or len(head.nodes) % HASH_BYTES or shape.nodes() != nodes:
        raise Malformed("%d octets of nodes for %d shards" % (len(head.nodes), head.shards))
    return shape
