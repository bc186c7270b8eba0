# SPDX-License-Identifier: MIT OR Apache-2.0
"""What two sessions do with their keys, and with the addresses their frames come from."""

import pytest

from pqmesh.engine import ratchet
from pqmesh.engine.events import Lost, Moved, Received
from pqmesh.engine.session import ENDED, OPEN
from pqmesh.errors import (
    BadTag,
    Exhausted,
    ProtocolError,
    Replayed,
)
from pqmesh.limits import (
    FAILED_TAGS_PER_KEY,
    FRAMES_PER_KEY,
    LATE_MS,
    REKEY_FRAMES,
    REKEY_MS,
    replace,
)
from support.session_pair import LINK, SEGMENT, End, Two


@pytest.fixture
def two():
    return Two()


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


def test_03_a_reflected_frame_is_not_ours(two):
    two.ends[0].session.send(b"hello", 0)
    (frame,) = two.ends[0].frames()
    with pytest.raises(BadTag):
        two.ends[0].take(frame)


def test_08_no_nonce_is_used_twice_across_the_16_bit_wrap(two):
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


def test_08_a_late_frame_of_the_old_epoch_is_still_taken():
    two = Two(replace(LINK, ack_every=9))
    one, other = two.ends
    one.session.send(b"late", 0)
    (late,) = one.frames()
    one.session.send(b"early", REKEY_MS)
    for frame in (*one.frames(), late):
        other.take(frame, REKEY_MS + 1)
    assert [event.payload for event in other.events()] == [b"late", b"early"]


def test_08_a_frame_is_taken_once_across_a_re_key():
    two = Two(replace(LINK, ack_every=9))
    one, other = two.ends
    one.session.send(b"old", 0)
    (old,) = one.frames()
    other.take(old)
    one.session.send(b"new", REKEY_MS)
    for frame in one.frames():
        other.take(frame, REKEY_MS)
    with pytest.raises(Replayed):
        other.take(old, REKEY_MS + 1)
    assert [event.payload for event in other.events()] == [b"old", b"new"]


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


def test_09_forgeries_up_to_the_limit_end_a_key_and_never_the_session(two):
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
