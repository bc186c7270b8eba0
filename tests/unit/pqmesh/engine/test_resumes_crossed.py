# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumptions that cross each other, or full handshakes. Continues test_resumes."""

import pytest

from pqmesh.engine.events import Closed, Established, Refused
from pqmesh.limits import RADIO_LINK, replace
from support.resumption import PEERS, R1, R2, ROOT, SMALLER, ResumePair, established, losing, ready

LARGER = 1 - SMALLER
ALONE = replace(RADIO_LINK, point_to_point=True)
FAST = replace(RADIO_LINK, bits_per_second=50_000)


@pytest.mark.parametrize("link", [RADIO_LINK, ALONE], ids=["shared", "alone"])
@pytest.mark.parametrize("lag", [0, 30, 100])
@pytest.mark.parametrize("first", [0, 1])
def test_crossed_resumptions_become_one_session_of_both_handles(link, lag, first):
    pair = ready(link)
    handles = [0, 0]
    handles[first] = pair.resume(first)
    pair.run_for(lag)
    handles[1 - first] = pair.resume(1 - first)
    established(pair)
    pair.run_for(30_000)
    assert [pair.last(side, Established).session for side in (0, 1)] == handles
    assert [len(pair.of(side, Established)) for side in (0, 1)] == [1, 1]
    assert pair.in_step()
    assert not pair.of(0, Refused) + pair.of(1, Refused)


def test_the_smaller_name_goes_first_and_the_larger_begins_again_without_r3():
    pair = ready()
    losing(pair, lambda side, frame: side == SMALLER and frame[0] != R1)
    pair.resume(SMALLER)
    pair.resume(LARGER)
    pair.run_for(1_000)
    assert pair.kinds(SMALLER)[:1] == pair.kinds(LARGER)[:1] == [R1]
    assert pair.kinds(LARGER)[1] == R2
    assert pair.of(SMALLER, Established)  # but R3 does not arrive
    pair.run_for(20_000)
    assert pair.kinds(LARGER).count(R1) > 1
    pair.intercept = None
    established(pair)
    assert pair.in_step()


def test_a_connect_while_we_answer_names_what_comes_of_it():
    pair = ready()
    lost = losing(pair, lambda side, frame: side == 0 and len(frame) == 13 and pair.now < 1_000)
    pair.resume(0)
    pair.run_until(lambda: lost)
    handle = pair.resume(1)
    established(pair)
    assert pair.last(1, Established).session == handle
    assert R1 not in pair.kinds(1)


def test_a_connect_after_the_peer_ignored_our_answer_begins_at_once():
    pair = ready()
    losing(pair, lambda side, frame: side == 1 or frame[0] >> 6 == 1)
    pair.resume(0)
    pair.run_for(40_000)
    pair.intercept = None
    pair.resume(1)
    assert pair.kinds(1)[-1] == R1
    established(pair)


@pytest.mark.parametrize(
    "link", [FAST, replace(FAST, point_to_point=True)], ids=["shared", "alone"]
)
def test_a_full_handshake_of_the_peer_ends_our_resumption_under_our_handle(link):
    pair = ResumePair(link=link)
    pair.provision((0,))  # the other end has lost its ticket
    handle = pair.resume(0)
    pair.connect(1, PEERS[0])
    established(pair)
    pair.run_for(60_000)
    assert pair.of(0, Established)[0].session == handle
    assert not pair.of(0, Refused)
    assert pair.joined()
    assert pair.ticket(0).current == pair.ticket(1).current != ROOT


def test_r1_of_the_peer_ends_our_full_handshake_under_our_handle():
    pair = ready(ALONE)
    held = losing(pair, lambda side, frame: side == 0 and frame[0] >> 6 == 1)
    handle = pair.connect(0)  # it would not know whom to resume with
    pair.run_until(lambda: held)
    pair.resume(1)
    established(pair)
    assert pair.last(0, Established).session == handle
    assert not pair.last(0, Established).initiator
    pair.intercept = None
    pair.run_for(60_000)
    assert pair.joined()
    assert len(pair.of(0, Established)) == 1


def test_r1_waits_for_a_full_handshake_whose_m3_is_out():
    pair = ready(link=replace(RADIO_LINK, burst=8))  # M3 is said again before R1 gives up
    m3 = losing(pair, lambda side, frame: side == 0 and frame[0] >> 6 == 1 and frame[1] >> 6 == 3)
    pair.flash[0].forget(PEERS[1])
    pair.resume(0)
    pair.run_until(lambda: m3)
    pair.provision((0,))
    pair.resume(1)
    pair.run_for(1_000)
    assert R2 not in pair.kinds(0)
    pair.intercept = None
    established(pair)
    pair.run_for(60_000)
    assert pair.joined()
    assert pair.ticket(0).current == pair.ticket(1).current != ROOT


def test_a_full_handshake_of_ours_ends_a_resumption_begun_beside_it():
    pair = ResumePair()
    m4 = losing(pair, lambda side, frame: side == 1 and frame[0] >> 6 == 0)
    pair.resume(0)  # no ticket yet: a full handshake
    pair.run_until(lambda: m4)
    pair.provision((0,))
    second = pair.resume(0)
    pair.run_for(10)
    pair.intercept = None
    established(pair)
    (event,) = pair.of(0, Refused)
    assert (event.session, event.peer_id) == (second, PEERS[1])
    assert event.reason == "a full handshake with this peer came about"


def test_a_second_resume_replaces_the_session_and_moves_on():
    pair = ready()
    for times in (1, 2, 3):
        pair.resume(times % 2)
        established(pair, times)
    assert [len(pair.of(side, Closed)) for side in (0, 1)] == [2, 2]
    assert pair.in_step()
    assert max(pair.ticket(side).resumptions for side in (0, 1)) == 3


def test_a_frame_of_another_session_confirms_nothing():
    pair = ready()
    pair.resume(0)
    established(pair)
    before = pair.ticket(0)
    pair.ends[0]._resumes.on_frame(object(), pair.now)  # another peer's
    assert pair.ticket(0) == before
    assert before.candidate is not None


def test_a_frame_of_an_older_session_confirms_nothing():
    pair = ready()
    old = []
    pair.resume(0)
    established(pair)
    losing(pair, lambda side, frame: side == 1 and frame[0] < 0x40 and not old.append(frame))
    pair.send(1, pair.last(1, Established).session, b"held")
    losing(pair, lambda side, frame: side == 0 and len(frame) == 13)
    pair.resume(0)
    pair.run_until(lambda: len(pair.of(0, Established)) == 2)
    candidate = pair.ticket(0).candidate
    pair.deliver(0, old[0])
    assert pair.ticket(0).candidate == candidate
