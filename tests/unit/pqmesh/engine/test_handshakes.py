# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which handshake begins, gives way, merges with another; and what its end means."""

import pytest

from pqmesh.engine.events import Established, Refused
from pqmesh.errors import Busy, Exhausted, Malformed, Unexpected, UnknownKind
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, SERIAL_LINK, replace
from pqmesh.wire.fragment import decode_fragment
from support.handshakes import both_established, offer, raw_m1, same_session
from support.model_crypto import ModelCrypto
from support.simulation import NAMES, SEEDS, OpenHouse, Pair

SHARED = replace(SERIAL_LINK, point_to_point=False)


# The straight way


def test_both_sides_learn_each_others_names():
    pair = Pair()
    handle = pair.connect(0)
    pair.run_until(lambda: both_established(pair))
    mine, theirs = pair.last(0, Established), pair.last(1, Established)
    assert (mine.session, mine.peer_id, mine.initiator) == (handle, NAMES[1].peer_id, True)
    assert (theirs.peer_id, theirs.initiator) == (NAMES[0].peer_id, False)
    assert mine.elapsed_ms > theirs.elapsed_ms > 0


def test_receive_does_no_public_key_work():
    pair = Pair()
    handle = pair.ends[0].connect(0)
    assert handle == 1
    assert pair.ends[0].next_transmit() is None  # the key is made in handle_timeout
    assert pair.ends[0].next_deadline() == 0
    pair.ends[0].handle_timeout(0)
    frames = [pair.ends[0].next_transmit() for _ in range(3)]
    for frame in frames:
        pair.ends[1].receive(frame, 7)
    assert len(pair.ends[1].next_transmit()) == 14  # the SACK is out before the work begins
    assert pair.ends[1].next_transmit() is None
    assert pair.ends[1].next_deadline() == 7


def test_an_unknown_reason_is_still_a_refusal():
    pair = Pair()
    pair.intercept = lambda side, frame: [] if side == 1 and len(frame) == 21 else [frame]
    pair.connect(0)
    pair.run_until(lambda: pair.of(1, Established))
    pair.close(1, pair.last(1, Established).session, 77)
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.last(0, Refused).reason == "the peer closed, reason 77"


# Nobody there, or not any more


def test_no_answer():
    pair = Pair()
    pair.intercept = lambda side, frame: []
    handle = pair.connect(0)
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.events[0] == [Refused(handle, "no answer", None)]
    assert pair.ends[0].next_deadline() is None
    assert pair.ends[0].stats.handshakes_failed == 1


def test_an_answer_that_never_comes():
    pair = Pair()
    pair.intercept = lambda side, frame: [frame] if side == 0 or len(frame) == 14 else []
    pair.connect(0)
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.last(0, Refused).reason == "the handshake took too long"
    assert pair.now == SERIAL_LINK.handshake_ms
    assert pair.events[1] == []  # a stranger that gives up is nobody's news


def test_the_owner_may_give_up():
    pair = Pair()
    handle = pair.connect(0)
    pair.run_for(10)
    pair.close(0, handle)
    assert pair.events[0] == [Refused(handle, "given up by its owner", None)]
    pair.run_for(120_000)
    assert pair.of(0, Established) == []


# Loss and lies


def test_m4_lost_is_asked_for_again():
    pair = Pair()
    seen = []

    def lose_first_m4(side, frame):
        if side == 1 and len(frame) == 21:
            seen.append(frame)
            return [frame] if len(seen) > 1 else []
        return [frame]

    pair.intercept = lose_first_m4
    pair.establish()
    assert len(seen) == 2
    assert seen[0] != seen[1]  # a new packet, not the old nonce


# Bounds


def test_too_much_work_waits():
    pair = Pair(limits=replace(BOARD, half_open=1))
    table = pair.ends[1]._handshakes
    table.pool.work += [(9, None, b"")] * 2
    frames = raw_m1()
    for frame in frames[:-1]:
        pair.ends[1].receive(frame, 0)
    with pytest.raises(Exhausted):
        pair.ends[1].receive(frames[-1], 0)


