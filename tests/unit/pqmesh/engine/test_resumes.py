# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumptions of an engine: the three frames, what goes wrong with them, and what gives way."""

import pytest

from pqmesh.engine.events import Closed, Delivered, Established, Received, Refused
from pqmesh.engine.tickets import MemoryTickets
from pqmesh.errors import BadTag, Busy, Exhausted, Unexpected, UnknownKind
from pqmesh.limits import BOARD, RADIO_LINK, RESUMPTION_AGE_S, RESUMPTIONS, SERIAL_LINK, replace
from support.resumption import (
    PEERS,
    R1,
    R2,
    ROOT,
    ResumePair,
    cut,
    established,
    losing,
    ready,
    ticket,
)
from support.simulation import Pair

ALONE = replace(RADIO_LINK, point_to_point=True)


# The way it should go.


def test_hs_r_is_three_frames_and_at_most_100_octets_on_radio():
    pair = ready()
    handle = pair.resume(0)
    established(pair)
    assert [len(frame) for frame in pair.sent[0] + pair.sent[1]] == [42, 13, 37]
    assert sum(len(frame) for frame in pair.sent[0] + pair.sent[1]) == 92 <= 100
    mine, theirs = pair.last(0, Established), pair.last(1, Established)
    assert (mine.session, mine.peer_id, theirs.peer_id) == (handle, PEERS[1], PEERS[0])
    assert (mine.initiator, theirs.initiator) == (True, False)
    assert (mine.sent_bytes, mine.received_bytes) == (55, 37)
    assert (theirs.sent_bytes, theirs.received_bytes) == (37, 55)
    for end in pair.ends:
        assert end.stats.handshakes_resumed == end.stats.handshakes_finished == 1
    assert pair.ends[0].stats.handshakes_started == 1


def test_messages_flow_both_ways_and_confirm_the_ratchet():
    pair = ready()
    pair.resume(0)
    established(pair)
    assert pair.ticket(0).candidate == pair.ticket(1).current
    pair.send(0, pair.last(0, Established).session, b"reading")
    pair.run_for(5_000)
    assert pair.last(1, Received).payload == b"reading"
    assert pair.of(0, Delivered)
    assert pair.ticket(0) == ticket(PEERS[1], pair.ticket(1).current, None, 1)
    assert pair.ticket(1).candidate is None
    assert ROOT not in (pair.ticket(0).current, pair.ticket(1).current)
    pair.run_for(RADIO_LINK.handshake_ms)
    assert not any(end._resumes._peerings.all for end in pair.ends)


def test_a_full_handshake_establishes_generation_0_and_the_next_connect_resumes():
    pair = ResumePair(link=SERIAL_LINK)
    pair.resume(0)
    established(pair)
    assert pair.kinds(0).count(R1) == 0
    assert pair.ticket(0).current == pair.ticket(1).current
    assert pair.ticket(0).resumptions == 0
    assert pair.ticket(0).params == pair.ticket(1).params
    pair.resume(1)
    established(pair, 2)
    assert pair.kinds(1).count(R1) == 1
    assert pair.of(0, Closed)[-1].by_peer
    assert pair.ticket(0).resumptions == pair.ticket(1).resumptions == 1


def test_without_tickets_nothing_of_hs_r_is_known():
    pair = Pair()
    pair.establish()
    for kind in (R1, R2):
        assert isinstance(pair.deliver(0, bytes((kind,)) + bytes(41)), UnknownKind)


def test_a_connect_to_whoever_is_there_does_not_resume():
    pair = ready(ALONE)
    pair.connect(0)
    pair.run_for(100)
    assert R1 not in pair.kinds(0)


# Loss.


def test_a_lost_r1_is_repeated_octet_by_octet():
    pair = ready()
    lost = losing(pair, lambda side, frame: frame[0] == R1 and pair.now < 1_000)
    pair.resume(0)
    established(pair)
    assert len(lost) == 1
    assert [frame for frame in pair.sent[0] if frame[0] == R1] == lost * 2
    assert pair.ends[0].stats.frames_retransmitted == 1


