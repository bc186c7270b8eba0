# SPDX-License-Identifier: MIT OR Apache-2.0
"""Full handshakes beside resumptions: fallback, giving way, reset. Continues test_handshakes."""

from pqmesh.engine import handshake_states as states
from pqmesh.engine.events import Established
from pqmesh.limits import RADIO_LINK, replace
from support.resumption import PEERS, ROOT, ResumePair
from support.simulation import OpenHouse, Pair

ALONE = replace(RADIO_LINK, point_to_point=True)


def table(pair, side=0):
    return pair.ends[side]._handshakes


def test_a_full_handshake_goes_on_where_the_resumption_failed_and_resets_the_ratchet():
    pair = ResumePair(link=ALONE)
    pair.provision((0,))
    handle = pair.resume(0)
    pair.run_until(pair.joined)
    assert pair.last(0, Established).session == handle
    assert pair.ticket(0).current == pair.ticket(1).current != ROOT


def test_only_a_handshake_with_that_peer_gives_way():
    pair = Pair(link=RADIO_LINK, floors=OpenHouse())
    handle = pair.connect(0, PEERS[1])
    pair.connect(0)
    assert table(pair).give_way(b"\x07" * 32) == 0
    assert table(pair).give_way(PEERS[1]) == handle
    assert table(pair).give_way(PEERS[1]) == 0


def test_one_with_whoever_is_there_gives_way_where_only_one_can_be():
    pair = Pair(link=ALONE)
    handle = pair.connect(0)
    assert table(pair).give_way(PEERS[1]) == handle


def test_one_whose_m3_is_out_does_not_give_way():
    pair = Pair(link=ALONE)
    pair.connect(0, PEERS[1])
    assert not table(pair).proving(PEERS[1])
    pair.run_until(lambda: table(pair).pool.all[0].state == states.PROVED)
    assert table(pair).proving(PEERS[1])
    assert not table(pair).proving(b"\x07" * 32)
    assert table(pair).give_way(PEERS[1]) == 0


def test_our_open_resumption_lends_its_handle_to_the_peers_full_handshake():
    pair = ResumePair(link=replace(ALONE, bits_per_second=50_000))
    pair.provision((0,))
    handle = pair.resume(0)
    pair.connect(1)
    pair.run_until(pair.joined)
    assert pair.last(0, Established).session == handle
    assert not pair.last(0, Established).initiator
