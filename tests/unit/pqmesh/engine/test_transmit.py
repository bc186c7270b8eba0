# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which frame leaves next, fairness between sessions, and the estimate of when each has left."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.outgoing import OutMessage, Segment
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Stats, Tally
from pqmesh.engine.transmit import TransmitQueue
from pqmesh.limits import RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.fragment import decode_fragment

LINK = replace(SERIAL_LINK, mtu=100, bits_per_second=10_000)  # an octet takes 1 ms
SHARED = replace(LINK, point_to_point=False, turnaround_ms=7)


def queue(capacity=8, link=LINK):
    return TransmitQueue(link, capacity, Stats())


def sender(size=250):
    return MessageSender(bytes(size), 1, 0, LINK, Tally())


def segment(last):
    message = OutMessage(1, b"ab", 0, None)
    return Segment(0, message, 0, 2 if last else 1)


def drain(tx):
    frames = []
    while (frame := tx.next()) is not None:
        frames.append(frame)
    return frames


def test_airtime_adds_up_while_the_link_is_busy():
    tx = queue()
    assert tx.put(b"x" * 10, now=1000) == 1011
    assert tx.put(b"x" * 20, now=1000) == 1032
    assert tx.free_at(1000) == 1032
    assert tx.free_at(2000) == 2000
    assert tx.put(b"x" * 10, now=2000) == 2011


def test_first_in_first_out_and_counted():
    stats = Stats()
    tx = TransmitQueue(LINK, 8, stats)
    for frame in (b"one", b"three"):
        tx.put(frame, 0)
    assert drain(tx) == [b"one", b"three"]
    assert tx.next() is None
    assert (stats.frames_sent, stats.bytes_sent) == (2, 8)


def test_a_full_lane_drops_the_newest_and_counts_it():
    stats = Stats()
    tx = TransmitQueue(LINK, 1, stats)
    left_at = tx.put(b"one", 0)
    assert tx.put(b"two", 0) == left_at
    tx.put_message(5, b"three", 0)
    tx.put_message(5, b"four", 0)
    assert drain(tx) == [b"one", b"three"]
    assert stats.frames_overflowed == 2


def test_fragments_are_built_when_pulled():
    tx, message = queue(), sender()
    tx.put_fragment(message, 0, False, 0)
    tx.put_fragment(message, 1, True, 0)
    indexes = [(f.index, f.wants_sack()) for f in map(decode_fragment, drain(tx))]
    assert indexes == [(0, False), (1, True)]


def test_pointless_fragments_are_skipped():
    tx, message = queue(), sender()
    message._acknowledged = 0b011
    for index, poll in ((0, False), (1, True), (2, False)):
        tx.put_fragment(message, index, poll, 0)
    assert [decode_fragment(frame).index for frame in drain(tx)] == [1, 2]  # 1 asks for a SACK
    tx.put_fragment(message, 2, False, 0)
    message.finished = True
    assert drain(tx) == []


def test_a_question_is_built_when_pulled_and_not_when_it_was_answered_meanwhile():
    tx, message = queue(), sender()
    message._asked = True
    tx.put_poll(message, 0)
    assert tx.waits()
    assert [len(frame) for frame in drain(tx)] == [8]
    tx.put_poll(message, 0)
    message.answered(0)
    assert not tx.waits()
    assert drain(tx) == []


def test_what_has_become_pointless_does_not_wait():
    tx, message = queue(), sender()
    assert not tx.waits()
    tx.put_fragment(message, 0, False, 0)
    tx.put_fragment(message, 1, False, 0)
    message._acknowledged = 0b001
    assert tx.waits()
    assert [decode_fragment(frame).index for frame in drain(tx)] == [1]
    tx.put_fragment(message, 1, True, 0)
    message.finished = True
    assert not tx.waits()
    tx.put_message(5, b"message", 0)
    assert tx.waits()
    tx.put(b"control", 0)
    assert tx.waits()
    assert drain(tx) == [b"control", b"message"]


def test_control_goes_before_fragments_and_these_before_messages():
    tx, message = queue(), sender()
    tx.put_message(5, b"message", 0)
    tx.put_fragment(message, 1, False, 0)
    tx.put(b"control", 0)
    first, second, third = drain(tx)
    assert (first, second[0] >> 6, third) == (b"control", 1, b"message")