def test_connect_says_busy_when_there_is_no_place():
    pair = Pair(link=SHARED, floors=OpenHouse())
    for _ in range(BOARD.half_open):
        pair.connect(0)
    with pytest.raises(Busy):
        pair.connect(0)


def test_one_neighbour_one_handshake():
    pair = Pair()
    pair.connect(0)
    with pytest.raises(Busy):
        pair.connect(0)


def test_messages_for_nobody_are_not_reassembled():
    pair = Pair()
    pair.connect(0)
    pair.run_until(lambda: len(pair.sent[1]) > 3)
    m2_head = next(f for f in pair.sent[1] if len(f) == SERIAL_LINK.mtu)
    pair.reboot(0)
    assert isinstance(pair.deliver(0, m2_head), Unexpected)
    assert pair.ends[0]._flows._flows == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda frame: bytes((frame[0] | 1,)) + frame[1:], UnknownKind),  # HS-K
        (lambda frame: frame[:1] + bytes((frame[1] ^ 0xC0,)) + frame[2:], Malformed),  # as an M2
    ],
)
def test_heads_of_other_modes_and_lengths(change, error):
    from pqmesh.engine.sender import head_digest

    frame = bytearray(change(raw_m1()[0]))
    fragment = decode_fragment(bytes(frame))
    digest = head_digest(fragment.kind, fragment.number(), fragment.count, fragment.payload)
    frame[2:6] = digest[:4]
    pair = Pair()
    assert isinstance(pair.deliver(0, bytes(frame)), error)


def test_the_handshake_may_end_while_its_message_arrives():
    pair = Pair()
    handle = pair.connect(0)
    pair.run_until(lambda: pair.ends[0]._flows._flows)
    flow = pair.ends[0]._flows._flows[0]
    pair.close(0, handle)
    with pytest.raises(Unexpected):
        pair.ends[0]._handshakes.on_message(flow, pair.now)


def test_a_session_whose_handshake_is_over_is_not_confirmed():
    pair = Pair()
    handles = pair.establish()
    session = pair.ends[0]._sessions.by_handle(handles[0])
    with pytest.raises(Unexpected):
        pair.ends[0]._handshakes.on_confirm(session, None, pair.now)


@pytest.mark.parametrize(
    ("side", "operation"),
    [(0, "kem_keypair"), (1, "kem_encapsulate"), (0, "verify"), (0, "sign"), (1, "verify")],
)
def test_a_node_short_of_memory_gives_up_and_may_try_again(monkeypatch, side, operation):
    pair = Pair()
    crypto = ModelCrypto()
    pair.ends[side]._context.crypto = crypto
    pair.ends[side]._context.identity = Identity(SEEDS[side], crypto)
    genuine = getattr(crypto, operation)
    failures = []

    def fails_once(*arguments):
        if not failures:
            failures.append(operation)
            raise MemoryError
        return genuine(*arguments)

    monkeypatch.setattr(crypto, operation, fails_once)
    handle = pair.connect(0)
    pair.run_until(lambda: failures)
    if side == 0:
        pair.run_for(1)
        assert pair.last(0, Refused) == Refused(handle, "not enough memory", None)
        pair.connect(0)
    elif operation == "verify":  # M3 is lost with the handshake it belongs to
        pair.run_until(lambda: pair.of(0, Refused))
        pair.connect(0)
    pair.run_until(lambda: both_established(pair))


def test_a_session_that_is_open_survives_a_shortage_right_after(monkeypatch):
    from pqmesh.engine.session import Session

    def no_memory(self, now):
        raise MemoryError

    pair = Pair()
    pair.connect(0)
    with monkeypatch.context() as short:
        short.setattr(Session, "confirm", no_memory)  # M4 itself finds no room
        pair.run_until(lambda: pair.of(1, Established))
        pair.run_for(10)
    pair.run_until(lambda: pair.of(0, Established))  # the initiator asks for it again
    assert same_session(pair)


def test_an_m1_for_which_there_is_no_place_waits():
    pair = Pair()
    for name in (b"1", b"2"):
        assert offer(pair, 1, name) is None
        pair.run_for(20)
    assert isinstance(offer(pair, 1, b"3"), Exhausted)
