# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-S between two engines, step by step: what a forged, late or double message does."""

import pytest

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established, Refused
from pqmesh.limits import SERIAL_LINK
from support.handshakes import both_established, offer, same_session
from support.simulation import Pair


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


def test_a_role_that_was_never_taken_has_nothing_to_do():
    pair = Pair()
    offer(pair, 1, b"stranger")
    table = pair.ends[1]._handshakes
    handshake = table.pool.all[0]
    table._sigma._verify(handshake, b"", 0)
    table._sigma._finish(handshake, 0)
    table._sigma._admit(handshake, b"", 0)
    assert handshake.state == states.START


def test_whom_we_do_not_want_m3_is_not_made_for():
    pair = Pair(trust=(lambda peer_id: False, None))
    pair.connect(0)
    pair.run_until(lambda: pair.of(0, Refused))
    assert not pair.of(1, Established)


def test_work_of_another_mode_is_none_of_its():
    pair = Pair()
    pair.connect(0)
    table = pair.ends[0]._handshakes
    table._sigma.do(99, table.pool.all[0], b"", 0)
    assert table.pool.all[0].state == states.OFFERED
