# SPDX-License-Identifier: MIT OR Apache-2.0
"""How handshakes end: whom we admit, which gives way, and what the owner is told."""

import pytest

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established, Refused
from pqmesh.errors import Exhausted
from pqmesh.limits import BOARD, SERIAL_LINK, replace
from support.handshakes import both_established, offer, same_session
from support.known_pair import PEERS, KnownPair
from support.resumption import ROOT, ResumePair
from support.simulation import NAMES, Medium, OpenHouse, Pair

SHARED = replace(SERIAL_LINK, point_to_point=False)


def test_the_bytes_are_all_counted_on_both_sides():
    pair = Pair()
    pair.establish()
    pair.run_for(100)
    mine, theirs = pair.last(0, Established), pair.last(1, Established)
    assert mine.sent_bytes == theirs.received_bytes == sum(map(len, pair.sent[0]))
    assert theirs.sent_bytes == mine.received_bytes == sum(map(len, pair.sent[1]))


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


def test_giving_up_after_m3_ends_the_session_that_was_pending():
    pair = Pair()
    pair.intercept = lambda side, frame: [] if side == 1 and len(frame) == 21 else [frame]
    handle = pair.connect(0)
    pair.run_until(lambda: pair.of(1, Established))
    pair.close(0, handle)
    assert pair.last(0, Refused).reason == "given up by its owner"
    assert pair.ends[0]._sessions._sessions == []
    assert pair.ends[0].next_deadline() is None


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


def test_a_full_handshake_resets_the_ratchet_and_takes_an_open_resumptions_handle():
    pair = ResumePair(link=SERIAL_LINK)
    pair.provision((0,))
    handle = pair.resume(0)
    pair.run_until(pair.joined)
    assert pair.last(0, Established).session == handle
    assert pair.ticket(0).current == pair.ticket(1).current != ROOT


def test_our_connect_ends_in_what_the_one_neighbour_began():
    pair = Pair()
    pair.connect(1)
    pair.run_until(lambda: len(pair.sent[0]) > 1)
    handle = pair.connect(0, expect=NAMES[1].peer_id)
    pair.run_until(lambda: both_established(pair))
    assert pair.last(0, Established).session == handle
    assert not pair.last(0, Established).initiator


def test_who_answers_must_be_whom_the_connect_under_way_expects():
    pair = Pair()
    pair.connect(1)
    pair.run_until(lambda: len(pair.sent[0]) > 1)
    handle = pair.connect(0, expect=b"\x55" * 32)
    pair.run_until(lambda: len(pair.of(0, Refused)) == 2)
    assert pair.last(0, Refused).session == handle  # ours began again, and met the same one


# Two that cross on a shared link


@pytest.mark.parametrize("known", [True, False], ids=["HS-K", "HS-S"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("loss", [0, 0.1])
@pytest.mark.parametrize("seed", range(6))
def test_both_ends_keep_the_same_one(known, named, loss, seed):
    rings = {} if known else {"keyrings": (None, None)}
    pair = KnownPair(seed, Medium(loss=loss), link=SHARED, floors=OpenHouse(), **rings)
    pair.boots = [seed, seed]
    for side in (0, 1):
        pair.reboot(side)
    for side in (0, 1):
        pair.connect(side, PEERS[1 - side] if named else None)
        pair.run_for(seed * 97)
    pair.run_until(lambda: both_established(pair) and same_session(pair), 300_000)
    pair.run_for(150_000)
    assert same_session(pair)
    for side in (0, 1):
        assert pair.ends[side]._handshakes.pool.all == []
        assert len(pair.ends[side]._sessions._sessions) == 1


def test_an_attempt_whose_peer_turns_out_to_have_been_first_ends_with_a_reason():
    pair = KnownPair(link=SHARED, keyrings=(None, None), floors=OpenHouse())
    loser = 0 if PEERS[0] > PEERS[1] else 1
    handle = pair.connect(loser)  # it expects nobody in particular
    pair.run_until(lambda: pair.ends[loser]._handshakes.pool.all[0].state == states.OFFERED)
    pair.connect(1 - loser)
    pair.run_until(lambda: both_established(pair), 300_000)
    pair.run_for(60_000)
    told = [event for event in pair.events[loser] if isinstance(event, Refused)]
    assert all("crossed" in event.reason for event in told)
    assert {event.session for event in told} <= {handle}
    assert same_session(pair)


def test_the_loser_of_two_that_crossed_is_refused_under_its_handle_and_says_nothing():
    pair = KnownPair(link=SHARED)
    handle = pair.call()
    table = pair.ends[0]._handshakes
    pair.run_until(lambda: table.pool.all[0].state == states.PROVED)
    session = pair.ends[0]._sessions.by_handle(handle)
    pair.ends[0]._sessions.replace_others = lambda one: one.discard()  # returns None: it lost
    sent = len(pair.sent[0])
    table.pool.established(table.pool.all[0], session, pair.now)
    pair.drain()
    assert "crossed" in pair.last(0, Refused).reason
    assert pair.last(0, Refused).session == handle
    assert len(pair.sent[0]) == sent


def test_the_peers_loser_ends_in_silence():
    pair = KnownPair(link=SHARED)
    pair.call()
    pair.ends[1]._sessions.replace_others = lambda one: one.discard()
    pair.run_until(lambda: not pair.ends[1]._handshakes.pool.all and len(pair.sent[0]) > 13)
    pair.run_for(3_000)
    assert pair.events[1] == []
    assert not [frame for frame in pair.sent[1] if not frame[0] >> 6]


# Places


def test_strangers_on_a_shared_link_leave_a_place_to_those_who_belong_here():
    pair = KnownPair()
    pool = pair.ends[1]._handshakes.pool
    pair.call()
    pair.run_until(lambda: pool.all)
    with pytest.raises(Exhausted, match="strangers"):
        pool.check_place(False, pair.now)
    pool.check_place(True, pair.now)
    pool.all[0].admitted = True
    pool.check_place(False, pair.now)
    pool.all[0].admitted = False
    pool.check_place(False, pair.now + 60_000)  # stale: it gives way
    assert pool.all == []


def test_what_has_given_way_begins_again_with_a_hello():
    pair = KnownPair()
    handle = pair.call()
    pool = pair.ends[0]._handshakes.pool
    ours = pool.find(handle)
    ours.stop_sending()
    ours.advance(states.YIELD)
    sent = len(pair.sent[0])
    pool._resume(pair.now)
    pair.drain()
    assert ours.state == states.CALLING
    assert [frame[0] for frame in pair.sent[0][sent:]] == [0x84]
    pair.run_until(lambda: pair.of(0, Established))


def test_m1_by_whom_we_call_crosses_ours():
    pair = KnownPair()
    pool = pair.ends[0]._handshakes.pool
    pair.call()
    ours = pool.all[0]
    pool.cross(ours, b"\x07" * 32)  # somebody else
    assert ours.state == states.CALLING
    pool.cross(ours, PEERS[1])  # little is lost yet: it yields whoever is first
    assert ours.state == states.YIELDED
    pool.cross(ours, PEERS[1])  # and has done so
    alone = Pair().ends[0]._handshakes.pool
    alone.cross(ours, PEERS[1])


def test_work_waits_in_the_order_it_came():
    pair = KnownPair()
    handle = pair.call()
    pool = pair.ends[0]._handshakes.pool
    ours = pool.find(handle)
    assert pool.find(handle + 1) is None
    for kind, now in ((7, 5), (6, 9)):
        pool.queue(kind, ours, b"", now)
    assert [work[0] for work in pool.work] == [7, 6]
    assert pool.work_at == 5
