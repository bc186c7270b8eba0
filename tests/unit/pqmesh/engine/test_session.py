# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two sessions with keys in hand, joined by hand: what each frame does."""

import itertools

import pytest

from pqmesh.engine import stream
from pqmesh.engine.events import Closed, Delivered, Expired, Lost, Received
from pqmesh.engine.session import CLOSING, DRAINING, ENDED, OPEN, PENDING
from pqmesh.errors import (
    Busy,
    Exhausted,
    Malformed,
    UnknownKind,
    UsageError,
)
from pqmesh.limits import (
    BOARD,
    replace,
)
from pqmesh.wire.handshake import Params
from support.session_pair import LINK, SEGMENT, End, Two


@pytest.fixture
def two():
    return Two()


def test_a_message_arrives_whole_and_is_acknowledged(two):
    number = two.ends[0].session.send(b"hello", 5)
    two.pass_on(9)
    assert two.ends[1].events() == [Received(7, b"hello")]
    assert two.ends[0].events() == [Delivered(7, number, 4)]


@pytest.mark.parametrize("size", [0, 1, SEGMENT, SEGMENT + 1, 4096])
def test_every_size(two, size):
    payload = bytes(i % 251 for i in range(size))
    two.ends[0].session.send(payload, 0)
    two.pass_on()
    assert two.ends[1].events() == [Received(7, payload)]


def test_frames_fill_the_mtu_and_no_more(two):
    two.ends[0].session._stream._unacknowledged = 1
    two.ends[0].session.send(bytes(4000), 0)
    assert max(len(frame) for frame in two.ends[0].frames()) == LINK.mtu


def test_an_acknowledgement_rides_on_data():
    two = Two(replace(LINK, ack_every=9))
    two.ends[0].session.send(bytes(2 * SEGMENT), 0)
    two.ends[1].take(two.ends[0].frames()[0])
    two.ends[1].session.send(b"answer", 0)
    (frame,) = two.ends[1].frames()
    assert frame[0] == 0x09  # ACK, SEGMENT
    two.ends[1].session.handle_timeout(LINK.ack_delay_ms)
    assert two.ends[1].frames() == []
    two.ends[0].take(frame)
    assert two.ends[0].session._stream._outgoing.oldest().sequence == 1


def test_an_acknowledgement_said_twice_is_no_news(two):
    one, other = two.ends
    number = one.session.send(b"hello", 0)
    two.pass_on()
    other.session._stream._unacknowledged = 1
    other.session.confirm(0)
    two.pass_on()
    assert one.events() == [Delivered(7, number, 0)]


def test_a_lone_segment_in_the_middle_waits_for_company():
    two = Two(replace(LINK, ack_every=3, ack_delay_ms=40, window=2))
    two.ends[0].session.send(bytes(3 * SEGMENT), 0)
    first, second = two.ends[0].frames()
    two.ends[1].take(first, 100)
    assert two.ends[1].frames() == []
    assert two.ends[1].session.next_deadline() == 140
    two.ends[1].take(second, 120)
    assert two.ends[1].session.next_deadline() == 140  # the first one's time counts
    two.ends[1].session.handle_timeout(140)
    (ack,) = two.ends[1].frames()
    two.ends[0].take(ack, 141)
    assert len(two.ends[0].frames()) == 1


def test_a_lost_segment_is_sent_again_when_a_later_one_is_acknowledged(two):
    two.ends[0].session.send(bytes(4 * SEGMENT), 0)
    lost = []

    def lose_first(side, frame):
        lost.append(frame)
        return len(lost) == 1

    two.pass_on(lose=lose_first)
    assert len(two.ends[1].events()) == 1
    assert two.ends[0].context.stats.frames_retransmitted == 1


def test_unanswered_segments_are_sent_again_with_back_off_until_silence_judges(two):
    end = two.ends[0]
    end.session.send(b"hello", 0)
    times, now = [], 0
    while end.session.state != ENDED:
        end.frames()
        now = end.session.next_deadline()
        before = end.context.stats.frames_retransmitted
        end.session.handle_timeout(now)
        if end.context.stats.frames_retransmitted > before:
            times.append(now)
    assert end.events() == [Lost(7, "the peer went silent")]
    assert now == LINK.silence_ms
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[0] < gaps[-1]


def test_where_silence_means_nothing_the_tries_are_counted():
    two = Two(replace(LINK, keepalive_ms=0, silence_ms=0, tries=3))
    end = two.ends[0]
    assert end.session.next_deadline() is None
    end.session.send(b"hello", 0)
    frames = end.frames()
    while end.session.state != ENDED:
        end.session.handle_timeout(end.session.next_deadline())
        frames += end.frames()
    assert len(frames) == 4
    assert end.events() == [Lost(7, "no acknowledgement")]


