# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tree of an epoch: every leaf proves itself, and nothing else does."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.credentials.merkle import (
    LEAVES,
    NODE_BYTES,
    PATH_BYTES,
    Tree,
    check_path,
    leaf_hash,
)
from pqmesh.errors import BadTag, Malformed, UsageError

PEER = bytes(range(32))
contents = st.dictionaries(
    st.integers(0, LEAVES - 1), st.binary(max_size=40), min_size=1, max_size=20
)


def test_a_tree_of_one_leaf_by_hand() -> None:
    """Golden: every node on the way up, written out from the formula."""
    tweak = PEER + b"\x00\x07"
    node = hashlib.sha256(b"pqmesh1 leaf" + tweak + b"\x00\x05" + b"key").digest()[:24]
    for level in range(1, 9):
        place = 5 >> level
        pair = bytes(24) + node if (5 >> (level - 1)) & 1 else node + bytes(24)
        head = b"pqmesh1 node" + tweak + bytes((level, 0, place))
        node = hashlib.sha256(head + pair).digest()[:24]
    assert Tree(PEER, 7, {5: b"key"}).root == node


@given(contents, st.integers(0, 0xFFFF))
def test_every_leaf_proves_itself(leaves: dict[int, bytes], epoch: int) -> None:
    tree = Tree(PEER, epoch, leaves)
    for index, content in leaves.items():
        check_path(tree.root, PEER, epoch, index, content, tree.path(index))


@given(contents, st.data())
def test_any_changed_bit_of_the_path_is_noticed(
    leaves: dict[int, bytes], data: st.DataObject
) -> None:
    tree = Tree(PEER, 1, leaves)
    index = data.draw(st.sampled_from(sorted(leaves)))
    path = bytearray(tree.path(index))
    bit = data.draw(st.integers(0, 8 * PATH_BYTES - 1))
    path[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadTag):
        check_path(tree.root, PEER, 1, index, leaves[index], bytes(path))


def test_a_leaf_of_another_peer_epoch_place_or_content_is_refused() -> None:
    tree = Tree(PEER, 1, {0: b"a", 1: b"a"})
    path = tree.path(0)
    for peer, epoch, index, content in [
        (bytes(32), 1, 0, b"a"),
        (PEER, 2, 0, b"a"),
        (PEER, 1, 1, b"a"),
        (PEER, 1, 0, b"b"),
    ]:
        with pytest.raises(BadTag):
            check_path(tree.root, peer, epoch, index, content, path)


def test_an_empty_tree_has_an_empty_root_that_nothing_proves() -> None:
    root = Tree(PEER, 1, {}).root
    assert root == bytes(NODE_BYTES)
    with pytest.raises(BadTag):
        check_path(root, PEER, 1, 0, b"", bytes(PATH_BYTES))


def test_bad_forms_are_refused() -> None:
    tree = Tree(PEER, 1, {0: b"a"})
    with pytest.raises(Malformed, match="192"):
        check_path(tree.root, PEER, 1, 0, b"a", tree.path(0)[:-1])
    with pytest.raises(Malformed, match="256"):
        check_path(tree.root, PEER, 1, 256, b"a", tree.path(0))
    with pytest.raises(UsageError, match="no leaf 3"):
        tree.path(3)
    with pytest.raises(UsageError, match=r"0\.\.255"):
        Tree(PEER, 1, {256: b"a"})
    with pytest.raises(UsageError, match="32 bytes"):
        Tree(PEER[:31], 1, {})
    with pytest.raises(UsageError, match="2 bytes"):
        Tree(PEER, 0x10000, {})


@given(contents)
def test_a_tree_grows_from_hashes_as_from_contents(leaves: dict[int, bytes]) -> None:
    hashes = {index: leaf_hash(PEER, 3, index, leaves[index]) for index in leaves}
    one, other = Tree(PEER, 3, leaves), Tree(PEER, 3, {}, hashes)
    assert one.root == other.root
    assert all(one.path(index) == other.path(index) for index in leaves)
    some = min(leaves)
    mixed = Tree(PEER, 3, {some: leaves[some]}, {i: h for i, h in hashes.items() if i != some})
    assert mixed.root == one.root
    assert len(hashes) == len(leaves)  # whose own they stay
