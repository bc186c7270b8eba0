# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-K between two engines: its price, loss, forgery, and the credential that is not known."""

import pytest

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established, Refused
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Tally
from pqmesh.errors import BadTag, Unexpected, UnknownKind
from pqmesh.limits import BOARD, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire import hs_k as wire
from pqmesh.wire.handshake import HS_K, M2
from support.handshakes import both_established, same_session
from support.known_pair import PEERS, KnownPair
from support.model_crypto import ModelCrypto
from support.simulation import Medium, OpenHouse, Pair


def handshake(pair, side=0):
    return pair.ends[side]._handshakes.pool.all[0]


def of_kind(pair, side, kind):
    return [frame for frame in pair.sent[side] if frame[0] == kind]


def lose(pair, side, count):
    """Lose frame number ``count`` of a side."""
    seen = []

    def intercept(sender, frame):
        if sender == side:
            seen.append(frame)
            return [] if len(seen) == count + 1 else [frame]
        return [frame]

    pair.intercept = intercept


# Its price


def test_a_whole_handshake_takes_5_008_octets_in_27_frames():
    pair = KnownPair()
    pair.meet()
    pair.run_for(5_000)
    octets = [sum(map(len, pair.sent[side])) for side in (0, 1)]
    assert octets == [2_616, 2_392]
    assert sum(octets) == 5_008 <= 5_015  # constrained-design 2.2, which counts no M4
    assert [len(pair.sent[side]) for side in (0, 1)] == [14, 13]
    assert not of_kind(pair, 0, 0x80) + of_kind(pair, 1, 0x80)  # answers acknowledge
    mine, theirs = (pair.last(side, Established) for side in (0, 1))
    assert (mine.peer_id, theirs.peer_id) == (PEERS[1], PEERS[0])
    assert (mine.sent_bytes, mine.received_bytes) == tuple(octets)
    assert (theirs.received_bytes, theirs.sent_bytes) == tuple(octets)
    assert same_session(pair)


def test_on_a_cable_it_takes_less_than_half_of_hs_s():
    pair = KnownPair(link=SERIAL_LINK)
    pair.meet()
    assert sum(map(len, pair.sent[0] + pair.sent[1])) < 4_800
    assert pair.now < 450


def test_receive_does_no_public_key_work():
    class Counts(ModelCrypto):
        def kem_decapsulate(self, seed, ciphertext):
            assert working, "public-key work in receive"
            return super().kem_decapsulate(seed, ciphertext)

    working = []
    pair = KnownPair()
    for end in pair.ends:
        end._context.crypto = Counts()
        step = end._handshakes.step

        def step_(now, step=step):
            working.append(now)
            try:
                return step(now)
            finally:
                working.pop()

        end._handshakes.step = step_
    pair.meet()


# Loss


@pytest.mark.parametrize("count", range(14))
def test_any_frame_of_the_initiator_may_be_lost(count):
    pair = KnownPair()
    lose(pair, 0, count)
    pair.meet()
    assert same_session(pair)
    assert sum(map(len, pair.sent[0] + pair.sent[1])) < 5_008 + 2 * 222 + 100


@pytest.mark.parametrize("count", range(13))
def test_any_frame_of_the_responder_may_be_lost(count):
    pair = KnownPair()
    lose(pair, 1, count)
    pair.meet()
    assert same_session(pair)
    assert sum(map(len, pair.sent[0] + pair.sent[1])) < 5_008 + 2 * 222 + 100


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_medium_costs_time_and_nothing_else(seed):
    pair = KnownPair(seed, Medium(loss=0.15, repeat=0.1, jitter_ms=900, flip=0.03))
    pair.meet()
    pair.run_for(100_000)
    assert same_session(pair)
    assert [len(pair.of(side, Established)) for side in (0, 1)] == [1, 1]


@pytest.mark.parametrize("link", [RADIO_LINK, SERIAL_LINK], ids=["radio", "serial"])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("frames", range(0, 26, 5))
def test_a_node_reset_at_any_frame_gets_in_the_next_time(link, side, frames):
    pair = KnownPair(link=link)
    pair.call()
    total = lambda: len(pair.sent[0]) + len(pair.sent[1])  # noqa: E731
    pair.run_until(lambda: total() >= min(frames, 17))
    pair.reboot(side)
    pair.run_for(100)
    pair.call(side)
    pair.run_until(lambda: same_session(pair), 300_000)


# Confirmation


def test_m4_lost_is_asked_for_with_m3():
    pair = KnownPair()
    lose(pair, 1, 12)
    pair.meet()
    first, second = of_kind(pair, 0, wire.CONFIRM)
    assert first == second
    m4s = [frame for frame in pair.sent[1] if not frame[0] >> 6]
    assert len(m4s) == 2
    assert m4s[0] != m4s[1]  # a new packet, not the old nonce


