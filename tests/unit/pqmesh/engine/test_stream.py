# SPDX-License-Identifier: MIT OR Apache-2.0
"""The stream of one session, joined to its peer's by hand: acknowledgements and timers."""

import pytest

from pqmesh.engine.context import Context
from pqmesh.engine.stream import Stream
from pqmesh.errors import Malformed
from pqmesh.limits import BOARD, SERIAL_LINK, replace
from pqmesh.wire.handshake import Params
from pqmesh.wire.layout import decode, decode_at
from pqmesh.wire.session import AckBlock, SegmentHeader
from support.model_crypto import CountingEntropy, ModelCrypto

LINK = replace(SERIAL_LINK, mtu=100, ack_every=2, ack_delay_ms=20)
SEGMENT = 100 - 5 - 6 - 2 - 16


def stream(link=LINK, window=8):
    context = Context(None, ModelCrypto(), CountingEntropy(b""), link, BOARD)
    return Stream(context, Params(4096, window, 0, bytes(4)))


def send(one, now=0):
    """Everything that is due, as (header, data)."""
    sent = []
    while (segment := one.next_due()) is not None:
        one.sent(segment, len(sent), now, now)
        body = memoryview(segment.body())
        header, at = decode_at(SegmentHeader, body, 0)
        sent.append((header, body[at:]))
    return sent


def test_a_message_and_its_acknowledgement():
    one, other = stream(), stream()
    assert one.push(b"hello") == 1
    ((header, data),) = send(one)
    assert other.on_segment(header, data, 5) == [b"hello"]
    assert other.ack_due(5)
    ack = decode(AckBlock, other.take_ack())
    assert one.on_ack(ack, 9) == [(1, 9)]
    assert one.next_deadline() is None
    assert one.on_ack(ack, 10) == []


def test_no_news_is_no_acknowledgement():
    one = stream()
    assert one.take_ack() == b""
    assert not one.ack_due(1000)


def test_the_first_of_two_waits_for_the_second():
    one, other = stream(), stream()
    one.push(bytes(3 * SEGMENT))
    first, second, _ = send(one)
    assert other.on_segment(*first, 100) == []
    assert other.next_deadline() == 120
    assert not other.ack_due(119)
    assert other.on_segment(*second, 110) == []
    assert other.ack_due(110)
    assert len(other.take_ack()) == 6
    assert not other.ack_due(10_000)


def test_what_comes_out_of_order_is_acknowledged_at_once():
    one, other = stream(), stream()
    one.push(bytes(3 * SEGMENT))
    other.on_segment(*send(one)[1], 100)
    assert other.ack_due(100)


def test_a_segment_in_the_middle_keeps_the_first_ones_time():
    one, other = stream(), stream(replace(LINK, ack_every=3))
    one.push(bytes(4 * SEGMENT))
    first, second, *_ = send(one)
    other.on_segment(*first, 100)
    other.on_segment(*second, 110)
    assert other.next_deadline() == 120


def test_on_a_shared_link_nobody_talks_into_a_burst():
    link = replace(LINK, point_to_point=False, ack_every=4)
    one, other = stream(link), stream(link)
    one.push(bytes(4 * SEGMENT))
    first, _, third, last = send(one)
    wait = link.turnaround_ms + link.airtime_ms(link.mtu)
    other.on_segment(*first, 100)
    assert other.next_deadline() == 100 + wait
    other.on_segment(*third, 150)  # the second is missing, and that can wait
    assert other.next_deadline() == 150 + wait
    other.on_segment(*last, 200)
    assert other.next_deadline() == 200


def test_what_stays_unanswered_is_due_again_and_counted():
    one = stream()
    one.push(b"hello")
    send(one, 50)
    due = one.next_deadline()
    assert due == 50 + one.rtt.rto()
    assert not one.retransmit_due(due - 1)
    assert one.retransmit_due(due)
    assert one.retransmit()
    assert len(send(one, due)) == 1
    assert one._context.stats.frames_retransmitted == 1
    assert one.next_deadline() > due + due - 50  # backed off


def test_what_others_keep_waiting_is_not_lost():
    one = stream()
    one.push(b"hello")
    segment = one.next_due()
    one.sent(segment, 0, 50, 0)
    segment.queued = True
    due = one.next_deadline()
    assert not one.retransmit_due(due)  # still in the queue
    segment.left(due + 10)
    after = one.next_deadline()
    assert after == due + one.rtt.rto()
    assert not one.retransmit_due(after)  # it left later than was reckoned
    assert one.next_deadline() == after + 10
    assert one.retransmit_due(after + 10)


@pytest.mark.parametrize(("silence", "most"), [(0, LINK.tries), (30_000, 39)])
def test_a_segment_is_tried_only_so_often(silence, most):
    one = stream(replace(LINK, silence_ms=silence))
    one.push(b"hello")
    send(one)
    tries = 0
    while one.retransmit():
        send(one)
        tries += 1
    assert tries == most


def test_a_peer_that_is_heard_is_patiently_asked():
    one = stream(replace(LINK, silence_ms=0))
    one.push(b"hello")
    for _ in range(30):
        send(one)
        assert one.retransmit()
        one.heard()


def test_a_timer_without_a_segment_is_no_reason():
    one = stream()
    one._timers.set(1, 5)
    assert not one.retransmit_due(5)
    assert not one.retransmit()


def test_a_deadline_is_a_timer_too():
    one = stream(window=1)
    one.push(b"goes first", 1)
    number = one.push(b"waits", 0, deadline=40)
    send(one)
    assert one.next_deadline() == 40
    assert one.expire(39) == []
    assert one.expire(40) == [number]


def test_nothing_runs_after_the_end():
    one = stream()
    one.push(b"hello")
    send(one)
    one.stop()
    assert one.next_deadline() is None


def test_an_acknowledgement_of_what_was_never_sent():
    with pytest.raises(Malformed):
        stream().on_ack(AckBlock(1, 0), 0)


def test_the_smaller_window_counts():
    for mine, theirs, most in ((8, 3, 3), (2, 8, 2), (8, 0, 1)):
        one = stream(replace(LINK, window=mine), theirs)
        one.push(bytes(20 * SEGMENT))
        assert len(send(one)) == most
