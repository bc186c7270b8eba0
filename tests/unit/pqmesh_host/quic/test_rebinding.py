# SPDX-License-Identifier: MIT OR Apache-2.0
"""A client follows a server that moved, once it has answered there, and follows nobody else."""

import pytest
from aioquic.quic.connection import QuicNetworkPath

from support.quic_pair import CLIENT, SERVER, Pair, client, established, server

MOVED = ("192.0.2.9", 4999)


def flight(end, now):
    return end.datagrams_to_send(now)


def from_server(pair):
    """One packet of the server that the client has not seen."""
    pair.server.send_ping(1)
    [(data, _)] = flight(pair.server, pair.now)
    return data


def test_an_authentic_packet_from_elsewhere_is_answered_by_a_challenge_there():
    pair = established()
    pair.settle()
    pair.client.receive_datagram(from_server(pair), MOVED, pair.now)
    sent = flight(pair.client, pair.now)
    assert MOVED in {address for _, address in sent}
    assert pair.client.get_peer_address() == SERVER  # not before it has answered
    for data, address in sent:
        if address == MOVED:
            pair.server.receive_datagram(data, CLIENT, pair.now)
    for data, _ in flight(pair.server, pair.now):
        pair.client.receive_datagram(data, MOVED, pair.now)
    assert pair.client.get_peer_address() == MOVED
    pair.client.send_ping(2)
    assert {address for _, address in flight(pair.client, pair.now)} == {MOVED}


@pytest.mark.parametrize("change", ["junk", "corrupt", "replayed"])
def test_what_is_not_authentic_and_new_moves_and_probes_nothing(change):
    pair = established()
    pair.settle()
    data = from_server(pair)
    if change == "junk":
        data = b"\x40" + bytes(60)
    elif change == "corrupt":
        data = data[:-1] + bytes((data[-1] ^ 1,))
    else:
        pair.client.receive_datagram(data, SERVER, pair.now)
    paths = list(pair.client._network_paths)
    pair.client.receive_datagram(data, MOVED, pair.now)
    assert pair.client._network_paths == paths
    assert MOVED not in {address for _, address in flight(pair.client, pair.now)}


def test_paths_are_bounded_and_junk_evicts_none():
    pair = established()
    pair.settle()
    pair.client._network_paths += [QuicNetworkPath(("192.0.2.9", port)) for port in range(7)]
    paths = list(pair.client._network_paths)
    pair.client.receive_datagram(b"\x40" + bytes(60), MOVED, pair.now)
    assert pair.client._network_paths == paths
    pair.client.receive_datagram(from_server(pair), MOVED, pair.now)
    assert [path.addr for path in pair.client._network_paths] == [
        *(path.addr for path in paths if path is not paths[1]),
        MOVED,
    ]


def test_during_the_handshake_another_address_is_nobody():
    pair = Pair(client(), server())
    [*first] = flight(pair.client, 0.0)
    assert first
    pair.client.receive_datagram(b"\xc0" + bytes(1199), MOVED, 0.0)
    assert [path.addr for path in pair.client._network_paths] == [SERVER]


def test_a_server_needs_none_of_this():
    pair = established()
    pair.settle()
    pair.client.send_ping(1)
    [(data, _)] = flight(pair.client, pair.now)
    pair.server.receive_datagram(data, MOVED, pair.now)
    assert pair.server.get_peer_address() == MOVED
