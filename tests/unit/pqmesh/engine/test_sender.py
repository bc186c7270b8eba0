# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cutting a message and repeating what is missing; the receiver here is three lines."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.sender import (
    MessageSender,
    fragment_hash,
    fragments_needed,
    head_digest,
    hush,
    make_poll,
    make_sack,
    verify_poll,
    verify_sack,
)
from pqmesh.engine.stats import Stats, Tally
from pqmesh.engine.transmit import TransmitQueue
from pqmesh.errors import BadTag, UsageError
from pqmesh.limits import SERIAL_LINK, replace
from pqmesh.wire.fragment import Poll, Sack, decode_fragment
from pqmesh.wire.handshake import MESSAGE_BYTES
from pqmesh.wire.layout import decode

LINK = replace(SERIAL_LINK, mtu=100, burst=4, tries=3)
MESSAGE = bytes(i % 251 for i in range(500))


class Bench:
    """A sender, and the frames it puts out."""

    def __init__(self, message=MESSAGE, link=LINK):
        self.stats, self.tally = Stats(), Tally()
        self.tx = TransmitQueue(link, 64, self.stats)
        self.sender = MessageSender(message, 2, 0, link, self.tally)
        self.sender.start(self.tx, 0)

    def frames(self):
        out = []
        while (frame := self.tx.next()) is not None:
            out.append(frame)
        return out

    def indexes(self):
        return [decode_fragment(frame).index for frame in self.frames()]

    def sack(self, bitmap, now=0):
        frame = make_sack(2, self.sender.digest, bitmap)
        self.sender.on_sack(decode(Sack, frame), self.tx, now)

    def timeout(self):
        self.sender.settle(self.sender.deadline)
        return self.sender.on_timeout(self.tx, self.sender.deadline, self.stats)

    def exhaust_nudges(self):
        """Let the patience for an answer run out; returns when a POLL was sent meanwhile."""
        moments, until = [], self.sender._patient_until
        while self.sender.deadline < until:
            moments.append(self.sender.deadline)
            assert self.timeout()
            (frame,) = self.frames()
            verify_poll(decode(Poll, frame), self.sender.digest)
        return moments


@given(st.integers(24, 4000), st.integers(150, 600))
def test_the_pieces_are_the_message(size, mtu):
    try:
        count = fragments_needed(size, mtu)
    except UsageError:
        return
    message = bytes(i * 7 % 256 for i in range(size))
    sender = MessageSender(message, 1, 0, replace(SERIAL_LINK, mtu=mtu), Tally())
    pieces = [decode_fragment(sender.frame(index, False)) for index in range(count)]
    assert all(len(sender.frame(i, False)) == sender.frame_bytes(i) <= mtu for i in range(count))
    head = pieces[0].payload
    at = 3 + 6 * (count - 1)
    assert int.from_bytes(head[:2], "big") == size
    assert head[at:] + b"".join(piece.payload for piece in pieces[1:]) == message
    for piece in pieces[1:]:
        listed = head[3 + 6 * (piece.index - 1) :][:6]
        assert fragment_hash(message[:24], piece.index, piece.payload) == listed
    assert {piece.flow for piece in pieces} == {sender.digest[:4]}


def test_hashes_are_the_documented_ones():
    payload, salt = b"payload", bytes(24)
    expected = hashlib.sha256(b"pqmesh1 frag" + salt + b"\x03" + payload).digest()[:6]
    assert fragment_hash(salt, 3, payload) == expected
    head = hashlib.sha256(b"pqmesh1 head" + b"\x48\x80\x05" + payload).digest()
    assert head_digest(0x48, 2, 5, payload) == head
    clear = b"\x80\x80" + head[:4] + b"\x00\x00\x00\x07"
    check = hashlib.sha256(b"pqmesh1 sack" + head + clear).digest()[:4]
    assert make_sack(2, head, 7) == clear + check
    clear = b"\x81\x80" + head[:4]
    check = hashlib.sha256(b"pqmesh1 poll" + head + clear).digest()[:2]
    assert make_poll(2, head) == clear + check


@pytest.mark.parametrize("size", MESSAGE_BYTES.values())
def test_a_lora_frame_is_wide_enough_for_hs_s_and_little_less(size):
    assert fragments_needed(size, 222) <= 32
    with pytest.raises(UsageError):
        fragments_needed(max(MESSAGE_BYTES.values()), 200)


