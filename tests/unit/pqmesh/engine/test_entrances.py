# SPDX-License-Identifier: MIT OR Apache-2.0
"""How handshakes get to M1, in the engine: HELLO, RETRY, what is refused, and what is forged."""

import pytest

from pqmesh.engine import handshake_states as states
from pqmesh.engine.caller import Caller
from pqmesh.engine.context import Context
from pqmesh.engine.entrances import Entrances
from pqmesh.engine.events import Established, Refused
from pqmesh.engine.front import NO_FRONT
from pqmesh.engine.handshake import Handshake
from pqmesh.errors import BadTag, Exhausted, Malformed, Unexpected, UnknownKind
from pqmesh.limits import BOARD, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.entry import Retry, decode_hello, decode_retry
from pqmesh.wire.handshake import HS_K, HS_S
from support.known_pair import PEERS, KnownPair, keyrings
from support.model_crypto import CountingEntropy
from support.simulation import CRYPTO, NAMES, OpenHouse, Pair

HELLO_, RETRY_ = 0x84, 0x85


def entrances(link=RADIO_LINK, floors=None, network_key=None, keyring=None):
    context = Context(NAMES[0], CRYPTO, CountingEntropy(b"e"), link, BOARD)
    return context, Entrances(context, keyring, floors, network_key)


def forge(pair, change):
    """Let every RETRY arrive changed."""

    def intercept(side, frame):
        return [change(decode_retry(frame)).encode()] if frame[0] == RETRY_ else [frame]

    pair.intercept = intercept


def frames(pair, side, kind):
    return [frame for frame in pair.sent[side] if frame[0] == kind]


# Whether, and with what


def test_m1_begins_with_an_echo_a_hello_or_nothing():
    shared, alone = entrances()[1], entrances(SERIAL_LINK)[1]
    assert [shared.front_bytes(mode) for mode in (HS_S, HS_K)] == [54, 54]
    assert [alone.front_bytes(mode) for mode in (HS_S, HS_K)] == [0, 42]
    assert (shared.offer_bytes(HS_S), alone.offer_bytes(HS_S)) == (1_260, 1_206)
    assert (shared.offer_bytes(HS_K), alone.offer_bytes(HS_K)) == (2_390, 2_378)


@pytest.mark.parametrize(("mtu", "fits"), [(161, True), (160, False), (60, False), (222, True)])
def test_the_front_must_lie_in_the_head_fragment(mtu, fits):
    assert entrances()[1].fits(HS_K, mtu) is fits


def test_without_floors_strangers_meet_where_there_is_one_neighbour():
    shared, alone = entrances()[1], entrances(SERIAL_LINK)[1]
    assert (shared.strangers(), alone.strangers()) == (False, True)
    assert (shared.full_mode(None, False), alone.full_mode(None, False)) == (None, HS_S)
    assert shared.full_mode(PEERS[1], True) == HS_K
    assert "no credential of this peer" in shared.refusal(PEERS[1], False)
    assert shared.objection(PEERS[1], HS_S) is None


class Strict(OpenHouse):
    """Floors that object to everything, in so many words."""

    def full_mode(self, expect, known):
        return None

    def refusal(self, expect, known):
        return "because"

    def objection(self, peer_id, mode, *_):
        return "below the floor"


def test_floors_are_asked_where_there_are_some():
    open_, strict = entrances(floors=OpenHouse())[1], entrances(floors=Strict())[1]
    assert open_.strangers()
    assert (open_.full_mode(None, False), strict.full_mode(None, True)) == (HS_S, None)
    assert strict.refusal(None, True) == "because"
    assert strict.objection(PEERS[0], HS_K) == "below the floor"


# The straight way


def test_nobody_gets_a_flow_without_a_cookie():
    pair = KnownPair()
    pair.meet()
    head = next(frame for frame in pair.sent[0] if frame[0] >> 6 == 1)
    stranger = KnownPair()  # the same node, restarted: it has other cookie keys
    stranger.boots = [9, 9]
    stranger.reboot(1)
    assert isinstance(stranger.deliver(1, head), BadTag)
    assert stranger.ends[1]._flows._flows == []


def test_a_shared_link_takes_no_m1_that_is_too_short_for_an_echo():
    context, door = entrances()
    assert context.stats.dropped == {}
    with pytest.raises(Malformed):
        door.admit(HS_K, bytes(53), 0)


def test_a_lost_hello_and_a_lost_retry_are_made_up_for():
    for lost in ((0, HELLO_), (1, RETRY_)):
        pair = KnownPair()
        gone = []

        def lose(side, frame, lost=lost, gone=gone):
            if not gone and (side, frame[0]) == lost:
                gone.append(frame)
                return []
            return [frame]

        pair.intercept = lose
        pair.meet()
        hellos = frames(pair, 0, HELLO_)
        assert len(hellos) == 2
        assert hellos[0] == hellos[1]
        assert len({*frames(pair, 1, RETRY_)}) == 1  # the cookie is the same, too


