# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which handshake begins, gives way, merges with another; and what its end means."""

import pytest

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established, Refused
from pqmesh.errors import Busy, Exhausted, Malformed, Unexpected, UnknownKind
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, SERIAL_LINK, replace
from pqmesh.wire.fragment import decode_fragment
from support.handshakes import both_established, offer, raw_m1, same_session
from support.model_crypto import ModelCrypto
from support.simulation import NAMES, SEEDS, Medium, OpenHouse, Pair

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


def test_the_bytes_are_all_counted_on_both_sides():
    pair = Pair()
    pair.establish()
    pair.run_for(100)
    mine, theirs = pair.last(0, Established), pair.last(1, Established)
    assert mine.sent_bytes == theirs.received_bytes == sum(map(len, pair.sent[0]))
    assert theirs.sent_bytes == mine.received_bytes == sum(map(len, pair.sent[1]))


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


# Whom we admit


def test_another_identity_than_the_pinned_one_is_refused():
    pair = Pair()
    handle = pair.connect(0, expect=b"\x55" * 32)
    pair.run_until(lambda: pair.of(0, Refused))
    refused = pair.last(0, Refused)
    assert (refused.session, refused.peer_id) == (handle, NAMES[1].peer_id)
    assert "wrong identity" in refused.reason
    assert "5555555555555555" in refused.reason
    pair.run_for(120_000)
    assert not pair.of(1, Established)
    assert not pair.ends[1]._handshakes.pool.all


def test_an_initiator_does_not_go_on_with_whom_it_does_not_trust():
    pair = Pair(trust=(lambda peer_id: False, None))
    pair.connect(0)
    pair.run_until(lambda: pair.of(0, Refused))
    assert "not trusted" in pair.last(0, Refused).reason
    assert pair.last(0, Refused).peer_id == NAMES[1].peer_id


def test_a_responder_tells_whom_it_does_not_trust():
    asked = []
    pair = Pair(trust=(None, asked.append))  # append returns None: nobody is trusted
    handle = pair.connect(0)
    pair.run_until(lambda: pair.of(0, Refused) and pair.of(1, Refused))
    assert asked == [NAMES[0].peer_id]
    assert pair.events[0] == [Refused(handle, "the peer does not admit us", NAMES[1].peer_id)]
    assert pair.last(1, Refused).peer_id == NAMES[0].peer_id
    pair.run_for(120_000)
    assert pair.ends[0]._sessions._sessions == pair.ends[1]._sessions._sessions == []
    assert len(pair.events[0]) == len(pair.events[1]) == 1


def test_the_refusal_survives_a_bad_link():
    for seed in range(20):
        pair = Pair(seed, Medium(loss=0.2), trust=(None, lambda peer_id: False))
        pair.connect(0)
        pair.run_until(lambda: pair.of(0, Refused))  # noqa: B023
        assert pair.last(1, Refused)


def test_a_full_table_is_a_refusal_with_a_reason():
    pair = Pair(limits=replace(BOARD, sessions=0))
    pair.connect(0)
    pair.run_until(lambda: pair.of(0, Refused) and pair.of(1, Refused))
    assert pair.last(0, Refused).reason == "the peer has no room for another session"
    assert pair.last(1, Refused).reason == "no room for another session"


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


def test_giving_up_after_m3_ends_the_session_that_was_pending():
    pair = Pair()
    pair.intercept = lambda side, frame: [] if side == 1 and len(frame) == 21 else [frame]
    handle = pair.connect(0)
    pair.run_until(lambda: pair.of(1, Established))
    pair.close(0, handle)
    assert pair.last(0, Refused).reason == "given up by its owner"
    assert pair.ends[0]._sessions._sessions == []
    assert pair.ends[0].next_deadline() is None


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


def spoil_once(number):
    """Flip a bit of one M2 or M3, and fix the fragment's hash: a forger who saw everything."""
    from pqmesh.engine.sender import MessageSender
    from pqmesh.engine.stats import Tally

    def intercept(pair):
        table = pair.ends[1 if number == 2 else 0]._handshakes
        for handshake in table.pool.all:
            sender = handshake.sender
            if sender is not None and sender.number == number:
                forged = bytearray(sender._view)
                forged[3000] ^= 1
                forger = MessageSender(bytes(forged), number, 0, SERIAL_LINK, Tally())
                return [forger.frame(index, False) for index in range(forger._count)]
        return []

    return intercept


