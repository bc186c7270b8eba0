# SPDX-License-Identifier: MIT OR Apache-2.0
"""The search for larger datagrams, alone and on paths of several widths."""

import pytest
from aioquic.quic.events import StreamDataReceived

from pqmesh_host.quic import transport_parameters as tp
from pqmesh_host.quic.fastpath import FastConnection
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.path_mtu import (
    BLACK_HOLE_TIMEOUTS,
    SEARCH_AGAIN_S,
    SIZES,
    TRIES,
    MtuSearch,
)
from support.quic_pair import Pair, client, server

SEARCHING = QuicLimits(discover_mtu=True)


class TestSearch:
    def climb(self, search, carries):
        """Answer probes as a path that carries ``carries`` bytes would, until none comes."""
        while (size := search.next_probe(0.0)) is not None:
            search.sent(size)
            if size <= carries:
                search.acknowledged(size)
            else:
                search.lost(size)
        return search.size

    @pytest.mark.parametrize(
        ("carries", "found"), [(1200, 1200), (1400, 1380), (1472, 1452), (65_000, 8952)]
    )
    def test_it_finds_the_largest_size_that_passes(self, carries, found):
        assert self.climb(MtuSearch(65_527), carries) == found

    def test_it_never_exceeds_what_the_peer_takes(self):
        assert self.climb(MtuSearch(1472), 65_000) == 1452
        assert self.climb(MtuSearch(1300), 65_000) == 1200

    def test_one_probe_at_a_time(self):
        search = MtuSearch(65_527)
        search.sent(search.next_probe(0.0))
        assert search.next_probe(0.0) is None

    def test_one_loss_is_chance(self):
        search = MtuSearch(1472)
        for _ in range(TRIES - 1):
            search.sent(search.next_probe(0.0))
            search.lost(SIZES[0])
        search.sent(search.next_probe(0.0))
        assert search.acknowledged(SIZES[0])

    def test_it_looks_again_after_a_while(self):
        search = MtuSearch(65_527)
        assert self.climb(search, 1200) == 1200
        assert search.next_probe(SEARCH_AGAIN_S - 1) is None
        assert search.next_probe(SEARCH_AGAIN_S) == SIZES[0]

    def test_a_black_hole_sends_it_back_to_the_base(self):
        search = MtuSearch(65_527)
        self.climb(search, 65_000)
        assert not search.timed_out(BLACK_HOLE_TIMEOUTS - 1, 0.0)
        assert search.timed_out(BLACK_HOLE_TIMEOUTS, 0.0)
        assert search.size == 1200
        assert not search.timed_out(BLACK_HOLE_TIMEOUTS, 0.0)
        assert search.next_probe(1.0) is None
        assert search.next_probe(SEARCH_AGAIN_S) == SIZES[0]

    def test_a_late_answer_of_a_former_search_is_ignored(self):
        search = MtuSearch(65_527)
        assert not search.acknowledged(1452)
        search.lost(1452)
        assert search.size == 1200


def joined_over(width, limits=SEARCHING, cls=FastConnection, **server_options):
    """A pair on a path that drops datagrams over ``width[0]``."""
    pair = Pair(
        client(limits=limits, cls=cls),
        server(**{"limits": limits, "cls": cls, **server_options}),
        drop=lambda side, n: pair.sent[side][n - 1] > width[0],
    )
    assert pair.run(pair.confirmed)
    return pair


def transfer(pair, size, for_s=30):
    sid = pair.client.get_next_available_stream_id(is_unidirectional=True)
    pair.client.send_stream_data(sid, bytes(size), end_stream=True)
    pair.settle(for_s)
    got = [e for e in pair.events["server"] if isinstance(e, StreamDataReceived)]
    return sum(len(e.data) for e in got if e.stream_id == sid)


@pytest.mark.parametrize(
    ("width", "found"), [(1200, 1200), (1400, 1380), (1472, 1452), (65_000, 8952)]
)
def test_a_connection_settles_on_what_its_path_carries(width, found):
    pair = joined_over([width])
    pair.settle(3)
    assert [end._max_datagram_size for end in pair.ends] == [found, found]
    assert transfer(pair, 300_000) == 300_000
    assert max(n for n in pair.sent["client"][-20:]) <= found


def test_lost_probes_are_no_congestion():
    pair = joined_over([1200])
    pair.settle(5)
    for end in pair.ends:
        assert end._loss.congestion_window >= 12_000
        assert end._loss._cc.ssthresh is None
        assert end._loss.bytes_in_flight == 0
    assert not pair.failed()


def test_a_path_that_narrows_is_survived():
    width = [65_000]
    pair = joined_over(width)
    pair.settle(2)
    assert transfer(pair, 100_000) == 100_000
    width[0] = 1300
    assert transfer(pair, 100_000, for_s=25) == 100_000
    assert pair.client._max_datagram_size == 1200


def test_the_peers_limit_is_obeyed():
    pair = joined_over([65_000], parameters={tp.MAX_UDP_PAYLOAD_SIZE: tp.varint(1472)})
    pair.settle(2)
    assert pair.client._max_datagram_size == 1452
    assert max(pair.sent["client"]) == 1452


def test_the_handshake_is_over_before_anything_larger_is_sent():
    pair = joined_over([65_000])
    sizes = [n for at, _, n in pair.sent_at if at < 0.04]
    assert max(sizes) == 1200


def test_switched_off_nothing_is_probed():
    pair = joined_over([65_000], limits=QuicLimits(discover_mtu=False))
    pair.settle(3)
    assert max(pair.sent["client"] + pair.sent["server"]) == 1200