def test_a_peer_that_is_there_but_never_acknowledges_is_given_up_too(two):
    end, now = two.ends[0], 0
    end.session.send(b"hello", 0)
    while end.session.state != ENDED:
        end.session._heard(now)
        end.frames()
        now = end.session.next_deadline()
        end.session.handle_timeout(now)
    assert end.events() == [Lost(7, "no acknowledgement")]


def test_a_timer_that_lost_its_reason_does_nothing(two):
    end = two.ends[0]
    end.session._stream._timers.set(stream._RETRANSMIT, 5)
    end.session.handle_timeout(5)
    assert end.frames() == []


def test_a_quiet_peer_is_asked_and_an_answer_is_enough(two):
    two.ends[0].session.handle_timeout(1000)
    (ping,) = two.ends[0].frames()
    assert len(ping) == 22
    two.ends[1].take(ping, 1001)
    (pong,) = two.ends[1].frames()
    assert len(pong) == 21
    two.ends[0].take(pong, 1002)
    assert two.ends[0].session.next_deadline() == 2002


def test_a_silent_peer_is_asked_more_often_and_then_given_up(two):
    end, pings, now = two.ends[0], [], 0
    while end.session.state != ENDED:
        now = end.session.next_deadline()
        end.session.handle_timeout(now)
        pings += [now] * len(end.frames())
    assert pings[:2] == [1000, 1000 + LINK.ping_again_ms()]
    assert len(pings) >= 8
    assert now == 3000
    assert end.events() == [Lost(7, "the peer went silent")]


def test_close_is_told_and_answered(two):
    two.ends[0].session.close(16, 0)
    assert two.ends[0].session.state == CLOSING
    two.pass_on()
    assert two.ends[0].events() == [Closed(7, 16, False)]
    assert two.ends[1].events() == [Closed(7, 16, True)]
    assert two.ends[0].session.state == ENDED
    assert two.ends[1].session.state == DRAINING


def test_a_lost_answer_to_close_is_given_again_while_draining(two):
    one, other = two.ends
    one.session.close(0, 0)
    (close,) = one.frames()
    other.take(close)
    other.frames()  # the answer is lost
    one.session.handle_timeout(one.session.next_deadline())
    two.pass_on()
    assert one.events() == [Closed(7, 0, False)]
    assert other.events() == [Closed(7, 0, True)]
    other.session.handle_timeout(other.session.next_deadline())
    assert other.session.state == ENDED
    assert other.events() == []


def test_an_unanswered_close_ends_after_a_few_tries(two):
    end = two.ends[0]
    end.session.close(3, 0)
    frames = end.frames()
    while end.session.state != ENDED:
        end.session.handle_timeout(end.session.next_deadline())
        frames += end.frames()
    assert len(frames) == 4
    assert end.events() == [Closed(7, 3, False)]


def test_both_may_close_at_once(two):
    for reason, end in enumerate(two.ends):
        end.session.close(reason, 0)
    two.pass_on(lose=lambda side, frame: two.ends[1 - side].session.state == ENDED)
    assert two.ends[0].events() == [Closed(7, 0, False)]
    assert two.ends[1].events() == [Closed(7, 1, False)]


def test_closed_out_of_the_blue_changes_nothing(two):
    two.ends[0].session._transmit(2, b"\x03", 0)
    two.pass_on()
    assert two.ends[1].session.state == OPEN
    assert two.ends[1].events() == []


def test_after_close_nothing_else_is_taken(two):
    one, other = two.ends
    other.session.send(b"too late", 0)
    (data,) = other.frames()
    ping = other.session._transmit(2, b"\x01", 0)
    assert ping
    one.session.close(0, 0)
    one.take(data)
    one.take(other.frames()[0])
    assert one.events() == []
    assert len(one.frames()) == 1  # the Close alone


@pytest.mark.parametrize("reason", [-1, 256])
def test_a_reason_fits_an_octet(two, reason):
    with pytest.raises(UsageError):
        two.ends[0].session.close(reason, 0)
    assert two.ends[0].session.state == OPEN


def test_a_message_is_as_long_as_both_sides_take():
    for peer, most in ((Params(100, 8, 0, bytes(4)), 100), (Params(60_000, 8, 0, bytes(4)), 4096)):
        end = End(0, peer=peer)
        end.session.admit(0)
        end.session.send(bytes(most), 0)
        with pytest.raises(UsageError, match=str(most)):
            end.session.send(bytes(most + 1), 0)


def test_a_full_queue_says_busy(two):
    for _ in range(BOARD.queue_messages):
        two.ends[0].session.send(b"x", 0)
    with pytest.raises(Busy):
        two.ends[0].session.send(b"x", 0)


