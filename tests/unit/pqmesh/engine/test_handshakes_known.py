# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which mode a connect takes, what it falls back to, and crossed connects of HS-K on a radio."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established, Refused
from pqmesh.engine.tickets import MemoryTickets
from pqmesh.errors import Exhausted, Malformed, Unexpected, UnknownKind, UsageError
from pqmesh.limits import BOARD, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.handshake import HS_K, HS_S
from support.handshakes import both_established, same_session
from support.known_pair import PEERS, KnownPair, keyring, keyrings
from support.simulation import Medium, OpenHouse, Pair

SHORT = replace(RADIO_LINK, mtu=180)  # long enough for HS-K alone
FIRST = 0 if PEERS[0] < PEERS[1] else 1  # whose connect goes first when two cross


def table(pair, side=0):
    return pair.ends[side]._handshakes


def mode_of(pair, side=0):
    return table(pair, side).pool.all[-1].mode


# Which mode


@pytest.mark.parametrize("link", [RADIO_LINK, SERIAL_LINK], ids=["radio", "serial"])
def test_keys_of_both_are_used_where_there_are_some(link):
    pair = KnownPair(link=link)
    pair.call()
    assert mode_of(pair) == HS_K


def test_a_name_without_a_key_takes_hs_s_where_strangers_meet():
    pair = KnownPair(known=(False, False), link=SERIAL_LINK)
    pair.call()
    assert mode_of(pair) == HS_S
    pair.run_until(lambda: both_established(pair))


@pytest.mark.parametrize(
    ("options", "expect", "reason"),
    [
        ({"known": (False, False)}, PEERS[1], "no credential of this peer"),
        ({}, None, "strangers do not meet on this link"),
        ({}, PEERS[0], "that is ourselves"),
        ({"link": SHORT, "known": (False, False), "floors": OpenHouse()}, PEERS[1], "too short"),
    ],
    ids=["no key", "no name", "ourselves", "short frames"],
)
def test_a_connect_that_cannot_begin_is_refused_at_once_and_says_why(options, expect, reason):
    pair = KnownPair(**options)
    handle = pair.connect(0, expect)
    (refused,) = pair.events[0]
    assert (refused.session, refused.peer_id) == (handle, None)
    assert reason in refused.reason
    assert pair.sent[0] == []
    assert pair.ends[0].next_deadline() is None
    assert pair.ends[0].stats.handshakes_failed == 1


def test_hs_k_runs_where_frames_are_too_short_for_hs_s():
    pair = KnownPair(link=SHORT)
    pair.meet()
    with pytest.raises(UsageError):
        Pair(link=SHORT)
    with pytest.raises(UsageError):
        KnownPair(link=replace(RADIO_LINK, mtu=150))


class OnlyHsS(OpenHouse):
    """Floors of an operator to whom signatures alone will do."""

    def full_mode(self, expect, known):
        return HS_S

    def objection(self, peer_id, mode, *_):
        return None if mode == HS_S else "HS-K is below HS-S"


def test_floors_decide_and_hold_for_both_sides():
    pair = KnownPair(floors=OnlyHsS())
    pair.call()
    assert mode_of(pair) == HS_S
    pair.run_until(lambda: both_established(pair))
    strict = KnownPair()
    strict.ends[1]._handshakes._entrances._floors = OnlyHsS()
    strict.call()
    strict.run_until(lambda: strict.of(0, Refused) and strict.of(1, Refused), 400_000)
    assert "below" in strict.last(1, Refused).reason


def test_an_unanswered_resumption_turns_to_hs_k_under_its_handle():
    boxes = (MemoryTickets(4), MemoryTickets(4))
    rings = keyrings()
    pair = KnownPair(keyrings=rings)
    for side in (0, 1):
        pair.options = {"tickets": boxes[side]}
        pair.reboot(side)
    pair.meet()
    pair.run_for(20_000)
    boxes[1].forget(PEERS[0])
    for side in (0, 1):
        pair.options = {"tickets": boxes[side]}
        pair.reboot(side)
    handle = pair.call()
    seen = len(pair.of(0, Established))
    pair.run_until(lambda: len(pair.of(0, Established)) > seen, 400_000)
    assert pair.last(0, Established).session == handle
    assert boxes[0].load(PEERS[1]).current == boxes[1].load(PEERS[0]).current
    assert boxes[0].load(PEERS[1]).resumptions == 0


def test_a_resumption_that_cannot_turn_to_anything_is_refused_under_its_handle():
    boxes = (MemoryTickets(4), MemoryTickets(4))
    pair = KnownPair(known=(False, False), tickets=boxes[0], floors=OpenHouse())
    pair.options = {"tickets": boxes[1], "floors": OpenHouse()}
    pair.reboot(1)
    pair.meet()
    boxes[1].forget(PEERS[0])
    pair.options = {"tickets": boxes[0]}
    pair.reboot(0)
    handle = pair.call()
    pair.run_until(lambda: pair.of(0, Refused), 400_000)
    assert pair.last(0, Refused).session == handle