def test_m3_lost_is_drawn_by_asking_for_m2s_acknowledgement():
    pair = KnownPair()
    lost = []

    def intercept(side, frame):
        if side == 0 and frame[0] == wire.CONFIRM and len(lost) < 3:
            lost.append(frame)
            return []
        return [frame]

    pair.intercept = intercept
    pair.meet()
    assert of_kind(pair, 1, 0x81)  # the responder asked


def test_a_responder_tells_whom_it_does_not_trust_and_tells_it_again():
    pair = KnownPair(trust=(None, lambda peer_id: False))
    lost = []

    def intercept(side, frame):
        if side == 1 and not frame[0] >> 6 and not lost:
            lost.append(frame)
            return []
        return [frame]

    pair.intercept = intercept
    handle = pair.call()
    pair.run_until(lambda: pair.of(0, Refused) and pair.of(1, Refused))
    assert pair.last(0, Refused) == Refused(handle, "the peer does not admit us", PEERS[1])
    assert pair.last(1, Refused).peer_id == PEERS[0]
    pair.run_for(300_000)
    assert pair.ends[0]._sessions._sessions == pair.ends[1]._sessions._sessions == []


def test_an_initiator_does_not_go_on_with_whom_it_does_not_trust():
    pair = KnownPair(trust=(lambda peer_id: False, None))
    pair.call()
    pair.run_until(lambda: pair.of(0, Refused))
    assert "not trusted" in pair.last(0, Refused).reason
    assert not of_kind(pair, 0, wire.CONFIRM)


def test_a_confirmation_of_another_handshake_moves_nothing():
    pair = KnownPair()
    pair.call()
    pair.run_until(lambda: handshake(pair, 1).state == states.ANSWERED if pair.sent[1][1:] else 0)
    answered = handshake(pair, 1)
    for cid, error in ((answered.cid, BadTag), (answered.cid ^ 1, Unexpected)):
        forged = wire.Confirm(wire.CONFIRM, cid, bytes(16)).encode()
        assert isinstance(pair.deliver(1, forged), error)
    assert answered.state == states.ANSWERED
    pair.run_until(lambda: both_established(pair))


def test_a_second_m3_before_the_first_is_taken_is_ignored():
    pair = KnownPair()
    pair.call()
    table = pair.ends[1]._handshakes
    pair.run_until(lambda: of_kind(pair, 0, wire.CONFIRM))
    pair.held.add(1)
    pair.run_until(lambda: table.pool.work)
    table.pool.work.append(table.pool.work[0])
    pair.held.clear()
    pair.run_until(lambda: both_established(pair))
    assert pair.ends[1].stats.dropped == {}


def test_m3_of_a_session_that_has_ended_is_for_nobody():
    pair = KnownPair()
    handles = pair.meet()
    (confirm,) = of_kind(pair, 0, wire.CONFIRM)
    assert pair.deliver(1, confirm) is None  # a repeat: M4 again
    pair.close(1, handles[1])
    pair.run_for(100_000)
    assert isinstance(pair.deliver(1, confirm), Unexpected)
    pair.reboot(0)
    pair.meet()  # and it is forgotten when the next one comes
    assert len(pair.ends[1]._handshakes._known._confirmed) == 1


# Forgery


def forged_m2(pair):
    """The fragments of an M2 in flight, with one bit changed and the hashes put right."""
    sender = handshake(pair, 1).sender
    octets = bytearray(sender._view)
    octets[1_500] ^= 1
    forger = MessageSender(bytes(octets), M2, HS_K, RADIO_LINK, Tally())
    return [forger.frame(index, False) for index in range(forger._count)]


def test_a_forged_m2_does_not_spoil_the_genuine_one():
    pair = KnownPair()
    pair.call()
    pair.run_until(lambda: len(pair.sent[1]) > 5)
    for frame in forged_m2(pair):
        pair.deliver(0, frame)
    pair.run_until(lambda: both_established(pair))
    assert pair.ends[0].stats.dropped["BadTag"] == 1
    assert same_session(pair)


def test_a_second_m2_while_the_first_is_verified_is_ignored():
    pair = KnownPair()
    pair.call()
    table = pair.ends[0]._handshakes
    pair.run_until(lambda: len(pair.sent[1]) > 10)
    pair.held.add(0)
    pair.run_until(lambda: table.pool.work)
    table.pool.work.append(table.pool.work[0])
    pair.held.clear()
    pair.run_until(lambda: both_established(pair))
    assert pair.ends[0].stats.dropped == {}


