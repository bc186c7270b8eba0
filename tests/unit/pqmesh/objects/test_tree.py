# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each shard is checked alone, wherever the tree was cut off."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from pqmesh.objects.tree import Tree, climb, head_digest, join, leaf

SALT = b"twenty octets of it."


def leaves_of(shards):
    return b"".join(leaf(SALT, index, shard) for index, shard in enumerate(shards))


@given(st.integers(1, 90), st.integers(0, 6), st.data())
def test_a_shard_leads_to_its_node_and_no_other_does(count, depth, data):
    shards = [bytes((index, 7)) for index in range(count)]
    tree = Tree(SALT, leaves_of(shards), depth)
    assert len(tree.nodes) == 6 * -(-count // (1 << depth))
    index = data.draw(st.integers(0, count - 1))
    path = tree.path(index)
    assert len(path) == 6 * depth
    place = 6 * (index >> depth)
    node = tree.nodes[place : place + 6]
    assert climb(SALT, index, shards[index], path) == node
    assert tree.leaf(index) == leaf(SALT, index, shards[index])
    assert climb(SALT, index, b"forged", path) != node
    assert climb(SALT, index ^ 1, shards[index], path) != node
    assert climb(b"another object's one", index, shards[index], path) != node
    if path:
        assert climb(SALT, index, shards[index], bytes((path[0] ^ 1,)) + path[1:]) != node


def test_hashes_are_what_the_page_says():
    def sha(*parts):
        return hashlib.sha256(b"".join(parts)).digest()

    assert leaf(SALT, 3, b"shard") == sha(b"pqmesh1 shard", SALT, b"\x03shard")[:6]
    assert (
        join(SALT, 1, 2, b"left!!", b"right!")
        == (sha(b"pqmesh1 join", SALT, b"\x01\x02", b"left!!right!")[:6])
    )
    assert head_digest(16, b"head") == sha(b"pqmesh1 head", b"\x4e\x10\x10head")
