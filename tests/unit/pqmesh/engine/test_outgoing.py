# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sending window: what is due, what is lost, what is delivered."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.outgoing import SendWindow
from pqmesh.errors import Busy, Malformed
from pqmesh.limits import BOARD, replace
from pqmesh.wire.session import AckBlock

LIMITS = replace(BOARD, queue_messages=3, queue_bytes=100)


class Bench:
    """A window whose packets are numbered from 0, each sent at its own number."""

    def __init__(self, window=4, reorder=1):
        self.window = SendWindow(10, window, reorder, LIMITS)
        self.packet = 0

    def send_due(self, now=None):
        sent = []
        while (segment := self.window.next_due()) is not None:
            at = self.packet if now is None else now
            self.window.sent(segment, self.packet, at, at)
            self.packet += 1
            sent.append(segment.sequence)
        return sent

    def ack(self, wanted, bitmap=0, now=100):
        block = AckBlock(wanted, bitmap)
        self.window.check(block)
        return self.window.acknowledge(block, now)


def test_a_message_is_cut_and_only_its_end_says_last():
    bench = Bench()
    assert bench.window.push(b"0123456789abcde") == 1
    first, second = bench.window.next_due(), None
    assert first.body() == b"\x00\x00" + b"0123456789"
    bench.window.sent(first, 0, 0, 0)
    second = bench.window.next_due()
    assert second.body() == b"\x80\x01" + b"abcde"


def test_a_segment_has_left_when_the_link_says_so_or_as_was_reckoned():
    bench = Bench()
    bench.window.push(b"x")
    segment = bench.window.next_due()
    bench.window.sent(segment, 0, 30, 10)
    segment.queued = True
    segment.left(None)
    assert (segment.queued, segment.sent_at) == (False, 30)
    segment.left(45)
    assert segment.sent_at == 45


def test_an_empty_message_is_one_empty_segment():
    bench = Bench()
    bench.window.push(b"")
    assert bench.window.next_due().body() == b"\x80\x00"
    assert bench.send_due() == [0]
    assert bench.ack(1).delivered == [(1, 100)]


def test_the_window_bounds_what_is_in_flight():
    bench = Bench(window=3)
    bench.window.push(b"x" * 95)
    assert bench.send_due() == [0, 1, 2]
    assert bench.ack(2).delivered == []
    assert bench.send_due() == [3, 4]


def test_delivered_is_only_what_was_taken_in_order():
    bench = Bench()
    bench.window.push(b"first")
    bench.window.push(b"second")
    bench.send_due()
    result = bench.ack(0, bitmap=0b1)  # the second is there, out of order
    assert (result.progress, result.delivered) == (True, [])
    result = bench.ack(2, now=150)
    assert result.delivered == [(1, 150), (2, 149)]
    assert bench.window.oldest() is None


def test_a_packet_sent_before_one_that_arrived_is_lost():
    bench = Bench()
    bench.window.push(b"x" * 40)
    assert bench.send_due() == [0, 1, 2, 3]
    bench.ack(0, bitmap=0b10)  # 2 is there
    assert bench.send_due() == [0, 1]
    bench.ack(0, bitmap=0b10)
    assert bench.send_due() == []  # sent again a moment ago


def test_reordering_is_given_its_chance():
    bench = Bench(reorder=2)
    bench.window.push(b"x" * 40)
    bench.send_due()
    bench.ack(0, bitmap=0b1)  # 1 is there; 0 is only one packet older
    assert bench.send_due() == []
    bench.ack(0, bitmap=0b11)
    assert bench.send_due() == [0]


def test_only_a_first_transmission_gives_a_sample():
    bench = Bench()
    bench.window.push(b"x" * 20)
    bench.send_due(now=10)
    assert bench.ack(1, now=35).rtt == 25
    bench.window.oldest().due = True
    bench.send_due(now=60)
    assert bench.ack(2, now=80).rtt is None


def test_the_newest_acknowledged_packet_is_the_sample():
    bench = Bench()
    bench.window.push(b"x" * 30)
    bench.send_due()
    assert bench.ack(2, now=50).rtt == 49


def test_a_retransmission_is_newer_than_what_was_sent_once_after_it():
    bench = Bench()
    bench.window.push(b"x" * 30)
    bench.send_due()
    bench.window.oldest().due = True
    assert bench.send_due() == [0]  # packet 3, after 0, 1, 2
    assert bench.ack(2).rtt is None  # the newest packet acknowledged is the second try
    assert bench.send_due() == [2]  # which is older than that, and still missing


def test_the_timer_runs_for_the_first_segment_that_is_missing():
    bench = Bench()
    bench.window.push(b"x" * 30)
    bench.send_due()
    bench.ack(0, bitmap=0b1)
    assert bench.window.oldest().sequence == 0
    bench.window._flight[0].here = True
    assert bench.window.oldest().sequence == 2