def test_a_lost_r2_is_sent_again_the_identical_one():
    pair = ready()
    lost = losing(pair, lambda side, frame: frame[0] == R2 and pair.now < 2_500)
    pair.resume(0)
    established(pair)
    r2 = [frame for frame in pair.sent[1] if frame[0] == R2]
    assert len(r2) >= 2
    assert set(r2) == {lost[0]}
    assert pair.ticket(1).resumptions == 1


def test_a_repeated_nonce_gets_the_identical_r2():
    pair = ready()
    losing(pair, lambda side, frame: side == 1)
    pair.resume(0)
    pair.run_for(500)
    assert pair.deliver(1, pair.sent[0][0]) is None
    assert pair.sent[1][0] == pair.sent[1][1]


def test_07_after_a_restart_the_same_r1_gets_another_r2():
    pair = ready()
    losing(pair, lambda side, frame: side == 1)
    pair.resume(0)
    pair.run_for(500)
    pair.reboot(1)
    pair.deliver(1, pair.sent[0][0])
    assert len({r2[5:21] for r2 in pair.sent[1]}) == 2  # nonces: so all its keys are others


def test_a_lost_r3_is_drawn_again_by_r2():
    pair = ready()
    lost = losing(pair, lambda side, frame: side == 0 and len(frame) == 13 and pair.now < 1_000)
    pair.resume(0)
    established(pair)
    assert len(lost) == 1
    assert pair.kinds(1).count(R2) == 2


def test_the_first_data_frame_is_as_good_as_r3():
    pair = ready()
    lost = losing(pair, lambda side, frame: side == 0 and len(frame) == 13)
    handle = pair.resume(0)
    pair.run_until(lambda: pair.of(0, Established))
    pair.run_for(40_000)  # R2 is not repeated any more
    assert len(lost) == 8
    pair.send(0, handle, b"late")
    pair.run_for(5_000)
    assert pair.last(1, Received).payload == b"late"
    assert pair.joined()


def test_an_answer_is_forgotten_when_r3_never_comes():
    pair = ready()
    losing(pair, lambda side, frame: side == 1)
    pair.resume(0)
    pair.run_for(RADIO_LINK.handshake_ms + 60_000)
    assert pair.kinds(1).count(R2) >= 3
    assert pair.events[1] == []
    assert pair.ends[1]._resumes._peerings.all == []
    assert pair.ends[1].next_deadline() is None or pair.of(0, Refused) == []
    assert pair.ticket(1).current == ROOT


# Refused, and the way back to the full handshake.


def test_06_silence_five_times_leads_to_the_full_handshake_under_the_same_handle():
    pair = ResumePair(link=ALONE)
    pair.provision((0,))
    handle = pair.resume(0)
    established(pair)
    assert pair.kinds(0).count(R1) == 5
    found = pair.last(0, Established)
    assert found.session == handle
    assert found.sent_bytes > 5 * 42 + 6_500
    assert found.elapsed_ms > 10_000  # 1, 1, 2, 2 and 4 s, and the handshake
    assert pair.ends[0].stats.handshakes_failed == 1
    assert pair.ticket(0).current == pair.ticket(1).current != ROOT


def test_06_both_generations_are_tried_before_the_full_handshake():
    pair = ResumePair(link=ALONE)
    pair.flash[0].save(ticket(PEERS[1], ROOT, b"\x01" * 32))
    pair.resume(0)
    established(pair)
    r1 = [frame for frame in pair.sent[0] if frame[0] == R1]
    assert len(r1) == 10
    assert r1[0][1:9] == r1[2][1:9] != r1[1][1:9] == r1[3][1:9]
    assert len({frame[9:11] for frame in r1}) == 1  # one CID throughout
    assert len({frame[11:25] for frame in r1}) == 10