def test_a_message_may_be_a_head_alone():
    bench = Bench(b"x" * 30)
    assert bench.indexes() == [0]
    bench.sack(1)
    assert bench.sender.complete


def test_bursts_are_as_long_as_the_link_says_and_end_in_a_poll():
    bench = Bench()
    burst = [decode_fragment(frame) for frame in bench.frames()]
    assert [piece.index for piece in burst] == [0, 1, 2, 3]
    assert [piece.wants_sack() for piece in burst] == [False, False, False, True]
    bench.sack(0b1011)
    assert bench.indexes() == [2, 4, 5]
    bench.sack(0b111111)
    assert bench.sender.complete
    assert bench.frames() == []
    assert bench.tally.sent == bench.stats.bytes_sent


def test_when_all_is_there_the_peer_gets_time_to_think():
    bench = Bench()
    bench.sack(0b111111, now=1000)
    # Asked early and ever less often, which costs no patience: it may be at work.
    assert bench.exhaust_nudges() == [2_000, 4_000, 8_000]
    assert bench.sender.deadline == 1000 + LINK.answer_ms
    assert bench.stats.frames_retransmitted == 0
    assert bench.sender.complete


def test_an_answer_to_such_a_question_changes_nothing():
    bench = Bench()
    bench.sack(0b111111, now=1000)
    bench.timeout()
    bench.frames()
    bench.sack(0b111111, now=2_001)
    assert bench.frames() == []
    assert bench.sender.deadline == 4_000


def test_such_a_question_is_not_sent_once_the_answer_begins():
    bench = Bench()
    bench.sack(0b111111, now=1000)
    bench.timeout()
    bench.sender.answered(2_500)
    assert bench.frames() == []


def test_the_time_for_a_sack_begins_when_the_question_has_left():
    bench = Bench()
    reckoned = bench.sender.deadline
    bench.frames()
    assert bench.sender.deadline == 0  # look at the clock, now
    assert bench.sender.settle(100_000)
    assert bench.sender.deadline == 100_000 + LINK.sack_ms() > reckoned
    assert not bench.sender.settle(100_000)
    assert bench.sender.on_timeout(bench.tx, bench.sender.deadline, bench.stats)
    assert len(bench.frames()) == 1
    assert bench.sender.on_timeout(bench.tx, 300_000, bench.stats)  # notes that the POLL has left
    assert bench.frames() == []
    assert bench.sender.deadline == 300_000 + LINK.sack_ms()


def test_what_may_be_the_answer_is_not_talked_over():
    bench = Bench()
    quiet_until = 5_000 + LINK.sack_ms() + LINK.airtime_ms(LINK.mtu)
    hush(bench.sender, LINK, 5_000)
    assert bench.sender.deadline == quiet_until
    hush(bench.sender, LINK, 1_000)
    assert bench.sender.deadline == quiet_until


def test_a_repeated_sack_draws_no_second_burst():
    bench = Bench()
    bench.sack(0b1111)
    bench.frames()
    bench.sack(0b1111)
    assert bench.frames() == []


def test_bits_beyond_the_message_are_ignored():
    bench = Bench()
    bench.sack(0xFFFFFFFF)
    assert bench.sender.complete


def test_a_burst_without_an_answer_is_asked_about_by_a_poll():
    bench = Bench()
    bench.frames()
    assert bench.timeout()
    (frame,) = bench.frames()
    verify_poll(decode(Poll, frame), bench.sender.digest)
    bench.sack(0b0111)  # the last fragment had been lost
    assert bench.indexes() == [3, 4, 5]


@pytest.mark.parametrize("how", ["answered", "acknowledged", "finished"])
def test_a_poll_that_waits_for_the_link_is_dropped_with_its_reason(how):
    bench = Bench()
    bench.frames()
    assert bench.timeout()
    sent = bench.tally.sent
    if how == "answered":
        bench.sender.answered(1000)
    elif how == "acknowledged":
        bench.sack((1 << 32) - 1)
    else:
        bench.sender.finished = True
    assert not bench.tx.waits()
    assert bench.frames() == []
    assert bench.tally.sent == sent


