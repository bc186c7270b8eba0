# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two sessions with keys in hand, joined by hand: what each frame does."""

import itertools

import pytest

from pqmesh.engine import ratchet, stream
from pqmesh.engine.context import Context
from pqmesh.engine.events import Closed, Delivered, Expired, Lost, Moved, Received
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.session import CLOSING, DRAINING, ENDED, OPEN, PENDING, Session
from pqmesh.errors import (
    BadTag,
    Busy,
    Exhausted,
    Malformed,
    ProtocolError,
    Replayed,
    UnknownKind,
    UsageError,
)
from pqmesh.limits import (
    BOARD,
    FAILED_TAGS_PER_KEY,
    FRAMES_PER_KEY,
    LATE_MS,
    REKEY_FRAMES,
    REKEY_MS,
    SERIAL_LINK,
    replace,
)
from pqmesh.wire.handshake import Params
from pqmesh.wire.session import decode_header
from support.model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
LINK = replace(SERIAL_LINK, mtu=100, keepalive_ms=1000, silence_ms=3000)
SEGMENT = 100 - 5 - 6 - 2 - 16


class End:
    """One session and the context around it."""

    def __init__(self, side, link=LINK, limits=BOARD, peer=None):
        self.context = Context(None, CRYPTO, CountingEntropy(b"%d" % side), link, limits)
        chains = (b"\x01" * 32, b"\x02" * 32)
        params = peer or Params(4096, 8, 0, bytes(4))
        send, receive = chains[side], chains[1 - side]
        outcome = Outcome(b"peer", params, b"sessionx", send, receive, b"", b"")
        self.session = Session(self.context, 7, (side, 1 - side), outcome)

    def frames(self):
        out = []
        while (frame := self.context.tx.next()) is not None:
            out.append(frame)
        return out

    def events(self):
        seen, self.context.events[:] = list(self.context.events), []
        return seen

    def take(self, frame, now=0):
        self.session.take(self.session.open(decode_header(frame), frame, now), now)


class Two:
    """Two open ends; ``pass_on`` carries what is queued until nobody has more to say."""

    def __init__(self, link=LINK, **options):
        self.ends = (End(0, link, **options), End(1, link, **options))
        for end in self.ends:
            end.session.admit(0)

    def pass_on(self, now=0, lose=lambda side, frame: False):
        quiet = False
        while not quiet:
            quiet = True
            for side in (0, 1):
                for frame in self.ends[side].frames():
                    quiet = False
                    if not lose(side, frame):
                        self.ends[1 - side].take(frame, now)


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


# Keys


def test_every_octet_of_a_frame_is_authenticated(two):
    two.ends[0].session.send(b"hello", 0)
    (frame,) = two.ends[0].frames()
    for where in range(len(frame)):
        for bit in (1, 0x80):
            spoilt = bytearray(frame)
            spoilt[where] ^= bit
            with pytest.raises(ProtocolError):
                two.ends[1].take(bytes(spoilt))
    assert two.ends[1].session._packets._replay.highest == -1  # moved only after verification
    two.ends[1].take(frame)
    assert two.ends[1].events() == [Received(7, b"hello")]


def test_a_frame_is_taken_once(two):
    two.ends[0].session.send(b"hello", 0)
    (frame,) = two.ends[0].frames()
    two.ends[1].take(frame)
    with pytest.raises(Replayed):
        two.ends[1].take(frame)


def test_a_reflected_frame_is_not_ours(two):
    two.ends[0].session.send(b"hello", 0)
    (frame,) = two.ends[0].frames()
    with pytest.raises(BadTag):
        two.ends[0].take(frame)


def test_no_nonce_is_used_twice_across_the_16_bit_wrap(two):
    one, other = two.ends
    one.session._packets.next_number = 0xFFFE
    other.session._packets._replay.accept(0xFFF0)
    for n in range(4):
        one.session.send(b"%d" % n, 0)
        two.pass_on()
    assert [event.payload for event in other.events()] == [b"0", b"1", b"2", b"3"]
    assert one.session._packets.next_number == 0x10002


def test_a_frame_without_room_for_a_tag_is_forged(two):
    frame = b"\x00\x00\x01\x00\x00" + bytes(15)
    with pytest.raises(BadTag, match="room"):
        two.ends[1].take(frame)


def test_a_session_goes_on_beyond_the_frames_of_any_key(two):
    one, other = two.ends
    for n in range(3 * REKEY_FRAMES):
        one.session.send(b"%d" % n, n)
        two.pass_on(n)
    assert len(other.events()) == 3 * REKEY_FRAMES
    epochs = [end.session._packets.ratchet.sending.number for end in two.ends]
    assert min(epochs) >= 2
    assert abs(epochs[0] - epochs[1]) <= 1


def test_an_hour_later_the_next_frame_has_new_keys_and_the_old_ones_go(two):
    one, other = two.ends
    one.session.send(b"before", 0)
    two.pass_on(0)
    one.session.send(b"after", REKEY_MS)
    two.pass_on(REKEY_MS)
    assert [event.payload for event in other.events()] == [b"before", b"after"]
    assert other.session._packets.ratchet._previous is not None
    other.session.handle_timeout(REKEY_MS + LATE_MS)
    assert other.session._packets.ratchet._previous is None


