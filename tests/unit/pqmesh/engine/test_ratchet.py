# SPDX-License-Identifier: MIT OR Apache-2.0
"""Key epochs: when they begin, what they leave behind, and that no order of frames parts two ends.

The numbers in brackets are those of constrained-design 5.6.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pqmesh.engine import ratchet as module
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.packets import Packets
from pqmesh.engine.ratchet import Epoch, Ratchet
from pqmesh.errors import BadTag, Exhausted, ProtocolError, Replayed, Unexpected
from pqmesh.kdf import derive
from pqmesh.limits import (
    FRAMES_PER_KEY,
    LATE_FRAMES,
    LATE_MS,
    RADIO_LINK,
    REKEY_BYTES,
    REKEY_FRAMES,
    REKEY_MS,
)
from pqmesh.wire.session import decode_header
from support.model_crypto import ModelCrypto

CHAINS = (b"\x01" * 32, b"\x02" * 32)


def two():
    return Ratchet(*CHAINS), Ratchet(*reversed(CHAINS))


def hear(listener, speaker, packet, now=0):
    """A frame of the speaker's epoch, with this number, verifies at the listener."""
    epoch = listener.find(speaker.sending.number & 3, packet, packet - 1)
    assert epoch.key == speaker.sending.key
    listener.verified(epoch, packet, now)


# One epoch


def test_an_epoch_is_three_children_of_its_chain_key():
    epoch = Epoch(5, CHAINS[0])
    iv = derive(CHAINS[0], b"iv", b"", 13)
    assert epoch.key == derive(CHAINS[0], b"key")
    assert epoch.nonce(0) == iv
    mixed = bytes(a ^ b for a, b in zip(epoch.nonce(0x1234567), iv, strict=True))
    assert mixed == bytes(9) + bytes.fromhex("01234567")
    after = epoch.following()
    assert after.number == 6
    assert after.key == derive(derive(CHAINS[0], b"ck"), b"key")


def test_an_erased_epoch_holds_no_secret():
    epoch = Epoch(0, CHAINS[0])
    epoch.erase()
    assert epoch.key == bytes(32)
    assert epoch.nonce(0) == bytes(13)
    assert epoch._next == bytes(32)


# When an epoch begins