# Falling back on a cable


def test_a_neighbour_without_our_idea_of_its_key_is_met_by_hs_s():
    pair = KnownPair(link=SERIAL_LINK, keyrings=(keyrings()[0], keyring(1, 9)))
    handle = pair.call()
    pair.run_until(lambda: both_established(pair))
    assert pair.last(0, Established).session == handle
    assert pair.now < 2_000
    assert same_session(pair)


def test_a_refusal_after_m2_has_proved_the_neighbour_moves_nothing():
    pair = KnownPair(link=SERIAL_LINK)
    pair.meet()
    refusals = KnownPair(link=SERIAL_LINK, keyrings=(keyrings()[0], keyring(1, 9)))
    refusals.call()
    refusals.run_until(lambda: refusals.sent[1])
    (refusal,) = [frame for frame in refusals.sent[1] if frame[0] == 0x85]
    assert isinstance(pair.deliver(0, refusal), Unexpected)


def test_a_retry_of_another_kind_on_a_cable_moves_nothing():
    pair = KnownPair(link=SERIAL_LINK)
    pair.call()
    ours = table(pair).pool.all[0]
    from pqmesh.engine.entry import Doorman

    retry = Doorman(pair.ends[1]._context, pair.keyrings[1]).on_hello(ours.caller.hello, b"", 0)
    assert isinstance(pair.deliver(0, retry), Unexpected)
    pair.run_until(lambda: both_established(pair))


# What is not taken


def test_a_head_of_another_mode_or_length_opens_nothing():
    pair = KnownPair()
    pair.meet()
    head = next(frame for frame in pair.sent[0] if frame[0] >> 6 == 1)

    class Head:
        mode, number, total, data = HS_K, 1, 2_390, head[8 + 3 + 66 :]

    for change, error in (({"mode": 2}, UnknownKind), ({"total": 9}, Malformed)):
        changed = type("Changed", (Head,), change)
        with pytest.raises(error):
            table(pair, 1).expects(changed, pair.now)
    for number, total in ((2, 2_204), (0, 3_370), (3, 3_369)):
        changed = type("Changed", (Head,), {"number": number, "total": total, "data": bytes(9)})
        with pytest.raises(Unexpected):
            table(pair, 1).expects(changed, pair.now)


def test_a_newcomer_takes_the_place_of_a_stranger_who_is_stale():
    pair = KnownPair()
    strangers = []
    for n in range(3):
        one = KnownPair(keyrings=pair.keyrings)
        one.boots = [n + 5, 0]
        one.reboot(0)
        one.call()
        pair.deliver(1, one.sent[0][-1])
        one.deliver(0, pair.sent[1][-1])
        one.run_for(1)
        strangers.append([frame for frame in one.sent[0] if frame[0] >> 6 == 1])
    assert not any(pair.deliver(1, frame) for frame in strangers[0])
    assert isinstance(pair.deliver(1, strangers[1][0]), Exhausted)
    pair.run_for(8 * RADIO_LINK.min_rto_ms + 200)
    first = table(pair, 1).pool.all[0]
    pair.deliver(1, strangers[2][0])
    assert first not in table(pair, 1).pool.all


def test_a_fragment_of_the_answer_without_its_head_puts_off_the_question():
    pair = KnownPair()
    lost = []

    def intercept(side, frame):
        if side == 1 and frame[0] >> 6 == 1 and not frame[6] and not lost:
            lost.append(frame)
            return []
        return [frame]

    pair.intercept = intercept
    pair.call()
    pair.run_until(lambda: lost)
    ours = table(pair).pool.all[0]
    pair.run_until(lambda: len(pair.sent[1]) > 5)
    pair.run_until(lambda: pair.now > ours.sender.deadline - 1_000)
    assert not [frame for frame in pair.sent[0] if frame[0] == 0x81]
    pair.run_until(lambda: both_established(pair))
    assert same_session(pair)


# Crossed connects on a radio


def crossed(seed, loss, later, **options):
    pair = KnownPair(seed, Medium(loss=loss), **options)
    pair.boots = [seed, seed]
    for side in (0, 1):
        pair.reboot(side)
    handles = [pair.call(0)]
    pair.run_for(later)
    handles.append(pair.call(1))
    return pair, handles


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 18_000), st.sampled_from([0.0, 0.05, 0.15]))
def test_crossed_connects_by_name_leave_one_session(seed, later, loss):
    pair, _ = crossed(seed, loss, later)
    pair.run_until(lambda: both_established(pair) and same_session(pair), 300_000)
    pair.run_for(200_000)
    assert same_session(pair)
    for side in (0, 1):
        assert not pair.ends[side]._handshakes.pool.all