def test_a_segment_learns_when_it_has_left():
    tx, one = queue(), segment(True)
    one.sent_at = tx.put_message(4, b"x" * 50, 0, b"", one)
    assert one.queued
    tx.next(1000)
    assert (one.queued, one.sent_at) == (False, 1000 + LINK.airtime_ms(50))
    one.sent_at = tx.put_message(4, b"x" * 50, 2000, b"", one)
    tx.next()
    assert (one.queued, one.sent_at) == (False, 2000 + LINK.airtime_ms(50))


def test_what_is_dropped_is_not_queued():
    tx, one = queue(0), segment(True)
    tx.put_message(4, b"x", 0, b"", one)
    assert not one.queued


def test_each_frame_names_where_it_must_go():
    tx, message = queue(), sender()
    tx.put(b"control", 0, b"a")
    tx.put_fragment(message, 1, False, 0, b"b")
    tx.put_message(5, b"message", 0, b"c")
    seen = []
    while tx.next() is not None:
        seen.append(tx.destination)
    assert seen == [b"a", b"b", b"c"]


# Between sessions


def test_a_lone_frame_waits_for_one_frame_of_a_burst():
    tx = queue()
    for number in range(6):
        tx.put_message(0, b"%d" % number + bytes(99), 0)  # CID 0 is a CID
    tx.next()
    tx.put_message(2, b"lone", 0)
    assert [frame[:1] for frame in drain(tx)] == [b"l", b"1", b"2", b"3", b"4", b"5"]


def test_turns_are_worth_octets_not_frames():
    tx = queue(64)
    for _ in range(40):
        tx.put_message(1, bytes(100), 0)
        tx.put_message(2, bytes(25), 0)
    served = [len(tx.next()) for _ in range(40)]
    assert served.count(25) == 4 * served.count(100)


def test_what_a_turn_leaves_over_counts_in_the_next():
    tx = queue(64)
    for _ in range(30):
        tx.put_message(1, bytes(60), 0)  # 100 octets a turn: one frame, then two, two, one, ...
        tx.put_message(2, bytes(100), 0)
    served = [len(tx.next()) for _ in range(40)]
    assert abs(served.count(60) * 60 - served.count(100) * 100) <= 200


def test_the_end_of_a_session_frees_the_link_of_its_frames():
    tx = queue()
    for cid in (1, 2, 3):
        for _ in range(3):
            tx.put_message(cid, b"%d" % cid, 0)
    tx.next()
    tx.drop(1)
    tx.drop(3)
    tx.drop(9)
    assert drain(tx) == [b"2"] * 3
    assert tx.free_at(0) == 4 * LINK.airtime_ms(1)


class Line:
    """Sends what the queue gives, one frame after the other, and notes when each was through."""

    def __init__(self, tx, link=LINK):
        self.tx, self.link, self.now, self.left = tx, link, 0, {}

    def step(self):
        frame = self.tx.next()
        if frame is None:
            return False
        self.now += self.link.airtime_ms(len(frame))
        self.left[frame] = self.now
        return True


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(5, 100)), min_size=1, max_size=40))
def test_the_estimate_of_the_newest_frame_is_the_truth_within_one_turn_each(frames):
    """Nothing is queued after it, so only the turns of the others are uncertain."""
    tx = queue(64)
    for number, (cid, size) in enumerate(frames):
        frame = number.to_bytes(2, "big") + bytes(size - 2)
        told = tx.put_message(cid, frame, 0) if cid else tx.put(frame, 0)
    line = Line(tx)
    while line.step():
        pass
    turns = len({cid for cid, _ in frames}) * 2 * LINK.airtime_ms(LINK.mtu)
    assert abs(line.left[frame] - told) <= turns
    assert len(line.left) == len(frames)


@given(st.lists(st.lists(st.integers(5, 100), min_size=1, max_size=20), min_size=2, max_size=5))
def test_while_two_sessions_wait_neither_gets_ahead_by_more_than_two_frames(lanes):
    tx = queue(64)
    for cid, sizes in enumerate(lanes):
        for size in sizes:
            tx.put_message(cid, cid.to_bytes(1, "big") + bytes(size - 1), 0)
    waiting = [len(sizes) for sizes in lanes]
    served = [0] * len(lanes)
    while (frame := tx.next()) is not None:
        served[frame[0]] += len(frame)
        waiting[frame[0]] -= 1
        backlog = [served[cid] for cid in range(len(lanes)) if waiting[cid]]
        for one, other in itertools.combinations(backlog, 2):
            assert abs(one - other) <= 3 * LINK.mtu
    assert waiting == [0] * len(lanes)


