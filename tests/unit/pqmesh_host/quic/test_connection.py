# SPDX-License-Identifier: MIT OR Apache-2.0
"""Credit, datagram size and settings of one connection, in virtual time."""

import pytest
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import StreamDataReceived
from aioquic.quic.packet import QuicFrameType

from pqmesh_host.quic import transport_parameters as tp
from pqmesh_host.quic.configuration import PqConfiguration
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.credit import Credit
from pqmesh_host.quic.fastpath import FastConnection
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.pacing import INTERVAL_S, CoarsePacer
from support.quic_pair import Pair, client, configuration, established, local_key, server


def test_a_configuration_needs_a_key():
    with pytest.raises(ValueError, match="key is required"):
        PqConfiguration(is_client=True)


def test_only_quic_version_one_and_no_alpn():
    config = configuration(True, "client")
    assert config.supported_versions == [1]
    assert config.alpn_protocols is None


def test_credit_moves_only_by_grant():
    credit = Credit(QuicFrameType.MAX_DATA, "max_data", 100)
    credit.value = 1_000
    credit.value += 5
    assert credit.value == 100
    assert credit.grant(150)
    assert not credit.grant(120)
    assert (credit.value, credit.sent) == (150, 100)


def send(pair, size):
    sid = pair.client.get_next_available_stream_id(is_unidirectional=True)
    pair.client.send_stream_data(sid, bytes(size), end_stream=True)


def received(pair):
    return sum(len(e.data) for e in pair.events["server"] if isinstance(e, StreamDataReceived))


LIMITS = QuicLimits(
    max_message_bytes=20_000,
    receive_window_bytes=50_000,
    assembly_ceiling_bytes=50_000,
    max_unread_messages=4,
)


def test_a_receiver_that_grants_nothing_gets_no_more_than_its_window():
    pair = established(LIMITS)
    for _ in range(4):
        send(pair, 20_000)
    pair.settle(5)
    assert received(pair) == 50_000
    pair.server.byte_credit.grant(80_000)
    pair.settle(5)
    assert received(pair) == 80_000


def test_stock_aioquic_would_have_granted_without_bound():
    """The reason for Credit: what the library does when nobody reads (quic-pqc §3)."""

    class Stock(type(established().server)):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            fresh = QuicConnection(
                configuration=kwargs["configuration"],
                original_destination_connection_id=b"x" * 8,
            )
            self._local_max_data = fresh._local_max_data

    pair = Pair(client(limits=LIMITS), server(cls=Stock, limits=LIMITS))
    assert pair.run(pair.confirmed)
    for _ in range(4):
        send(pair, 20_000)
    pair.settle(5)
    assert received(pair) == 80_000


def test_streams_are_credited_by_grant_too():
    pair = established(LIMITS)
    assert pair.client.uni_stream_room() == 4
    for _ in range(4):
        send(pair, 10)
    pair.settle()
    assert pair.client.uni_stream_room() == 0
    pair.server.message_credit.grant(8)
    pair.client.send_ping(1)
    pair.settle()
    assert pair.client.uni_stream_room() == 4
    assert pair.client.is_delivered(2)


def test_a_stream_gets_no_credit_beyond_one_message():
    pair = established(LIMITS)
    sid = pair.client.get_next_available_stream_id(is_unidirectional=True)
    pair.client.send_stream_data(sid, bytes(30_000))
    pair.settle(3)
    assert received(pair) == 20_000 + 64


def test_a_refused_stream_is_reset_by_its_sender():
    pair = established()
    sid = pair.client.get_next_available_stream_id(is_unidirectional=True)
    pair.client.send_stream_data(sid, bytes(1000))
    pair.settle()
    assert pair.server.received_bytes(sid) == 1000
    pair.server.refuse_stream(sid, 7)
    pair.settle()
    assert pair.client.is_delivered(sid)
    pair.server.refuse_stream(sid, 7)
    assert pair.server.received_bytes(4000) is None


def test_datagrams_grow_after_the_handshake_as_far_as_the_peer_takes():
    limits = QuicLimits(datagram_bytes=1452)
    pair = Pair(client(limits=limits), server(limits=limits))
    assert pair.run(pair.confirmed)
    assert max(pair.sent["client"] + pair.sent["server"]) == 1200
    send(pair, 50_000)
    pair.settle()
    assert max(pair.sent["client"]) == 1452


def test_datagrams_obey_the_peers_limit():
    limits = QuicLimits(datagram_bytes=8000)
    pair = Pair(
        client(limits=limits), server(parameters={tp.MAX_UDP_PAYLOAD_SIZE: tp.varint(1400)})
    )
    assert pair.run(pair.confirmed)
    send(pair, 50_000)
    pair.settle()
    assert max(pair.sent["client"]) == 1400


def test_the_congestion_window_is_capped():
    limits = QuicLimits(congestion_window_bytes=60_000)
    pair = Pair(client(limits=limits), server())
    assert pair.run(pair.confirmed)
    send(pair, 3_000_000)
    pair.settle(5)
    assert received(pair) == 3_000_000
    assert pair.client._loss.congestion_window <= 60_000


def test_the_pacer_wakes_rarely_and_lets_an_interval_out_at_once():
    pacer = CoarsePacer(max_datagram_size=1200)
    assert pacer.next_send_time(0.0) is None
    pacer.update_rate(congestion_window=120_000, smoothed_rtt=0.1)
    now, burst = 1.0, 0
    while pacer.next_send_time(now) is None:
        pacer.update_after_send(now)
        burst += 1
    assert pacer.next_send_time(now) >= now + INTERVAL_S
    assert burst >= 1.2e6 * INTERVAL_S / 1200


def test_a_key_is_shown_only_once_it_was_accepted():
    pair = Pair(client(), server(trust=lambda key: False))
    pair.run(pair.failed)
    assert pair.server.peer_key is None
    assert pair.server.rejected_key.spki == local_key("client").public.spki
    assert pair.server.ended[0] == 0x130


@pytest.mark.parametrize("cls", [PqConnection, FastConnection])
@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_streams_credit_follows_its_reader_and_survives_loss(cls, lost):
    """10,000 bytes through a window of 1,064, each credit update lost ``lost`` times."""
    limits = QuicLimits(max_message_bytes=1_000, discover_mtu=False)
    dropped = {"n": 0, "on": False}

    def drop(side, n):
        if side != "server" or not dropped["on"] or dropped["n"] >= lost:
            return False
        dropped["n"] += 1
        return True

    pair = Pair(
        client(cls=cls, limits=limits, trust=lambda key: True),
        server(cls=cls, limits=limits),
        drop=drop,
    )
    assert pair.run(pair.confirmed)
    pair.settle()
    payload = bytes(range(250)) * 40
    pair.client.send_stream_data(0, payload, end_stream=True)
    got, seen = bytearray(), 0
    while len(got) < len(payload):
        pair.settle(4)
        fresh = [e for e in pair.events["server"][seen:] if isinstance(e, StreamDataReceived)]
        seen = len(pair.events["server"])
        assert fresh, f"stalled after {len(got)} bytes"
        data = b"".join(event.data for event in fresh)
        assert len(data) <= limits.max_message_bytes + 64  # no more than was granted
        got += data
        dropped.update(n=0, on=True)
        pair.server.extend_stream(0, len(data))
    assert got == payload