def test_a_late_frame_of_the_old_epoch_is_still_taken():
    two = Two(replace(LINK, ack_every=9))
    one, other = two.ends
    one.session.send(b"late", 0)
    (late,) = one.frames()
    one.session.send(b"early", REKEY_MS)
    for frame in (*one.frames(), late):
        other.take(frame, REKEY_MS + 1)
    assert [event.payload for event in other.events()] == [b"late", b"early"]


def test_a_key_that_nobody_follows_seals_only_so_many_frames(two):
    end = two.ends[0]
    end.session._packets.ratchet.step()
    end.session._packets.ratchet._sealed_frames = FRAMES_PER_KEY - 1
    end.session.send(bytes(2 * SEGMENT), 0)
    assert end.session._packets.ratchet._sealed_frames == FRAMES_PER_KEY
    assert end.events() == [Lost(7, "the key has sealed all the frames it may")]
    assert end.session.state == ENDED


def forge(end, count, now=0, epoch=0):
    for number in range(count):
        frame = bytes([epoch << 4, 0, 1]) + (1000 + number % 1000).to_bytes(2, "big") + bytes(16)
        with pytest.raises((BadTag, Exhausted)):
            end.take(frame, now)


def test_forgeries_up_to_the_limit_end_a_key_and_never_the_session(two):
    """Property 9 of constrained-design 5.6, with its real limit."""
    one, other = two.ends
    forge(other, FAILED_TAGS_PER_KEY // 2 - 1)
    assert other.frames() == []
    forge(other, FAILED_TAGS_PER_KEY // 2 + 1)
    (ask,) = other.frames()  # one Ping, under our next key
    assert ask[0] == 0x12
    one.session.send(b"while forgeries rain", 0)
    (frame,) = one.frames()
    with pytest.raises(Exhausted):
        other.take(frame)  # the old key is tried no more
    one.take(ask)
    two.pass_on()
    one.session.handle_timeout(one.session.next_deadline())
    two.pass_on()
    assert [event.payload for event in other.events()] == [b"while forgeries rain"]
    assert {end.session.state for end in two.ends} == {OPEN}


def test_forgeries_for_the_next_key_end_that_one(two):
    one, other = two.ends
    state = other.session._packets.ratchet
    for now in range(0, 500_000, 100_000):
        for end in two.ends:
            end.session._heard(now)
        following = state._current.number + 1 & 3
        forge(other, FAILED_TAGS_PER_KEY // 2, now, following)
        one.session.send(b"%d" % now, now)
        two.pass_on(now)
        assert other.events() == [Received(7, b"%d" % now)]
        two.pass_on(now + 1)
    assert state.sending.number >= 5


def test_a_request_for_new_keys_that_got_lost_is_made_again(two, monkeypatch):
    monkeypatch.setattr(ratchet, "FAILED_TAGS_PER_KEY", 4)
    one, other = two.ends
    forge(other, 4)
    assert len(other.frames()) == 1  # lost
    forge(other, 1, now=1)
    assert other.frames() == []
    one.session.send(b"still here", 5000)
    (frame,) = one.frames()
    with pytest.raises(Exhausted):
        other.take(frame, 5000)  # what the peer says in vain draws it too
    two.pass_on(5001)
    one.session.handle_timeout(8000)
    two.pass_on(8000)
    assert [event.payload for event in other.events()] == [b"still here"]


def test_before_it_is_open_a_session_asks_for_nothing(monkeypatch):
    monkeypatch.setattr(ratchet, "FAILED_TAGS_PER_KEY", 4)
    end = End(1)
    forge(end, 4)
    assert end.frames() == []


def test_the_end_of_a_session_erases_its_keys(two):
    epoch = two.ends[0].session._packets.ratchet.sending
    two.ends[0].session.close(0, 0)
    two.pass_on()
    assert two.ends[0].session.state == ENDED
    assert epoch.key == bytes(32)


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


# Addresses


def carried(end, frame, source, now=0):
    end.context.source = source
    end.take(frame, now)


def test_answers_go_where_the_newest_genuine_frame_came_from(two):
    one, other = two.ends
    for number, source in enumerate((b"here", b"here", b"there")):
        one.session.send(b"%d" % number, 0)
        for frame in one.frames():
            carried(other, frame, source)
        assert other.session.address == source
        (_,) = other.frames()
        assert other.context.tx.destination == source
    assert [event for event in other.events() if isinstance(event, Moved)] == [Moved(7, b"there")]


def test_neither_a_forgery_nor_a_late_frame_moves_a_session():
    two = Two(replace(LINK, ack_every=9))
    one, other = two.ends
    for number in range(3):
        one.session.send(b"%d" % number, 0)
    first, second, third = one.frames()
    carried(other, first, b"home")
    carried(other, third, b"away")
    carried(other, second, b"home")  # older than the one from away
    with pytest.raises(BadTag):
        carried(other, b"\x00\x00\x01\x00\x09" + bytes(20), b"attacker")
    assert other.session.address == b"away"
    assert [event for event in other.events() if isinstance(event, Moved)] == [Moved(7, b"away")]


def test_where_there_are_no_addresses_nothing_moves(two):
    two.ends[0].session.send(b"hello", 0)
    two.pass_on()
    assert two.ends[1].session.address == b""


def test_the_first_address_heard_is_no_move_nor_is_one_before_it_is_open():
    one, other = End(0), End(1)
    one.session.admit(0)
    for source in (b"home", b"away"):
        one.session.confirm(0)
        carried(other, one.frames()[0], source)
    assert other.session.address == b"away"
    assert other.events() == []


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
