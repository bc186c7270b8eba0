# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams become messages; memory stays bounded; nobody stalls for ever."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh_host.quic.assembly import Assembly, TooLong
from pqmesh_host.quic.limits import QuicLimits

LIMITS = QuicLimits(
    max_message_bytes=100,
    receive_window_bytes=200,
    assembly_ceiling_bytes=400,
    max_unread_messages=3,
)


def test_chunks_become_one_message():
    assembly = Assembly(LIMITS)
    assert assembly.feed(2, b"he", end=False) is None
    assert assembly.feed(6, b"other", end=True) == b"other"
    assert assembly.feed(2, b"llo", end=True) == b"hello"


def test_an_empty_message_is_a_message():
    assert Assembly(LIMITS).feed(2, b"", end=True) == b""


def test_the_longest_message_passes_and_one_byte_more_does_not():
    assembly = Assembly(LIMITS)
    assert assembly.feed(2, bytes(100), end=True) == bytes(100)
    with pytest.raises(TooLong):
        assembly.feed(6, bytes(101), end=False)
    assert assembly.feed(6, bytes(50), end=True) is None
    assert assembly.held_bytes == 100


def test_too_long_at_its_very_end():
    assembly = Assembly(LIMITS)
    with pytest.raises(TooLong):
        assembly.feed(2, bytes(101), end=True)
    assert assembly.message_credit == 4
    assert assembly.byte_credit == 101 + 200


def test_credit_waits_for_the_application():
    assembly = Assembly(LIMITS)
    assembly.feed(2, bytes(60), end=True)
    assert (assembly.byte_credit, assembly.message_credit) == (200, 3)
    assembly.take(2, 60)
    assert (assembly.byte_credit, assembly.message_credit) == (260, 4)


def test_incomplete_messages_extend_the_credit_while_the_application_has_nothing_to_take():
    assembly = Assembly(LIMITS)
    for stream_id in (2, 6, 10):
        assembly.feed(stream_id, bytes(60), end=False)
    assert assembly.byte_credit == 200 + 180
    assembly.feed(14, b"done", end=True)
    assert assembly.byte_credit == 200


def test_at_the_ceiling_the_newest_incomplete_message_is_refused():
    assembly = Assembly(LIMITS)
    for stream_id in range(2, 22, 4):
        assembly.feed(stream_id, bytes(80), end=False)
    assert assembly.byte_credit == 400
    assert assembly.refuse_newest(used=399) is None
    assert assembly.refuse_newest(used=400) == 18
    assert assembly.held_bytes == 320
    assert assembly.byte_credit == 80 + 400


def test_nothing_is_refused_while_the_application_has_something_to_take():
    assembly = Assembly(LIMITS)
    assembly.feed(2, bytes(100), end=True)
    assembly.feed(6, bytes(100), end=False)
    assert assembly.refuse_newest(used=200) is None


def test_a_reset_gives_its_credit_back():
    assembly = Assembly(LIMITS)
    assembly.feed(2, bytes(30), end=False)
    assembly.abandon(2, received=70)  # 40 bytes more were on the way
    assert assembly.held_bytes == 0
    assert (assembly.byte_credit, assembly.message_credit) == (270, 4)


def test_a_reset_after_a_refusal_is_not_counted_twice():
    assembly = Assembly(LIMITS)
    with pytest.raises(TooLong):
        assembly.feed(2, bytes(101), end=False)
    assembly.feed(2, bytes(9), end=False)
    assembly.abandon(2, received=120)
    assert assembly.byte_credit == 120 + 200


def test_bidi_streams_are_not_in_the_message_credit():
    assembly = Assembly(LIMITS)
    assembly.feed(0, b"request", end=True)
    assembly.take(0, 7)
    assert assembly.message_credit == 3


def test_head_and_refuse():
    assembly = Assembly(LIMITS)
    assert assembly.head(0) == b""
    assembly.feed(0, b"AN", end=False)
    assembly.feed(0, b"Q", end=False)
    assert assembly.head(0) == b"ANQ"
    assembly.refuse(0)
    assembly.refuse(0)
    assembly.refuse(4)
    assert assembly.feed(0, b"rest", end=True) is None
    assert assembly.held_bytes == 0


actions = st.lists(
    st.tuples(
        st.sampled_from(["data", "end", "reset", "take"]),
        st.integers(min_value=0, max_value=5),
        st.integers(min_value=0, max_value=120),
    ),
    max_size=60,
)


@given(actions)
@settings(max_examples=300)
def test_credit_is_never_taken_back_and_memory_never_exceeds_it(moves):
    """A peer that obeys the credit, in any order of events, against the naive sums."""
    assembly, used, granted = Assembly(LIMITS), 0, LIMITS.receive_window_bytes
    streams, alive, inbox = {}, {}, []
    fresh = itertools.count(2, 4)  # stream ids are never used again
    for kind, which, size in moves:
        if which not in alive:
            alive[which] = next(fresh)
        sid = alive[which]
        room = min(size, granted - used)
        if kind in ("data", "end"):
            used += room
            streams[sid] = streams.get(sid, 0) + room
            try:
                message = assembly.feed(sid, bytes(room), kind == "end")
            except TooLong:
                message = None
            if message is not None:
                assert len(message) == streams[sid]
                inbox.append((sid, len(message)))
            if kind == "end":
                del alive[which]
        elif kind == "reset":
            assembly.abandon(sid, streams.get(sid, 0))
            streams.setdefault(sid, 0)
            del alive[which]
        elif inbox:
            assembly.take(*inbox.pop(0))
        granted = max(granted, assembly.byte_credit)
        assert assembly.held_bytes <= LIMITS.assembly_ceiling_bytes
        assert assembly.held_bytes >= sum(n for _, n in inbox)
        assert granted >= used
    while inbox:
        assembly.take(*inbox.pop(0))
    # With everything taken the peer can always send on.
    assert max(granted, assembly.byte_credit) > used or assembly.refuse_newest(used) is not None


def test_a_released_stream_is_credited_and_forgotten():
    assembly = Assembly(QuicLimits())
    before = assembly.byte_credit
    assert assembly.feed(0, b"12345", False) is None
    assert assembly.feed(0, b"678", False) is None
    assert assembly.release(0) == b"12345678"
    assembly.passed(100)
    assert assembly.byte_credit == before + 108
    assert assembly.held_bytes == 0
    assert assembly.release(0) == b""


def test_a_head_is_found_however_small_its_pieces():
    assembly = Assembly(LIMITS)
    for byte in b"ANQAppB1 and more":
        assembly.feed(0, bytes((byte,)), end=False)
    assert assembly.head(0) == b"ANQAppB1"


def test_what_is_lent_holds_credit_until_it_is_consumed():
    assembly = Assembly(LIMITS)
    start = assembly.byte_credit
    assembly.feed(0, bytes(100), end=False)
    assert assembly.lend(0) == bytes(100)
    assembly.hold(50)
    assert (assembly.byte_credit, assembly.held_bytes) == (start + 150, 150)
    assert assembly.refuse_newest(start) is None
    assembly.consumed(150)
    assert (assembly.byte_credit, assembly.held_bytes) == (start + 150, 0)