def test_06_nothing_unauthenticated_lowers_the_mode_or_moves_the_ratchet():
    pair = ready()
    before = [pair.ticket(side) for side in (0, 1)]
    losing(pair, lambda side, frame: True)
    pair.resume(0)
    r1 = pair.sent[0][0]
    forged = [
        (1, r1[:-1] + b"\x00", BadTag),
        (1, b"\x82" + bytes(8) + r1[9:], Unexpected),
        (0, r1, BadTag),  # reflected
        (0, b"\x83" + r1[9:11] + bytes(34), BadTag),
        (0, b"\x83" + bytes(36), Unexpected),
    ]
    for side, frame, error in forged:
        assert type(pair.deliver(side, frame)) is error
    assert [pair.ticket(side) for side in (0, 1)] == before
    assert all(frame[0] == R1 for frame in pair.sent[0])
    assert pair.sent[1] == []


def flips(frame):
    for bit in range(8 * len(frame)):
        spoilt = bytearray(frame)
        spoilt[bit // 8] ^= 1 << bit % 8
        yield bytes(spoilt)


def test_02_a_flipped_bit_in_any_frame_moves_nothing_and_the_genuine_one_still_counts():
    pair = ready()
    losing(pair, lambda side, frame: True)
    pair.resume(0)
    for to in (1, 0, 1):  # R1, R2, R3
        genuine = pair.sent[1 - to][-1]
        before = [pair.ticket(side) for side in (0, 1)], [len(sent) for sent in pair.sent]
        for spoilt in flips(genuine):
            assert pair.deliver(to, spoilt) is not None
        assert before == (
            [pair.ticket(side) for side in (0, 1)],
            [len(sent) for sent in pair.sent],
        )
        assert pair.deliver(to, genuine) is None
    assert pair.joined()


def test_06_after_256_resumptions_the_responder_waits_for_a_fresh_secret():
    pair = ready(ALONE)
    pair.provision((1,), RESUMPTIONS)
    pair.resume(0)
    established(pair)
    assert pair.kinds(0).count(R1) == 5
    assert pair.ends[1].stats.dropped["Exhausted"] == 5
    assert pair.ticket(0).resumptions == pair.ticket(1).resumptions == 0


def test_06_an_initiator_sees_that_coming_and_heals_before():
    pair = ready()
    pair.provision(resumptions=RESUMPTIONS - 17)
    pair.resume(0)
    established(pair)
    assert R1 in pair.kinds(0)
    pair.resume(0)
    established(pair, 2)
    assert pair.kinds(0).count(R1) == 1
    assert 0x4B in pair.kinds(0)


def test_06_and_so_it_does_when_the_secret_has_grown_old():
    pair = ResumePair(link=ALONE)
    pair.provision()
    pair.flash[0].save(ticket(PEERS[1], ROOT, healed_s=1))
    pair.flash[0].now_s = lambda: RESUMPTION_AGE_S
    pair.resume(0)
    pair.run_for(100)
    assert R1 not in pair.kinds(0)


def test_no_full_handshake_and_no_room_for_one_is_refused():
    pair = ready(limits=replace(BOARD, half_open=1))
    pair.intercept = lambda side, frame: []
    handle = pair.resume(0)
    pair.connect(0)  # with somebody else on the shared link
    pair.run_for(20_000)
    refused = pair.of(0, Refused)
    assert [event.session for event in refused] == [handle]
    assert refused[0].reason.startswith("no answer, and no full handshake: ")


def test_an_initiator_that_is_not_trusted_gets_no_answer():
    pair = ready(trust=(None, lambda peer_id: False))
    pair.intercept = lambda side, frame: cut(frame)
    pair.resume(0)
    pair.run_for(1_000)
    assert R2 not in pair.kinds(1)
    assert type(pair.errors[1][0]) is Unexpected


def test_a_responder_that_is_not_trusted_any_more_is_refused():
    pair = ready(trust=(lambda peer_id: False, None))
    handle = pair.resume(0)
    pair.run_for(1_000)
    (event,) = pair.events[0]
    assert (event.session, event.peer_id) == (handle, PEERS[1])
    assert "not trusted" in event.reason
    assert pair.ticket(0).candidate is None
    assert pair.ends[0].next_deadline() is None


# Owners and limits.


def test_one_resumption_per_peer_and_one_on_a_line_of_two():
    shared, alone = ready(), ready(ALONE)
    for pair in (shared, alone):
        pair.resume(0)
        with pytest.raises(Busy):
            pair.resume(0)
    shared.connect(0, b"\x07" * 32)
    with pytest.raises(Busy):
        alone.connect(0)


def test_a_full_handshake_under_way_with_the_only_neighbour_is_not_joined_by_another():
    pair = ready(ALONE)
    pair.connect(0)
    with pytest.raises(Busy):
        pair.resume(0)


def test_a_connect_can_be_given_up():
    pair = ready()
    pair.intercept = lambda side, frame: []
    handle = pair.resume(0)
    pair.close(0, handle)
    (event,) = pair.events[0]
    assert (event.session, event.reason) == (handle, "given up by its owner")
    assert pair.ends[0].next_deadline() is None
    assert pair.ends[0]._context._cids == set()
    pair.intercept = None
    pair.resume(0)
    established(pair)
    pair.close(0, pair.last(0, Established).session)
    pair.run_for(5_000)
    assert pair.of(1, Closed)


def test_a_close_that_overtakes_r3_is_r3():
    pair = ready()
    losing(pair, lambda side, frame: side == 0 and len(frame) == 13)
    handle = pair.resume(0)
    pair.run_until(lambda: pair.of(0, Established))
    pair.close(0, handle)
    pair.run_for(10_000)
    assert [type(event) for event in pair.events[1]] == [Established, Closed]
    assert pair.ticket(1).resumptions == 1


def test_no_room_for_a_session_no_answer():
    pair = ready(limits=replace(BOARD, sessions=0))
    pair.intercept = lambda side, frame: cut(frame)
    pair.resume(0)
    pair.run_for(1_000)
    assert type(pair.errors[1][0]) is Exhausted


def other_peers(pair, side, count):
    """Provision ``side`` with tickets of peers that are not there."""
    names = [bytes((7 + n,)) * 32 for n in range(count)]
    for name in names:
        pair.flash[side].save(ticket(name, name))
    return names


def test_a_full_table_sends_the_newcomer_away_until_an_answer_is_ignored():
    pair = ready(limits=replace(BOARD, half_open=1))
    losing(pair, lambda side, frame: side == 1 or frame[0] >> 6 == 1)
    (other,) = other_peers(pair, 1, 1)
    pair.resume(0)
    pair.run_for(500)
    assert pair.ends[1]._resumes.connect(pair.now, other) == 0
    pair.run_for(30_000)  # R2 has been repeated twice
    assert pair.ends[1]._resumes.connect(pair.now, other) > 0
    assert [peering.peer_id for peering in pair.ends[1]._resumes._peerings.all] == [other]


def test_an_attempt_of_our_own_does_not_give_way():
    pair = ready(limits=replace(BOARD, half_open=1))
    (other,) = other_peers(pair, 0, 1)
    pair.intercept = lambda side, frame: []
    pair.resume(0)
    pair.run_for(500)
    assert pair.ends[0]._resumes.connect(pair.now, other) == 0


def test_a_ticket_that_the_store_names_but_has_not_is_unknown():
    pair = ready()
    pair.intercept = lambda side, frame: []
    pair.resume(0)
    pair.flash[1].load = lambda peer_id: None
    assert type(pair.deliver(1, pair.sent[0][0])) is Unexpected


def test_a_session_that_ends_takes_its_answer_with_it():
    pair = ready()
    losing(pair, lambda side, frame: side == 0 and frame[0] != R1)
    pair.resume(0)
    pair.run_for(500)
    (peering,) = pair.ends[1]._resumes._peerings.all
    peering.answer.session.discard()
    pair.run_for(10_000)
    assert pair.ends[1]._resumes._peerings.all == []
    assert pair.events[1] == []


def test_a_session_that_ends_unconfirmed_leaves_both_generations():
    pair = ready()
    handle = pair.resume(0)
    established(pair)
    losing(pair, lambda side, frame: True)
    pair.close(0, handle)
    pair.run_for(120_000)
    assert pair.ends[0]._resumes._peerings.all == []
    assert pair.ticket(0) == ticket(PEERS[1], ROOT, pair.ticket(1).current, 1)


def test_memory_tickets_serve_an_engine_as_they_are():
    assert {"find", "load", "save", "now_s"} <= set(dir(MemoryTickets))