@pytest.mark.parametrize("later", [0, 100, 300, 4_000])
def test_of_two_that_cross_only_one_is_answered(later):
    pair, handles = crossed(1, 0, later)
    pair.run_until(lambda: both_established(pair), 300_000)
    assert later > 200 or pair.last(FIRST, Established).initiator  # else the other was earlier
    assert [pair.last(side, Established).session for side in (0, 1)] == handles
    m2s = [frame for side in (0, 1) for frame in pair.sent[side] if frame[1:2] == b"\x80"]
    assert len([frame for frame in m2s if frame[0] == 0x49]) <= 11  # one M2


def test_what_we_yielded_to_comes_to_nothing_and_we_call_again():
    pair, handles = crossed(1, 0, 0)
    second = 1 - FIRST
    pair.run_until(lambda: table(pair, second).pool.find(handles[second]).state == states.YIELDED)
    pair.close(FIRST, handles[FIRST])  # its owner gives up
    pair.run_until(lambda: both_established(pair), 400_000)
    assert pair.last(second, Established).session == handles[second]
    assert pair.last(second, Established).initiator


def test_who_has_restarted_is_answered_whatever_its_name():
    """Ours goes first, and the peer had all of it, before it restarted and called us."""
    pair = KnownPair()
    pair.call(FIRST)
    pair.run_until(lambda: table(pair, FIRST).pool.all[0].state == states.OFFERED)
    ours = table(pair, FIRST).pool.all[0]
    pair.run_until(lambda: ours.sender is not None and len(pair.sent[FIRST]) > 12)
    pair.run_for(600)
    pair.held.add(1 - FIRST)
    ours.sender.answered(pair.now)
    pair.run_for(10)
    pair.held.clear()
    pair.reboot(1 - FIRST)
    pair.run_for(3_000)
    pair.call(1 - FIRST)
    pair.run_until(lambda: both_established(pair) and same_session(pair), 120_000)


def test_somebody_elses_call_does_not_make_ours_yield():
    pair = KnownPair()
    pair.call(0)
    ours = table(pair).pool.all[0]
    ours.expect = b"\x07" * 32
    pair.call(1)
    pair.run_until(lambda: pair.of(1, Established), 300_000)
    assert ours.state in (states.CALLING, states.OFFERED, states.FAILED)


def test_bounds_hold_on_a_shared_link():
    pair = KnownPair(limits=replace(BOARD, half_open=1))
    pair.meet()
    assert same_session(pair)


# What the table looks at when there is nothing to do


def test_frames_that_are_late_move_nothing():
    pair = KnownPair()
    pair.meet()
    table(pair).begun(99, pair.now)
    table(pair).repeat(99, 1, pair.now)
    retry = next(frame for frame in pair.sent[1] if frame[0] == 0x85)
    assert isinstance(pair.deliver(0, retry), Unexpected)


def test_a_stamp_and_a_half_credential_and_a_stranger_without_keys():
    pair = KnownPair(known=(True, False), floors=OpenHouse())
    pair.ends[1]._handshakes._entrances.doorman.stamp_bits = 9
    pair.call()
    pair.run_until(lambda: table(pair).pool.work)
    ours = table(pair).pool.all[0]
    table(pair)._do(7, ours, b"", pair.now)  # a step of the search
    pair.run_until(lambda: both_established(pair))
    for frame in (b"\x86" + bytes(18), b"\x87" + bytes(20)):
        assert isinstance(pair.deliver(0, frame), Unexpected)
    plain = Pair(link=SERIAL_LINK)
    assert isinstance(plain.deliver(0, b"\x87" + bytes(20)), UnknownKind)


def test_work_for_a_stamp_of_a_handshake_that_yielded_is_dropped():
    pair = KnownPair()
    pair.call()
    ours = table(pair).pool.all[0]
    ours.stop_sending()
    ours.advance(states.YIELD)
    table(pair)._do(7, ours, b"", pair.now)
    assert table(pair).pool.work == []


def test_a_second_retry_that_asks_for_our_other_hello_waits():
    pair = KnownPair(network_key=b"n" * 32)
    pair.ends[1] = KnownPair(keyrings=pair.keyrings).ends[1]
    pair.ends[1]._handshakes._entrances.doorman.stamp_bits = 4
    pair.meet()
    assert [frame[0] for frame in pair.sent[0]].count(0x84) == 2


def test_a_sack_while_a_single_frame_is_under_way_is_not_about_it():
    pair = KnownPair()
    pair.call()
    ours = table(pair).pool.all[0]
    table(pair).on_sack(ours, None, 5)
    assert ours.touched_at == 5


def test_fragments_of_other_modes_put_nothing_off():
    from pqmesh.wire.fragment import Fragment

    pair = KnownPair()
    pair.call()
    deadline = table(pair).pool.all[0].sender.deadline
    for kind in (0x48, 0x49):
        piece = Fragment(kind, 0x40, bytes(4), 1, 2, b"")
        table(pair).overheard(piece, 10_000)
    assert table(pair).pool.all[0].sender.deadline == deadline