def test_hs_s_on_a_shared_link_goes_through_the_same_door():
    pair = Pair(link=RADIO_LINK, floors=OpenHouse())
    pair.establish(limit_ms=200_000)
    assert [len(frames(pair, *one)) for one in ((0, HELLO_), (1, RETRY_))] == [1, 1]
    mine, theirs = (pair.last(side, Established) for side in (0, 1))
    assert mine.sent_bytes == theirs.received_bytes
    assert mine.received_bytes == theirs.sent_bytes


def test_a_network_key_shows_in_hello_and_spares_the_stamp():
    pair = KnownPair(network_key=b"n" * 32)
    for end in pair.ends:
        end._handshakes._entrances.doorman.stamp_bits = 12
    pair.meet()
    assert decode_hello(frames(pair, 0, HELLO_)[0]).admission != bytes(8)
    assert decode_retry(frames(pair, 1, RETRY_)[0]).stamp_bits() == 0


def test_a_stamp_is_worked_for_a_little_at_a_time():
    pair = KnownPair()
    pair.ends[1]._handshakes._entrances.doorman.stamp_bits = 10
    pair.call()
    pair.run_until(lambda: pair.ends[0]._handshakes.pool.work)
    assert pair.ends[0]._handshakes.pool.all[0].state == states.CALLING
    pair.run_until(lambda: pair.of(0, Established))


def test_a_key_that_the_peer_does_not_know_is_not_shown_again():
    pair = KnownPair(network_key=b"n" * 32)
    pair.ends[1] = KnownPair(keyrings=pair.keyrings).ends[1]  # without the network's key
    pair.ends[1]._handshakes._entrances.doorman.stamp_bits = 4
    pair.meet()
    first, second = frames(pair, 0, HELLO_)
    assert decode_hello(second).admission == bytes(8)
    assert first[10:12] == second[10:12]  # the CID stays
    assert first[12:26] != second[12:26]


def test_work_for_a_stamp_that_is_not_wanted_any_more_is_not_done():
    pair = KnownPair()
    pair.ends[1]._handshakes._entrances.doorman.stamp_bits = 18
    handle = pair.call()
    pair.run_until(lambda: pair.ends[0]._handshakes.pool.work)
    handshake = pair.ends[0]._handshakes.pool.all[0]
    handshake.advance(states.YIELD)
    pair.run_for(1)
    assert pair.ends[0]._handshakes.pool.work == []
    pair.close(0, handle)


# Refusals and lies


def test_a_wish_that_cannot_be_met_is_told_and_waited_out():
    rings = keyrings()
    other = keyrings()[1]
    rings[1]._own[0] = None
    pair = KnownPair(keyrings=(rings[0], renewed(other)))
    handle = pair.call()
    pair.run_until(lambda: pair.of(0, Refused))
    refused = pair.last(0, Refused)
    assert (refused.session, refused.peer_id) == (handle, None)
    assert "cannot do what we wish" in refused.reason
    assert not frames(pair, 0, 0x49)  # no M1


def renewed(ring):
    """A keyring that has lost its first epoch, and has another."""
    from pqmesh.credentials.own import certify, plan

    for number in (2, 3):
        entropy = CountingEntropy(b"renewed %d" % number)
        ring.adopt(certify(NAMES[1], CRYPTO, entropy, plan(number, 0)))
    return ring


def test_a_hint_does_not_end_what_the_genuine_retry_begins():
    pair = KnownPair()
    seen = []

    def hint_first(side, frame):
        if frame[0] == RETRY_ and not seen:
            seen.append(frame)
            lie = decode_retry(frame)
            lie = replace(lie, chosen=lie.chosen | 7)
            return [lie.encode(), frame]
        return [frame]

    pair.intercept = hint_first
    pair.call()
    pair.run_until(lambda: pair.of(0, Established))
    assert pair.ends[0].stats.dropped == {"NoCommonGround": 1}


def test_with_strangers_welcome_the_peer_may_choose_hs_s():
    pair = KnownPair(keyrings=(keyrings()[0], None), floors=OpenHouse())
    pair.call()
    pair.run_until(lambda: pair.of(0, Established) and pair.of(1, Established))
    assert decode_retry(frames(pair, 1, RETRY_)[0]).mode() == HS_S
    assert pair.last(0, Established).sent_bytes > 6_000


def test_a_retry_that_forces_a_mode_we_did_not_offer_is_no_answer():
    pair = KnownPair()
    forge(pair, lambda retry: replace(retry, chosen=retry.chosen & ~7))  # HS-S, not offered
    pair.call()
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.last(0, Refused).reason == "no answer"
    assert not pair.of(1, Established)