def test_an_urgent_message_overtakes_what_has_not_begun():
    two = Two(replace(LINK, window=1))
    one, other = two.ends
    one.session.send(b"first", 0)
    one.session.send(b"idle talk", 0)
    one.session.send(b"fire", 0, priority=1)
    two.pass_on()
    assert [event.payload for event in other.events()] == [b"first", b"fire", b"idle talk"]


def test_a_message_that_came_too_late_is_dropped_whole_and_said_so():
    two = Two(replace(LINK, window=1, ack_every=1))
    one, other = two.ends
    begun = one.session.send(bytes(3 * SEGMENT), 0, deadline=10)
    waits = one.session.send(b"stale", 0, deadline=100)
    one.frames()
    assert one.session.next_deadline() == 100
    one.session.handle_timeout(99)
    assert one.events() == []
    one.session.handle_timeout(100)
    assert one.events() == [Expired(7, waits)]
    now = one.session.next_deadline()
    one.session.handle_timeout(now)
    two.pass_on(now)
    assert one.events() == [Delivered(7, begun, now)]  # what has begun is finished
    assert other.events() == [Received(7, bytes(3 * SEGMENT))]


def test_a_message_whose_time_is_over_already_never_leaves(two):
    number = two.ends[0].session.send(b"late", 50, deadline=50)
    assert two.ends[0].events() == [Expired(7, number)]
    assert two.ends[0].frames() == []
    two.ends[0].session.send(b"in time", 50)
    two.pass_on(50)
    assert two.ends[1].events() == [Received(7, b"in time")]


def test_a_session_that_is_closing_drops_no_message_by_time(two):
    one = two.ends[0]
    one.session.send(bytes(20 * SEGMENT), 0)
    one.session.send(b"later", 0, deadline=1)
    one.session.close(0, 0)
    assert one.session.next_deadline() > 1
    one.session.handle_timeout(5)
    assert one.events() == []


def test_a_peer_without_a_window_still_gets_one_segment_at_a_time():
    end = End(0, peer=Params(4096, 0, 0, bytes(4)))
    end.session.admit(0)
    end.session.send(bytes(1000), 0)
    assert len(end.frames()) == 1


# Frames that are genuine and yet wrong


@pytest.mark.parametrize(
    ("content", "body", "error"),
    [
        (0, b"x", Malformed),  # content where there is none
        (1, b"\x00", Malformed),  # half a sequence number
        (2, b"", Malformed),
        (2, b"\x09", UnknownKind),
        (1, b"\x80\x7f", Exhausted),  # beyond the window
    ],
)
def test_a_misbehaving_peer_costs_it_the_frame(two, content, body, error):
    two.ends[0].session._transmit(content, body, 0)
    (frame,) = two.ends[0].frames()
    with pytest.raises(error):
        two.ends[1].take(frame)
    two.ends[0].session.send(b"still here", 0)
    two.pass_on()
    assert two.ends[1].events() == [Received(7, b"still here")]


# Before and after


def test_a_full_handshake_says_who_began_and_when():
    end = End(0)
    assert end.session.began_at is None
    end.session.began(True, 5)
    end.session.admit(9)
    assert (end.session.ours, end.session.began_at, end.session.opened_at) == (True, 5, 9)


def test_what_a_session_had_queued_ends_with_it(two):
    one, other = two.ends
    one.session.send(bytes(4 * SEGMENT), 0)
    one.session.discard()
    assert one.frames() == []
    other.session.send(bytes(4 * SEGMENT), 0)
    other.session.close(0, 0)
    assert len(other.frames()) == 5  # data first, and then the Close


def test_pending_neither_sends_nor_listens():
    one, other = End(0), End(1)
    other.session.admit(0)
    assert one.session.state == PENDING
    assert one.session.next_deadline() is None
    other.session.send(b"early", 0)
    one.take(other.frames()[0])
    one.session._pump(0)
    assert one.events() == []
    assert one.frames() == []


def test_repeat_gives_m4_again_or_the_refusal_or_nothing(two):
    end = two.ends[0]
    end.session.repeat(0)
    assert [len(frame) for frame in end.frames()] == [21]
    end.session.close(2, 0)
    end.frames()
    end.session.repeat(0)
    assert [len(frame) for frame in end.frames()] == [23]
    end.session.discard()
    end.session.repeat(0)
    assert end.frames() == []


def test_quiet_sessions_end_without_a_word():
    end = End(0)
    end.session.quiet = True
    end.session.close(2, 0)
    while end.session.state != ENDED:
        end.session.handle_timeout(end.session.next_deadline())
    assert end.events() == []


def test_replaced_says_so_once(two):
    two.ends[0].session.replaced(1)
    assert two.ends[0].events() == [Closed(7, 1, True)]
    assert two.ends[0].session.state == ENDED
    assert two.ends[0].session.next_deadline() is None
