# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-K where the responder lacks the initiator's credential. Continues test_hs_k_steps."""

import pytest

from pqmesh.credentials.own import certify, plan
from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established, Refused
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Tally
from pqmesh.errors import BadTag, Unexpected
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.wire import hs_k as wire
from pqmesh.wire.handshake import HS_K
from support.handshakes import both_established, same_session
from support.known_pair import PEERS, KnownPair
from support.model_crypto import CountingEntropy
from support.simulation import CRYPTO, NAMES, OpenHouse


def stranger_meets(**options):
    """Side 0 holds side 1's credential, side 1 not side 0's, and side 1 takes strangers."""
    return KnownPair(known=(True, False), floors=OpenHouse(), **options)


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


def test_a_credential_that_is_not_known_is_asked_for_learnt_and_kept():
    pair = stranger_meets()
    pair.meet()
    octets = [sum(map(len, pair.sent[side])) for side in (0, 1)]
    assert octets == [9_825, 2_427]
    assert [len(of_kind(pair, 1, kind)) for kind in (wire.NEED_CREDENTIAL, 0x80)] == [1, 1]
    assert pair.keyrings[1].peer(PEERS[0]).public == pair.keyrings[0].current().public
    assert pair.last(0, Established).sent_bytes == 9_825
    pair.reboot(0)
    again = len(pair.sent[0])
    pair.meet()
    assert sum(map(len, pair.sent[0][again:])) == 2_616  # known now
    assert same_session(pair)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("count", [1, *range(0, 48, 3)])
def test_any_frame_of_it_may_be_lost(side, count):
    pair = stranger_meets()
    lose(pair, side, count)
    pair.meet()
    assert same_session(pair)


def test_it_runs_on_a_cable_too():
    pair = stranger_meets(link=SERIAL_LINK)
    pair.meet()
    assert same_session(pair)
    assert pair.now < 1_200


@pytest.mark.parametrize("number", [wire.PART_1, wire.PART_2])
def test_a_forged_half_does_not_keep_the_genuine_one_out(number):
    pair = stranger_meets()
    pair.call()
    pair.run_until(
        lambda: (
            pair.ends[1]._handshakes.pool.all
            and handshake(pair, 1).parts == (number > 0)
            and handshake(pair, 1).state == states.ASKED
        )
    )
    message = handshake(pair, 1).cid.to_bytes(2, "big") + bytes(wire.part_bytes(number) - 2)
    forger = MessageSender(message, number, HS_K, RADIO_LINK, Tally())
    errors = [pair.deliver(1, forger.frame(i, False)) for i in range(forger._count)]
    assert isinstance(errors[-1], BadTag)
    pair.run_until(lambda: both_established(pair))


def test_a_stranger_is_not_asked_where_strangers_do_not_meet():
    pair = KnownPair(known=(True, False))
    pair.call()
    pair.run_until(lambda: pair.of(0, Refused), 400_000)
    assert not of_kind(pair, 1, wire.NEED_CREDENTIAL)
    assert pair.events[1] == []
    assert pair.ends[1].stats.dropped["Unexpected"] >= 1


def new_epoch(pair, side=0, number=2):
    own = certify(NAMES[side], CRYPTO, CountingEntropy(b"new epoch %d" % number), plan(number, 0))
    pair.keyrings[side].adopt(own)


def test_a_known_peer_in_a_new_epoch_is_asked_anywhere():
    pair = KnownPair()
    new_epoch(pair)
    pair.meet()
    assert of_kind(pair, 1, wire.NEED_CREDENTIAL)
    assert pair.keyrings[1].peer(PEERS[0]).epoch == 2


def test_the_responders_key_before_its_newest_is_still_honoured():
    pair = KnownPair()
    new_epoch(pair, 1)
    pair.meet()
    assert same_session(pair)


def test_a_credential_that_is_not_the_one_named_is_not_taken():
    pair = stranger_meets()
    pair.call()
    pair.run_until(lambda: of_kind(pair, 1, wire.NEED_CREDENTIAL))
    new_epoch(pair)  # between M1 and the halves
    pair.run_until(lambda: pair.of(0, Refused), 400_000)
    assert pair.events[1] == []


def test_need_credential_that_comes_twice_is_answered_once():
    pair = stranger_meets()
    pair.intercept = lambda side, frame: [frame] * (2 if frame[0] == wire.NEED_CREDENTIAL else 1)
    pair.meet()
    assert sum(map(len, pair.sent[0])) == 9_825


def test_halves_that_are_not_due_are_not_taken():
    pair = stranger_meets()
    pair.call()
    pair.run_until(lambda: of_kind(pair, 1, wire.NEED_CREDENTIAL))
    message = handshake(pair, 1).cid.to_bytes(2, "big") + bytes(wire.part_bytes(wire.PART_2) - 2)
    second = MessageSender(message, wire.PART_2, HS_K, RADIO_LINK, Tally())
    assert isinstance(pair.deliver(1, second.frame(0, False)), Unexpected)
    early = wire.Confirm(wire.CONFIRM, handshake(pair, 1).cid, bytes(16)).encode()
    assert isinstance(pair.deliver(1, early), Unexpected)
    handshake(pair, 1).responder = None
    with pytest.raises(Unexpected, match="half a credential"):
        pair.ends[1]._handshakes._known.on_part(handshake(pair, 1), None, pair.now)


def test_a_half_is_not_sent_for_a_handshake_that_has_moved_on():
    pair = stranger_meets()
    pair.call()
    pair.run_until(lambda: of_kind(pair, 1, wire.NEED_CREDENTIAL))
    pair.held.add(0)
    pair.run_until(lambda: pair.ends[0]._handshakes.pool.work)
    handshake(pair).stop_sending()
    handshake(pair).advance(states.YIELD)
    pair.held.clear()
    sent = len(pair.sent[0])
    pair.run_for(1)
    assert len(pair.sent[0]) == sent


def test_a_credential_of_ours_that_cannot_be_read_ends_the_call_and_nothing_else():
    pair = stranger_meets()
    keyring = pair.ends[0]._handshakes._known._keyring
    keyring.credential = unreadable
    pair.call()
    pair.run_until(lambda: pair.of(0, Refused))
    assert "not there any more" in pair.last(0, Refused).reason


def unreadable():
    raise Unexpected("the epoch is not there any more")