def test_an_answer_that_begins_acknowledges_all_and_is_waited_for():
    bench = Bench()
    bench.frames()
    bench.timeout()
    bench.sender.answered(1000)
    assert bench.sender.complete
    assert bench.sender.was_here(1001)
    rest_ms = 32 * LINK.airtime_ms(LINK.mtu)
    bench.frames()
    assert bench.exhaust_nudges()[0] == 1000 + rest_ms + LINK.answer_ms // 8
    assert bench.sender.deadline == 1000 + LINK.answer_ms + rest_ms
    for _ in range(LINK.tries):  # it comes to nothing: ask, as after a SACK
        assert bench.timeout()
    assert not bench.timeout()


def test_still_unheard_the_head_is_sent_again_and_asks():
    bench = Bench()
    bench.frames()
    assert bench.timeout()
    bench.frames()
    assert bench.timeout()
    (head,) = bench.frames()
    assert decode_fragment(head).index == 0
    assert decode_fragment(head).wants_sack()
    bench.sack(0b0001)  # all but the head had been lost
    assert bench.indexes() == [1, 2, 3, 4]


def test_once_heard_a_poll_is_enough():
    bench = Bench()
    bench.sack(0b1111)
    bench.frames()
    bench.timeout()
    (frame,) = bench.frames()
    verify_poll(decode(Poll, frame), bench.sender.digest)
    bench.sack(0b1111)  # no news: the second burst was lost
    assert bench.indexes() == [4, 5]


def test_an_unanswered_poll_means_the_peer_may_have_restarted():
    bench = Bench()
    bench.sack(0b111111)
    bench.exhaust_nudges()
    for _ in range(2):  # of two one may have been lost, and the peer knew the flow
        bench.timeout()
        (frame,) = bench.frames()
        verify_poll(decode(Poll, frame), bench.sender.digest)
    bench.timeout()
    assert bench.indexes() == [0]
    assert not bench.sender.complete
    assert not bench.sender.has(3)


def test_hurry_does_not_wait_for_the_timer_but_only_while_unheard():
    bench = Bench()
    bench.frames()
    bench.sender.hurry(bench.tx, 0)
    assert bench.indexes() == [0]
    bench.sack(0b0001)
    bench.frames()
    bench.sender.hurry(bench.tx, 0)
    assert bench.frames() == []


def test_it_is_known_since_when_the_peer_has_all_of_it():
    bench = Bench()
    assert not bench.sender.was_here(1000)
    bench.sack(0b111111, now=500)
    assert bench.sender.was_here(501)
    assert not bench.sender.was_here(500)


def test_from_the_second_in_a_row_on_timeouts_double_and_they_end():
    bench = Bench(link=replace(LINK, tries=6, max_rto_ms=1_000))
    waits = []
    while True:
        before = bench.sender.deadline
        if not bench.timeout():
            break
        waits.append(bench.sender.deadline - before)
    # each wait is the airtime of the POLL, later of the head, plus the timeout, up to the ceiling
    first = LINK.sack_ms()
    assert first == 150
    poll, head = LINK.airtime_ms(8), LINK.airtime_ms(bench.sender.frame_bytes(0))
    assert waits[0] == poll + first
    assert waits[1:] == [head + each for each in (2 * first, 4 * first, 1_000, 1_000, 1_000)]
    assert bench.stats.frames_retransmitted == 6


def test_a_sack_resets_the_count():
    bench = Bench()
    for _ in range(LINK.tries):
        assert bench.timeout()
    bench.sack(1)
    for _ in range(LINK.tries):
        assert bench.timeout()
    assert not bench.timeout()


def test_forged_acknowledgements_change_nothing():
    bench = Bench()
    bench.frames()
    forged = Sack(0x80, 0x80, bench.sender.digest[:4], 0xFFFFFFFF, b"none")
    with pytest.raises(BadTag):
        bench.sender.on_sack(forged, bench.tx, 0)
    assert not bench.sender.complete
    with pytest.raises(BadTag):
        verify_sack(forged, bench.sender.digest)
    with pytest.raises(BadTag):
        verify_poll(Poll(0x81, 0x80, bench.sender.digest[:4], b"no"), bench.sender.digest)