def test_an_old_acknowledgement_changes_nothing():
    bench = Bench()
    bench.window.push(b"x" * 40)
    bench.send_due()
    bench.ack(3)
    result = bench.ack(1)
    assert (result.progress, result.delivered, result.rtt) == (False, [], None)
    assert bench.window.oldest().sequence == 3


@pytest.mark.parametrize("block", [AckBlock(3, 0), AckBlock(0x8000, 0)])
def test_what_was_never_sent_cannot_be_acknowledged(block):
    bench = Bench()
    bench.window.push(b"x" * 20)
    bench.send_due()
    with pytest.raises(Malformed):
        bench.window.check(block)


def test_the_queue_is_bounded_in_messages_and_in_bytes():
    bench = Bench()
    bench.window.push(b"x" * 60)
    with pytest.raises(Busy, match="bytes"):
        bench.window.push(b"x" * 41)
    bench.window.push(b"x" * 40)
    bench.window.push(b"")
    with pytest.raises(Busy, match="messages"):
        bench.window.push(b"")
    bench.send_due()
    bench.ack(4)
    bench.send_due()
    assert [number for number, _ in bench.ack(6).delivered] == [1]
    bench.window.push(b"x" * 60)


def test_a_single_message_may_exceed_the_queue():
    assert Bench().window.push(b"x" * 500) == 1


def payloads(bench):
    """Everything in the order in which it leaves, each acknowledged at once."""
    out, wanted = [], 0
    while (segment := bench.window.next_due()) is not None:
        bench.window.sent(segment, bench.packet, 0, 0)
        bench.packet += 1
        out.append(segment.message.number)
        wanted += 1
        bench.ack(wanted)
    return out


def test_the_most_urgent_goes_next_and_the_oldest_of_those():
    bench = Bench(window=1)
    for priority in (0, 2, 2):
        bench.window.push(b"x", priority)
    assert payloads(bench) == [2, 3, 1]


def test_nothing_comes_between_the_pieces_of_a_message():
    bench = Bench(window=1)
    bench.window.push(b"x" * 30)
    bench.send_due()
    bench.window.push(b"x", priority=9)
    assert bench.ack(1).delivered == []
    bench.packet = 10
    order, wanted = [], 1
    while (segment := bench.window.next_due()) is not None:
        bench.window.sent(segment, bench.packet, 0, 0)
        order.append(segment.message.number)
        wanted += 1
        bench.ack(wanted)
    assert order == [1, 1, 2]


def test_what_has_not_begun_by_its_deadline_is_dropped_and_its_room_is_free():
    bench = Bench(window=1)
    bench.window.push(b"x" * 30, deadline=50)
    bench.send_due()
    bench.window.push(b"x" * 40, deadline=60)
    bench.window.push(b"x" * 30, deadline=70)
    assert bench.window.next_expiry() == 60  # the first has begun
    assert bench.window.expire(59) == []
    assert bench.window.expire(60) == [2]
    assert bench.window.next_expiry() == 70
    assert bench.window.push(b"x" * 40) == 4
    assert bench.window.expire(1000) == [3]
    assert bench.window.next_expiry() is None


@given(st.data())
def test_no_message_is_ever_half_sent(data):
    """Any priorities, deadlines and clocks: each message goes whole, or not at all."""
    bench = Bench(window=data.draw(st.integers(1, 4)))
    now = wanted = pushed = 0
    sent, expired = [], []
    for _ in range(data.draw(st.integers(1, 30))):
        now += data.draw(st.integers(0, 20))
        if data.draw(st.booleans()):
            deadline = data.draw(st.none() | st.integers(0, 200))
            try:
                bench.window.push(
                    b"x" * data.draw(st.integers(0, 35)),
                    data.draw(st.integers(-2, 2)),
                    deadline,
                )
                pushed += 1
            except Busy:
                pass
        expired += bench.window.expire(now)
        segment = bench.window.next_due()
        if segment is not None:
            bench.window.sent(segment, bench.packet, now, now)
            bench.packet += 1
            sent.append((segment.message.number, segment.last))
            wanted += 1
            bench.ack(wanted, now=now)
    runs = [number for number, _ in itertools.groupby(sent, key=lambda pair: pair[0])]
    assert len(runs) == len(set(runs))  # in one piece
    assert not set(runs) & set(expired)
    whole = {number for number, last in sent if last}
    assert set(runs) - whole <= {runs[-1]} if runs else not whole
    assert len(set(runs) | set(expired)) + len(bench.window._waiting()) == pushed


def test_sequence_numbers_wrap():
    bench = Bench(window=2)
    wanted = 0
    for _ in range(0x8000 // 2 + 3):
        bench.window.push(b"x" * 20)
        bench.send_due()
        wanted = (wanted + 2) & 0x7FFF
        assert len(bench.ack(wanted).delivered) == 1
    assert bench.window.oldest() is None