@pytest.mark.parametrize(("number", "victim"), [(2, 0), (3, 1)])
def test_a_forged_message_does_not_spoil_the_genuine_one(number, victim):
    pair = Pair()
    pair.connect(0)
    forge = spoil_once(number)
    forged = []

    def genuine_is_coming():
        forged[:] = forge(pair)
        return forged

    pair.run_until(genuine_is_coming)
    for frame in forged:
        assert pair.deliver(victim, frame) is None
    pair.run_until(lambda: both_established(pair))
    assert pair.ends[victim].stats.dropped["BadTag"] == 1
    assert same_session(pair)


@pytest.mark.parametrize(("side", "number"), [(0, 2), (1, 3)])
def test_a_second_copy_while_the_first_is_verified_is_ignored(side, number):
    pair = Pair()
    pair.connect(0)
    table = pair.ends[side]._handshakes
    pair.run_until(lambda: pair.ends[side]._flows._flows and number in numbers(pair, side))
    pair.held.add(side)
    pair.run_until(lambda: table.pool.work)
    table.pool.work.append(table.pool.work[0])
    pair.held.clear()
    pair.run_until(lambda: both_established(pair))
    assert pair.ends[side].stats.dropped == {}
    assert [len(pair.of(s, Established)) for s in (0, 1)] == [1, 1]


def numbers(pair, side):
    return {flow.number for flow in pair.ends[side]._flows._flows}


def test_work_of_a_handshake_that_is_over_is_not_done():
    pair = Pair()
    offer(pair, 1, b"stranger")
    table = pair.ends[1]._handshakes
    table.pool.fail(table.pool.all[0], "for the test", pair.now)
    pair.run_for(10)
    assert pair.sent[1][1:] == []  # the SACK, but no M2


def test_an_m1_that_cannot_be_answered_is_dropped():
    pair = Pair()
    pair.held.add(1)
    pair.connect(0)
    table = pair.ends[1]._handshakes
    pair.run_until(lambda: table.pool.work)
    pair.held.clear()
    kind, handshake, message = table.pool.work[0]
    table.pool.work[0] = kind, handshake, message[:22] + bytes(1184)  # a key that is none
    pair.run_for(1)
    assert pair.ends[1].stats.dropped == {"BadKey": 1}
    assert table.pool.all == []
    pair.run_until(lambda: both_established(pair))  # the genuine M1 is sent again


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


def test_strangers_have_so_many_places_and_the_stale_give_way():
    pair = Pair()
    for name in (b"1", b"2"):
        assert offer(pair, 1, name) is None
        pair.run_for(20)
    assert isinstance(offer(pair, 1, b"3"), Exhausted)
    pair.run_for(8 * SERIAL_LINK.min_rto_ms)
    assert offer(pair, 1, b"3") is None
    assert len(pair.ends[1]._handshakes.pool.all) == BOARD.half_open
    assert pair.events[1] == []


def test_a_flood_of_offers_costs_bounded_memory_and_then_a_peer_gets_in():
    pair = Pair()
    for n in range(200):
        offer(pair, 1, b"%d" % n)
        pair.run_for(37)
        assert len(pair.ends[1]._handshakes.pool.all) <= BOARD.half_open
        assert len(pair.ends[1]._flows._flows) <= BOARD.flows
        pair.sent[1].clear()
    pair.connect(0)
    pair.run_until(lambda: both_established(pair))


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


def test_a_role_that_was_never_taken_has_nothing_to_do():
    pair = Pair()
    offer(pair, 1, b"stranger")
    table = pair.ends[1]._handshakes
    handshake = table.pool.all[0]
    table._sigma._verify(handshake, b"", 0)
    table._sigma._finish(handshake, 0)
    table._sigma._admit(handshake, b"", 0)
    assert handshake.state == states.START


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