# Half duplex


def test_after_a_question_a_shared_link_is_quiet_for_as_long_as_an_answer_takes():
    tx = queue(link=SHARED)
    tx.put(b"ping", 0, asks=True)
    tx.put(b"next", 0)
    assert tx.next(100) == b"ping"
    until = 100 + SHARED.airtime_ms(4) + 2 * 7 + SHARED.airtime_ms(27)
    assert tx.next(until - 1) is None
    assert tx.next_deadline() == until
    tx.handle_timeout(until - 1)
    assert tx.next(until - 1) is None
    tx.handle_timeout(until)
    assert tx.next_deadline() is None
    assert tx.next(until) == b"next"


def test_an_answer_ends_the_wait():
    tx = queue(link=SHARED)
    tx.put(b"ping", 0, asks=True)
    tx.put(b"next", 0)
    tx.next(0)
    tx.heard()
    assert tx.next(1) == b"next"


@pytest.mark.parametrize(
    "put",
    [
        lambda tx: tx.put_fragment(sender(), 1, True, 0),
        lambda tx: tx.put_message(4, b"last", 0),
        lambda tx: [tx.put_message(4, b"%d" % n, 0, b"", segment(n == 0)) for n in (0, 1)],
    ],
    ids=["poll", "last of a session", "end of a message"],
)
def test_what_is_a_question(put):
    tx = queue(link=SHARED)
    put(tx)
    tx.next(0)
    tx.put(b"next", 0)
    assert tx.next(1) is None


def test_what_is_none():
    tx = queue(link=SHARED)
    for _ in range(2):
        tx.put_message(4, b"more", 0)
    tx.put_fragment(sender(), 1, False, 0)
    assert tx.next(0)[0] >> 6 == 1
    assert tx.next(0) == b"more"
    assert tx.next(0) == b"more"


def test_nobody_waits_with_nothing_to_say():
    tx = queue(link=SHARED)
    tx.put(b"ping", 0, asks=True)
    tx.next(0)
    assert tx.next_deadline() is None


@pytest.mark.parametrize(("link", "now"), [(LINK, 0), (SHARED, None)])
def test_a_line_of_two_and_a_driver_without_a_clock_never_wait(link, now):
    tx = queue(link=link)
    tx.put(b"ping", 0, asks=True)
    tx.put(b"next", 0)
    assert tx.next(now) == b"ping"
    assert tx.next(now) == b"next"


def test_an_answer_on_radio_is_waited_for_in_the_order_of_its_airtime():
    tx = queue(link=RADIO_LINK)
    tx.put(b"ping", 0, asks=True)
    tx.put(b"next", 0)
    tx.next(0)
    assert RADIO_LINK.turnaround_ms < tx.next_deadline() < RADIO_LINK.min_rto_ms


def test_strangers_come_after_control_and_before_fragments_and_are_told_apart():
    tx = queue()
    known, unknown = sender(50), sender(50)
    unknown._tally.stranger = True
    unknown.start(tx, 0)
    known.start(tx, 0)
    tx.put(b"RETRY", 0, stranger=True)
    tx.put(b"HELLO", 0)
    tx.put_message(1, b"sealed", 0)
    order = []
    while (frame := tx.next()) is not None:
        order.append((frame[:6], tx.for_stranger))
    assert [stranger for _, stranger in order] == [False, True, True, False, False]
    assert [frame for frame, _ in order[:2]] == [b"HELLO", b"RETRY"]
    assert not tx.waits()


def test_strangers_do_not_fill_the_lane_of_control():
    tx = queue(2)
    for _ in range(5):
        tx.put(b"RETRY", 0, stranger=True)
    assert tx.waits()
    assert tx.put(b"HELLO", 0) == 1 + 5  # and it need not wait for them
    assert len(drain(tx)) == 3


def test_what_can_wait_is_told_when_the_link_is_free():
    tx = queue(link=RADIO_LINK)
    assert tx.quiet_from(7) == 7
    tx.put(b"question", 7, asks=True)
    assert tx.quiet_from(7) is None
    tx.next(7)
    assert tx.quiet_from(7) > 7 + RADIO_LINK.airtime_ms(8)
    tx.heard()
    assert tx.quiet_from(9) == 9
