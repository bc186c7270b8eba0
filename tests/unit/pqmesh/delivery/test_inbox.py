# SPDX-License-Identifier: MIT OR Apache-2.0
"""Taken once, however often sent; and the memory of it is bounded both ways."""

from hypothesis import given
from hypothesis import strategies as st

from pqmesh.delivery import Inbox


def test_a_repeat_is_not_taken():
    box = Inbox(origins=2, ids_per_origin=3)
    assert box.accept(b"a", b"1")
    assert not box.accept(b"a", b"1")
    assert box.accept(b"b", b"1")


def test_the_oldest_id_of_an_origin_is_forgotten_first():
    box = Inbox(origins=1, ids_per_origin=2)
    for ident in (b"1", b"2", b"3"):
        assert box.accept(b"a", ident)
    assert not box.accept(b"a", b"3")
    assert box.accept(b"a", b"1")


def test_the_origin_not_heard_for_longest_is_forgotten_first():
    box = Inbox(origins=2, ids_per_origin=2)
    box.accept(b"a", b"1")
    box.accept(b"b", b"1")
    box.accept(b"a", b"2")
    box.accept(b"c", b"1")
    assert not box.accept(b"a", b"1")
    assert box.accept(b"b", b"1")


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.binary(max_size=1))))
def test_bounded_and_restored_from_what_it_says(arrivals):
    box = Inbox(origins=2, ids_per_origin=3)
    for origin, ident in arrivals:
        box.accept(origin, ident)
    kept = list(box)
    assert len(kept) <= 6
    restored = Inbox(origins=2, ids_per_origin=3)
    assert all(restored.accept(origin, ident) for origin, ident in kept)
    assert list(restored) == kept