def test_need_credential_by_anybody_else_moves_nothing():
    pair = KnownPair()
    pair.call()
    pair.run_until(lambda: len(pair.sent[0]) > 3)
    ours = handshake(pair)
    for cid, error in ((ours.cid, BadTag), (ours.cid ^ 1, Unexpected)):
        forged = wire.NeedCredential(wire.NEED_CREDENTIAL, cid, 7, bytes(16)).encode()
        assert isinstance(pair.deliver(0, forged), error)
    assert ours.parts == 0
    pair.run_until(lambda: both_established(pair))


def test_without_a_keyring_hs_k_is_not_spoken():
    pair = Pair(link=RADIO_LINK)
    for frame in (wire.Confirm(0x86, 1, bytes(16)), wire.NeedCredential(0x87, 1, 1, bytes(16))):
        assert isinstance(pair.deliver(0, frame.encode()), UnknownKind)


# Keys that are over, and keys that are none


def test_hs_k_begins_with_a_name_and_a_key_of_our_own():
    pair = KnownPair(floors=OpenHouse())
    pair.call()
    known = pair.ends[0]._handshakes._known
    assert known.peer(PEERS[1]) is not None
    assert known.peer(None) is None
    pair.keyrings[0]._own.clear()
    assert known.peer(PEERS[1]) is None


def test_m3_and_need_are_for_the_handshake_that_waits_for_them():
    pair = KnownPair(limits=replace(BOARD, half_open=3))
    pair.call()
    pair.run_until(lambda: len(pair.sent[0]) > 3)
    (ours,) = pair.ends[0]._handshakes.pool.all
    need = wire.NeedCredential(wire.NEED_CREDENTIAL, ours.cid, 7, bytes(16)).encode()
    confirm = wire.Confirm(wire.CONFIRM, ours.cid, bytes(16)).encode()
    initiator, ours.initiator = ours.initiator, None
    assert isinstance(pair.deliver(0, need), Unexpected)
    ours.initiator = initiator
    assert isinstance(pair.deliver(0, confirm), Unexpected)
    pair.run_until(lambda: pair.ends[1]._handshakes.pool.all)
    theirs = handshake(pair, 1)
    theirs.responder = "of another mode"
    early = wire.Confirm(wire.CONFIRM, theirs.cid, bytes(16)).encode()
    assert isinstance(pair.deliver(1, early), Unexpected)


def test_without_a_key_of_our_own_the_offer_fails_with_a_reason():
    pair = KnownPair()
    handle = pair.call()
    pair.keyrings[0]._own.clear()
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.last(0, Refused) == Refused(handle, "we have no valid key", None)


def test_a_key_that_is_over_when_m1_is_looked_at_answers_nothing():
    pair = KnownPair()
    pair.call()
    pair.held.add(1)
    pair.run_until(lambda: pair.ends[1]._handshakes.pool.work)
    pair.keyrings[1]._own.clear()
    pair.held.clear()
    pair.run_for(1)
    assert pair.ends[1].stats.dropped == {"Unexpected": 1}
    assert pair.ends[1]._handshakes.pool.all == []


def test_a_peers_key_that_is_none_fails_with_a_reason():
    pair = KnownPair()
    handle = pair.call()
    ours = handshake(pair)
    ours.peer = replace(ours.peer, public=bytes(1184))
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.last(0, Refused).session == handle
    assert "key" in pair.last(0, Refused).reason


@pytest.mark.parametrize(
    ("side", "operation", "known"),
    [
        (0, "kem_keypair", True),
        (1, "kem_decapsulate", True),
        (1, "kem_encapsulate", True),
        (0, "kem_decapsulate", True),
        (1, "verify", False),
    ],
)
def test_a_node_short_of_memory_gives_up_and_may_try_again(monkeypatch, side, operation, known):
    pair = KnownPair(known=(True, known), floors=OpenHouse())
    crypto = ModelCrypto()
    pair.ends[side]._context.crypto = crypto
    genuine = getattr(crypto, operation)
    failures = []

    def fails_once(*arguments):
        if not failures:
            failures.append(operation)
            raise MemoryError
        return genuine(*arguments)

    monkeypatch.setattr(crypto, operation, fails_once)
    pair.call()
    pair.run_until(lambda: failures)
    if side == 0:
        pair.run_for(1)
        assert pair.last(0, Refused).reason == "not enough memory"
        pair.call()
    pair.run_until(lambda: both_established(pair) or (pair.of(0, Refused) and side == 1), 400_000)
    if not both_established(pair):
        pair.meet()
    assert same_session(pair)


def test_a_role_that_was_never_taken_has_nothing_to_do():
    pair = KnownPair()
    pair.call()
    table = pair.ends[0]._handshakes
    ours = handshake(pair)
    for kind in range(8):
        table._known.do(kind, ours, b"\x00", 0) if kind != 1 else None
    assert ours.state == states.CALLING
    table._known.repeat(ours, M2, 0)
    table._known.on_acknowledged(ours, 0)
