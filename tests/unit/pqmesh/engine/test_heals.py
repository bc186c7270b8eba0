# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-RK and HS-RP between engines: what they cost, what goes wrong, and what it may not spoil."""

import pytest

from pqmesh.engine.events import Established, Received
from pqmesh.limits import RADIO_LINK, replace
from support.resumption import PEERS, ROOT, established, ready

ALONE = replace(RADIO_LINK, point_to_point=True)
RK, RP = 0x4B, 0x4C  # octet 0 of the fragments: class 1, version 1, mode 3 and 4


def stocked(link=RADIO_LINK, count=3, **named):
    """Both ends have generation 0, and end 0 has prekeys of end 1."""
    pair = ready(link, **named)
    pair.stock(0, count)
    return pair


def octets(pair):
    """What both ends put on the link."""
    return sum(len(frame) for sent in pair.sent for frame in sent)


# The way it should go.


def test_hs_rk_is_13_frames_and_at_most_2_546_octets_on_radio():
    pair = ready()
    handle = pair.resume(0, heal=True)
    established(pair)
    assert pair.kinds(0) == [RK] * 6 + [0]
    assert pair.kinds(1) == [RK] * 6
    assert octets(pair) == 2_534 <= 2_546
    mine, theirs = pair.last(0, Established), pair.last(1, Established)
    assert (mine.session, mine.peer_id, theirs.peer_id) == (handle, PEERS[1], PEERS[0])
    assert (mine.initiator, theirs.initiator) == (True, False)
    assert (mine.sent_bytes, mine.received_bytes) == (1_316 + 13, 1_205)
    assert (theirs.sent_bytes, theirs.received_bytes) == (1_205, 1_316 + 13)


def test_hs_rp_is_8_frames_and_at_most_1_277_octets_on_radio():
    pair = stocked()
    pair.resume(0, heal=True)
    established(pair)
    assert pair.kinds(0) == [RP] * 6 + [0]
    assert pair.kinds(1) == [0x83]
    assert octets(pair) == 1_270 <= 1_277
    assert (pair.stocked(0), pair.seed(1, 0)) == (2, None)
    assert pair.seed(1, 1) is not None


def test_on_a_cable_the_sacks_come_on_top():
    pair = ready(ALONE)
    pair.resume(0, heal=True)
    established(pair)
    assert octets(pair) == 2_534 + 2 * 14


@pytest.mark.parametrize("count", [0, 1], ids=["rk", "rp"])
def test_the_session_carries_messages_and_the_count_begins_anew(count):
    pair = stocked(count=count)
    pair.provision(resumptions=17)
    pair.resume(0, heal=True)
    established(pair)
    assert pair.ticket(1).resumptions == 0
    assert pair.ticket(0).resumptions == 18  # until the responder is heard
    for side in (0, 1):
        pair.send(side, pair.last(side, Established).session, b"reading")
    pair.run_for(5_000)
    assert pair.last(1, Received).payload == pair.last(0, Received).payload == b"reading"
    assert pair.ticket(0).resumptions == 0
    assert pair.ticket(0).current == pair.ticket(1).current != ROOT
    assert pair.ticket(0).candidate is pair.ticket(1).candidate is None


def test_receive_does_no_public_key_work():
    pair = ready()
    pair.held = {0, 1}
    pair.resume(0, heal=True)
    assert pair.sent[0] == []
    work = pair.ends[0].next_deadline()
    assert work == pair.now
    pair.held = {1}
    pair.run_for(10_000)
    assert pair.kinds(0)[:6] == [RK] * 6
    assert set(pair.kinds(1)) <= {0x80}  # it may say that all is here
    pair.held = set()
    established(pair)


# What is lost on the way.


def test_r2_without_its_head_is_not_talked_over():
    """The head of R2 was lost: R1 is not sent again while the rest comes in."""
    pair = ready()
    lost = []

    def medium(side, frame):
        if side == 1 and frame[0] == RK and frame[6] == 0 and not lost:
            lost.append(frame)
            return []
        return [frame]

    pair.intercept = medium
    pair.resume(0, heal=True)
    established(pair)
    assert len(lost) == 1
    assert pair.kinds(1).count(RK) == 7  # R2, and its head again
    assert pair.kinds(0).count(RK) <= 7  # R1, and after the rest perhaps its head
    assert pair.ends[0].stats.handshakes_failed == 0


def test_r2_that_was_given_up_comes_again_when_its_r1_is_asked_about():
    pair = ready(ALONE)
    deaf = [True]
    pair.intercept = lambda side, frame: (
        [] if deaf[0] and side == 1 and frame[0] == RK else [frame]
    )
    pair.resume(0, heal=True)
    while not (answers := [one.answer for one in pair.ends[1]._resumes._peerings.all]) or not (
        answers[0] and answers[0].settled()
    ):
        pair.run_for(500)
        assert pair.now < 60_000
    deaf[0] = False
    established(pair)
    assert pair.kinds(0)[-1] == 0