@pytest.mark.parametrize(
    ("frames", "octets", "now", "begins"),
    [
        (REKEY_FRAMES - 1, 0, 0, 0),
        (REKEY_FRAMES, 0, 0, 1),
        (1, REKEY_BYTES - 1, 0, 0),
        (2, REKEY_BYTES // 2, 0, 1),
        (1, 0, REKEY_MS - 1, 0),
        (1, 0, REKEY_MS, 1),
        (0, 0, 10 * REKEY_MS, 0),  # nothing was sealed: there is nothing to protect
    ],
)
def test_the_three_triggers(frames, octets, now, begins):
    one, _ = two()
    for _ in range(frames):
        one.sealed(octets, 0)
    one.advance(now)
    assert one.sending.number == begins


def test_triggers_count_from_the_first_frame_of_the_epoch():
    one, other = two()
    one.sealed(0, 0)
    one.advance(REKEY_MS)
    hear(other, one, 0)
    hear(one, other, 0)
    one.advance(9 * REKEY_MS)
    assert one.sending.number == 1
    one.sealed(0, 9 * REKEY_MS)
    one.advance(10 * REKEY_MS - 1)
    assert one.sending.number == 1
    one.advance(10 * REKEY_MS)
    assert one.sending.number == 2


def test_nobody_goes_two_steps_ahead_of_a_peer_that_is_not_heard():
    one, other = two()
    assert one.step()
    assert not one.step()
    for _ in range(REKEY_FRAMES):
        one.sealed(0, 0)
    one.advance(0)
    assert one.sending.number == 1
    hear(other, one, 7)
    assert other.sending.number == 1  # it follows
    hear(one, other, 3)
    assert one.step()


def test_both_may_step_at_once():
    one, other = two()
    assert one.step()
    assert other.step()
    hear(one, other, 0)
    hear(other, one, 0)
    assert (one.sending.number, other.sending.number) == (1, 1)
    assert one.step()
    hear(other, one, 1)
    assert (one.sending.number, other.sending.number) == (2, 2)


def test_an_epoch_of_which_every_frame_was_lost_is_skipped():
    one, other = two()
    assert one.step()
    hear(other, one, 0)  # the other follows to 1, all that it says is lost, and steps again
    assert other.step()
    before = one._current
    hear(one, other, 300)
    assert (one.sending.number, one._current.number, one._previous.number) == (2, 2, 1)
    assert before.key == bytes(32)


def test_2_to_the_20_frames_wear_out_a_key_only_if_the_peer_never_follows():
    one, other = two()
    assert one.step()
    for _ in range(FRAMES_PER_KEY):
        one.sealed(0, 0)
    assert one.worn_out()
    hear(other, one, 5)
    hear(one, other, 5)
    one.advance(0)
    assert not one.worn_out()


# Late frames


def test_the_old_epoch_opens_late_frames_until_eight_new_ones_came():
    one, other = two()
    hear(other, one, 0)
    assert one.step()
    for count in range(1, LATE_FRAMES):
        hear(other, one, 10 + count)
        assert other.find(0, 9, 20).number == 0
    old = other.find(0, 9, 20)
    hear(other, one, 30)
    with pytest.raises(Unexpected, match="over"):
        other.find(0, 9, 30)
    assert old.key == bytes(32)
    assert other.next_deadline() is None


def test_or_until_two_minutes_have_passed():
    one, other = two()
    assert one.step()
    hear(other, one, 10, now=500)
    assert other.next_deadline() == 500 + LATE_MS
    other.handle_timeout(500 + LATE_MS - 1)
    old = other.find(0, 9, 10)
    other.verified(old, 9, 501)
    other.handle_timeout(500 + LATE_MS)
    with pytest.raises(Unexpected):
        other.find(0, 8, 10)
    assert old.key == bytes(32)


def test_an_old_key_opens_nothing_that_is_newer_than_the_new_ones_first():
    """RFC 9001, 6.4: numbers and epochs grow together."""
    one, other = two()
    assert one.step()
    hear(other, one, 10)
    hear(other, one, 9)
    assert other.find(0, 8, 10).number == 0
    for packet in (9, 11):
        with pytest.raises(Unexpected):
            other.find(0, packet, 10)


def test_a_new_epoch_does_not_begin_before_the_newest_frame():
    one, other = two()
    hear(other, one, 20)
    with pytest.raises(Unexpected, match="begun"):
        other.find(1, 19, 20)


# Forged bits


def test_a_forged_epoch_costs_one_derivation_however_often(monkeypatch):
    made = []

    class Counted(Epoch):
        def __init__(self, number, chain):
            made.append(number)
            super().__init__(number, chain)

    monkeypatch.setattr(module, "Epoch", Counted)
    one, other = two()
    made.clear()
    for _ in range(50):
        for bits in range(4):
            try:
                one.failed(one.find(bits, 100, 5))
            except Unexpected:
                continue
    assert made == [1]
    assert one.step()  # ours; the peer's next one is there already
    assert made == [1, 1]
    for _ in range(50):
        one.failed(one.find(2, 100, 5))
    assert made == [1, 1, 2]
    other.step()


def test_an_old_key_that_is_tried_too_often_goes_early(monkeypatch):
    monkeypatch.setattr(module, "FAILED_TAGS_PER_KEY", 2)
    one, other = two()
    assert one.step()
    hear(other, one, 10)
    old = other.find(0, 9, 10)
    for _ in range(2):
        other.failed(old)
    with pytest.raises(Unexpected):
        other.find(0, 9, 10)
    assert not other.threatened()


def test_a_key_of_the_future_can_be_threatened_too(monkeypatch):
    monkeypatch.setattr(module, "FAILED_TAGS_PER_KEY", 4)
    one, _ = two()
    ahead = one.find(1, 100, 5)
    one.failed(ahead)
    assert not one.threatened()
    one.failed(ahead)
    assert one.threatened()
    assert not ahead.spent()


def test_the_end_erases_everything():
    one, other = two()
    assert one.step()
    hear(other, one, 10)
    other.find(2, 11, 10)
    kept = [other.sending, other._current, other._previous, *other._ahead]
    other.erase()
    assert len(kept) == 4
    assert {bytes(epoch.key) for epoch in kept} == {bytes(32)}
    other.erase()


# Two ends and a link without manners (8, 9)


class Witness(ModelCrypto):
    """Notes each key and nonce that ever sealed."""

    def __init__(self):
        self.used = set()

    def seal(self, key, nonce, aad, plaintext, tag_bytes):
        pair = bytes(key), nonce
        assert pair not in self.used
        self.used.add(pair)
        return super().seal(key, nonce, aad, plaintext, tag_bytes)


class TwoEnds(RuleBasedStateMachine):
    """Frames are lost, repeated, reordered and forged; clocks jump; numbers wrap."""

    @rule(start=st.sampled_from([0, 0xFFC0, 0x1FFF0]))
    @precondition(lambda self: not self.ready)
    def begin(self, start):
        self.ready = True
        for end in self.ends:
            end.next_number = start
            end._replay.accept(start - 1) if start else None

    def __init__(self):
        super().__init__()
        self.ready = False
        self.now = 0
        self.crypto = Witness()
        self.ends = [
            Packets(
                self.crypto,
                RADIO_LINK,
                Outcome(b"peer", None, b"sessionx", send, receive, b"", b""),
            )
            for send, receive in (CHAINS, CHAINS[::-1])
        ]
        self.flying = ([], [])  # (number, epoch, frame) towards each side
        self.taken = (set(), set())

    @rule(side=st.integers(0, 1), count=st.integers(1, 5))
    @precondition(lambda self: self.ready)
    def send(self, side, count):
        for _ in range(count):
            number = self.ends[side].next_number
            frame = self.ends[side].seal(1, 7, b"%d" % number, self.now)
            epoch = self.ends[side].ratchet.sending.number
            self.flying[1 - side].append((number, epoch, frame))

    @rule(side=st.integers(0, 1))
    @precondition(lambda self: self.ready)
    def step(self, side):
        self.ends[side].ratchet.step()

    @rule(side=st.integers(0, 1), keep=st.booleans(), data=st.data())
    @precondition(lambda self: self.flying[0] or self.flying[1])
    def deliver(self, side, keep, data):
        if not self.flying[side]:
            return
        index = data.draw(st.integers(0, len(self.flying[side]) - 1))
        number, epoch, frame = self.flying[side][index]
        if not keep:
            del self.flying[side][index]
        end = self.ends[side]
        state = end.ratchet
        fresh = number not in self.taken[side] and number > end._replay.highest - 64
        ours = state._current.number
        late = state._previous.number if state._previous else -1
        try:
            plaintext = end.open(decode_header(frame), frame, self.now)
        except Replayed:
            assert not fresh
            return
        except ProtocolError:
            assert epoch < ours  # nothing that is of now or of the future is ever refused
            assert epoch != late
            return
        assert fresh
        assert plaintext == b"%d" % number
        assert epoch >= ours or epoch == late
        self.taken[side].add(number)

    @rule(side=st.integers(0, 1), bits=st.integers(0, 3), low=st.integers(0, 0xFFFF))
    @precondition(lambda self: self.ready)
    def forge(self, side, bits, low):
        frame = bytes([bits << 4, 0, 7]) + low.to_bytes(2, "big") + bytes(8)
        with pytest.raises((BadTag, Unexpected, Replayed, Exhausted)):
            self.ends[side].open(decode_header(frame), frame, self.now)

    @rule(jump=st.sampled_from([1, 1000, LATE_MS, REKEY_MS]))
    def wait(self, jump):
        self.now += jump
        for end in self.ends:
            end.ratchet.handle_timeout(self.now)

    @rule(side=st.integers(0, 1))
    def lose_everything(self, side):
        self.flying[side].clear()

    @invariant()
    def never_parted(self):
        one, other = (end.ratchet for end in self.ends)
        assert abs(one.sending.number - other.sending.number) <= 1
        for ours, theirs in ((one, other), (other, one)):
            assert ours.sending.number - 1 <= ours._current.number <= ours.sending.number
            assert ours._current.number <= theirs.sending.number
            assert len(ours._ahead) <= 2

    @invariant()
    def a_fresh_frame_each_way_is_always_taken(self):
        """Whatever was lost: the next frame opens. Tried on copies of what matters."""
        for side in (0, 1):
            sending = self.ends[side].ratchet.sending
            listener = self.ends[1 - side]
            number = self.ends[side].next_number
            epoch = listener.ratchet.find(sending.number & 3, number, listener._replay.highest)
            assert epoch.key == sending.key


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
