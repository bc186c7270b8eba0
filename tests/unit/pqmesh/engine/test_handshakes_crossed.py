# SPDX-License-Identifier: MIT OR Apache-2.0
"""Crossed connects become one session; restarts find their way back. Continues test_handshakes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Closed, Established, Lost, Refused
from pqmesh.errors import Unexpected
from pqmesh.limits import SERIAL_LINK, replace
from pqmesh.wire.fragment import decode_fragment
from support.handshakes import both_established, offer, raw_m1, same_session
from support.simulation import Medium, OpenHouse, Pair

SHARED = replace(SERIAL_LINK, point_to_point=False)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 900), st.sampled_from([0.0, 0.05, 0.15]))
def test_crossed_connects_become_one(seed, later, loss):
    pair = Pair(seed, Medium(loss=loss))
    pair.boots = [seed, seed]  # other nonces for other seeds
    for side in (0, 1):
        pair.reboot(side)
    handles = [pair.connect(0)]
    pair.run_for(later)
    handles.append(pair.connect(1))
    pair.run_until(lambda: both_established(pair))
    assert [pair.last(side, Established).session for side in (0, 1)] == handles
    assert {pair.last(side, Established).initiator for side in (0, 1)} == {True, False}
    assert same_session(pair)
    assert not pair.of(0, Refused) + pair.of(1, Refused)
    pair.run_for(150_000)
    assert same_session(pair)
    assert [len(pair.of(side, Established)) for side in (0, 1)] == [1, 1]


@pytest.mark.parametrize("seed", range(8))
def test_an_offer_sent_into_the_void_does_not_hold_up_a_late_neighbour(seed):
    pair = Pair()
    pair.boots[0] = seed
    pair.reboot(0)
    pair.intercept = lambda side, frame: []
    pair.connect(0)
    pair.run_for(3000)
    pair.intercept = None
    begin = pair.now
    pair.connect(1)
    pair.run_until(lambda: both_established(pair))
    assert pair.now - begin < 2500


@pytest.mark.parametrize("seed", range(8))
def test_a_neighbour_that_restarted_after_acknowledging_goes_first(seed):
    pair = Pair()
    pair.boots[0] = seed
    pair.reboot(0)
    pair.connect(0)
    pair.run_until(lambda: pair.ends[0]._handshakes.pool.all[0].sender)
    pair.held.add(1)  # it acknowledges, and dies before it answers
    pair.run_until(lambda: pair.ends[0]._handshakes.pool.all[0].sender.complete)
    pair.run_for(1)
    pair.held.clear()
    pair.reboot(1)
    begin = pair.now
    pair.connect(1)
    pair.run_until(lambda: both_established(pair) and same_session(pair))
    assert pair.now - begin < 2500


def test_our_own_offer_come_back_is_not_a_crossing():
    pair = Pair()
    pair.intercept = lambda side, frame: []
    pair.connect(0)
    pair.run_for(1)
    errors = [pair.deliver(0, frame) for frame in pair.sent[0][:3]]
    assert isinstance(errors[-1], Unexpected)
    assert pair.ends[0]._handshakes.pool.all[0].state == states.OFFERED


def test_connecting_while_answering_waits_for_the_answer_to_come_to_something():
    pair = Pair()
    pair.connect(1)
    pair.run_until(lambda: len(pair.sent[0]) > 1)
    handle = pair.connect(0)
    assert pair.ends[0]._handshakes.pool.all[-1].state == states.YIELDED
    pair.run_until(lambda: both_established(pair))
    assert pair.last(0, Established).session == handle
    assert not pair.last(0, Established).initiator


def test_a_key_not_yet_made_yields_at_once():
    pair = Pair()
    frames = raw_m1()
    for frame in frames[:-1]:
        pair.deliver(0, frame)
    pair.ends[0].connect(0)
    assert pair.deliver(0, frames[-1]) is None
    assert pair.ends[0]._handshakes.pool.all[0].state == states.YIELDED
    pair.run_for(10)
    assert not any(decode_fragment(f).number() == 1 for f in pair.sent[0] if f[0] >> 6 == 1)


def test_what_we_yielded_to_comes_to_nothing_and_we_begin_again():
    pair = Pair()
    handle = pair.connect(0)
    offer(pair, 0, b"stranger")
    table = pair.ends[0]._handshakes
    if table.pool.all[0].state != states.YIELDED:
        table.pool.all[0].stop_sending()
        table.pool.all[0].advance(states.YIELD)
        offer(pair, 0, b"another stranger")
    pair.intercept = lambda side, frame: []
    pair.run_until(lambda: table.pool.all[0].state == states.OFFERED)
    pair.intercept = None
    pair.run_until(lambda: both_established(pair))
    assert pair.last(0, Established).session == handle
    assert pair.last(0, Established).initiator


def test_a_stranger_beside_our_m3_that_comes_to_nothing_is_nobodys_business():
    pair = Pair()
    pair.intercept = lambda side, frame: [] if side == 1 and len(frame) == 21 else [frame]
    pair.connect(0)
    pair.run_until(lambda: pair.of(1, Established))
    table = pair.ends[0]._handshakes
    offer(pair, 0, b"stranger")
    assert [h.state for h in table.pool.all] == [states.PROVED, states.START]
    table.pool.fail(table.pool.all[1], "for the test", pair.now)
    assert [h.state for h in table.pool.all] == [states.PROVED]
    pair.intercept = None
    pair.run_until(lambda: pair.of(0, Established))


def test_who_crosses_must_be_whom_we_expect():
    pair = Pair()
    pair.connect(1)
    pair.run_until(lambda: len(pair.sent[0]) > 1)
    handle = pair.connect(0, expect=b"\x55" * 32)
    pair.run_until(lambda: len(pair.of(0, Refused)) == 2)
    first, second = pair.of(0, Refused)
    assert first.session != handle  # the neighbour's own attempt
    assert second.session == handle  # and ours, that began again and met the same neighbour
    assert "wrong identity" in first.reason
    assert "wrong identity" in second.reason
    assert pair.of(1, Refused)


@pytest.mark.parametrize("seed", range(6))
def test_on_a_shared_link_both_ends_keep_the_same_one_of_two_that_crossed(seed):
    pair = Pair(seed, Medium(loss=0.05), link=SHARED, floors=OpenHouse())
    pair.boots = [seed, seed]
    for side in (0, 1):
        pair.reboot(side)
    pair.connect(0)
    pair.run_for(seed * 120)
    pair.connect(1)
    pair.run_until(lambda: both_established(pair))
    pair.run_for(150_000)
    assert same_session(pair)
    assert {pair.last(side, Established).initiator for side in (0, 1)} == {True, False}


# Restarts


def test_a_new_session_of_the_same_peer_replaces_the_old():
    pair = Pair()
    old = pair.establish()
    pair.reboot(0)
    new = pair.establish()
    assert Closed(old[1], 1, True) in pair.events[1]
    assert same_session(pair)
    pair.send(0, new[0], b"hello")
    pair.run_for(1000)
    assert pair.events[1][-1].payload == b"hello"


@pytest.mark.parametrize("frames", range(0, 40, 3))
def test_a_board_reset_at_any_frame_of_a_handshake_gets_in_the_next_time(frames):
    pair = Pair()
    pair.connect(0)
    pair.run_until(lambda: len(pair.sent[0]) + len(pair.sent[1]) >= min(frames, 38))
    begin = pair.now
    pair.reboot(0)
    pair.establish(0)
    assert same_session(pair)
    assert pair.now - begin < 3000


@pytest.mark.parametrize("frames", range(0, 40, 3))
def test_a_gateway_reset_at_any_frame_is_found_again_by_who_connects(frames):
    pair = Pair()
    pair.connect(0)
    pair.run_until(lambda: len(pair.sent[0]) + len(pair.sent[1]) >= min(frames, 38))
    pair.reboot(1)

    def owner_connects_again():
        if pair.events[0] and isinstance(pair.events[0][-1], (Refused, Lost, Closed)):
            pair.events[0].append(None)
            pair.connect(0)
        return same_session(pair)

    pair.run_until(owner_connects_again)