@pytest.mark.parametrize("mtu", [20, 100, 161])
def test_a_retry_for_frames_that_are_too_short_is_no_answer(mtu):
    pair = KnownPair()
    forge(pair, lambda retry: replace(retry, mtu=mtu))
    pair.call()
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.last(0, Refused).reason == "no answer"


def test_a_peer_that_takes_shorter_frames_gets_them():
    links = (RADIO_LINK, replace(RADIO_LINK, mtu=180))
    pair = KnownPair()
    pair.link = links[1]
    pair.reboot(1)
    pair.link = links[0]
    pair.meet()
    assert max(len(frame) for frame in pair.sent[0]) == 180


def test_a_peer_that_takes_more_than_a_retry_can_tell_gets_what_we_can_send():
    pair = KnownPair(link=replace(RADIO_LINK, mtu=400))
    pair.meet()
    assert max(len(frame) for frame in pair.sent[0]) == 400


def test_a_forged_retry_fails_at_the_responder():
    pair = KnownPair()
    forge(pair, lambda retry: replace(retry, nonce=bytes(16)))
    pair.call()
    pair.run_until(lambda: pair.of(0, Refused))
    assert pair.ends[1].stats.dropped["BadTag"]
    assert pair.ends[1]._handshakes.pool.all == []


def test_a_retry_to_nobody_is_dropped():
    pair = KnownPair()
    handle = pair.call()
    retry = Retry(RETRY_, 9, b"nobo", bytes(16), 0x20, 222).encode()
    assert isinstance(pair.deliver(0, retry), Unexpected)
    pair.close(0, handle)


def test_a_handshake_that_did_not_call_waits_for_no_retry():
    context, door = entrances()
    handshake = Handshake(context, True, 0)
    with pytest.raises(Unexpected, match="no HELLO"):
        door.on_retry(handshake, bytes(24), 0)
    assert not door.ready(handshake)
    handshake.caller = Caller(context, HS_S)
    assert not door.ready(handshake)


def test_a_cable_needs_no_hello():
    pair = Pair()
    hello = Caller(pair.ends[0]._context, HS_S).hello
    assert isinstance(pair.deliver(1, hello), UnknownKind)
    known = KnownPair(link=SERIAL_LINK)
    assert isinstance(known.deliver(1, hello), Unexpected)
    assert pair.sent[1] == known.sent[1] == []


def test_hs_k_on_a_cable_begins_with_the_hello_itself():
    pair = KnownPair(link=SERIAL_LINK)
    pair.meet()
    assert not frames(pair, 0, HELLO_) + frames(pair, 1, RETRY_)
    assert len(pair.sent[0][0]) == SERIAL_LINK.mtu


def test_hs_s_on_a_cable_has_nothing_before_it():
    pair = Pair()
    pair.connect(0)
    pair.run_until(lambda: pair.of(1, Established))
    assert not frames(pair, 0, HELLO_)


def test_hs_s_has_nothing_before_it_there_whoever_has_keys():
    context, door = entrances(SERIAL_LINK)
    handshake = Handshake(context, True, 0)
    assert door.call(handshake, 0)
    assert handshake.front is NO_FRONT
    assert door.admit(HS_S, b"", 0) is None


def test_on_a_cable_a_hello_for_a_key_that_is_gone_is_answered():
    pair = KnownPair(link=SERIAL_LINK, keyrings=(keyrings()[0], renewed(keyrings()[1])))
    pair.meet()
    assert [len(frames(pair, *one)) for one in ((0, HELLO_), (1, RETRY_))] == [0, 1]
    assert pair.last(0, Established).sent_bytes > 6_000  # HS-S, under the same handle
    assert pair.last(0, Established).session == 1


def test_m1_of_another_mode_than_was_settled_is_dropped():
    context, door = entrances(floors=OpenHouse())
    ours = Caller(context, HS_S)
    ours.on_retry(door.doorman.on_hello(ours.hello, b"", 0))
    assert door.admit(HS_S, ours.echo(), 0).mode == HS_S
    with pytest.raises(Unexpected, match="another mode"):
        door.admit(HS_K, ours.echo(), 0)


def test_one_place_is_kept_for_those_who_belong_here():
    pair = KnownPair(network_key=b"n" * 32)
    strangers = [KnownPair(keyrings=pair.keyrings) for _ in (0, 1)]
    for n, one in enumerate(strangers):
        one.boots = [n + 5, 0]
        one.reboot(0)
    errors = []
    for one in strangers:
        one.call()
        retry = relay(pair, one.sent[0][-1])
        one.deliver(0, retry)
        one.run_for(1)
        errors += [pair.deliver(1, frame) for frame in one.sent[0] if frame[0] >> 6 == 1]
    assert [type(error) for error in errors].count(Exhausted) == 1  # the second one's head
    pair.meet()


def relay(pair, hello):
    """Let side 1 of ``pair`` answer a HELLO of somebody else; returns its RETRY."""
    pair.deliver(1, hello)
    return pair.sent[1][-1]
