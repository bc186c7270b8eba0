# SPDX-License-Identifier: MIT OR Apache-2.0
"""The whole handshake, in virtual time: what both ends learn, cost, and loss."""

import itertools
import random
import statistics

import pytest

from pqmesh_host.quic.connection_events import Confirmed
from pqmesh_host.quic.transport_parameters import ACK_RECEIVE_V2
from support.quic_pair import Pair, client, established, identity, server


def test_both_ends_learn_the_other_identity():
    pair = established()
    assert pair.client.peer_key.peer_id == identity("server").peer_id
    assert pair.server.peer_key.peer_id == identity("client").peer_id


def test_both_ends_are_told_once_that_it_is_confirmed():
    pair = established()
    pair.settle()
    for side in ("client", "server"):
        assert [type(e) for e in pair.events[side]].count(Confirmed) == 1


def test_the_client_is_confirmed_after_the_server_has_judged_it():
    """TLS lets the client finish a round trip before the server sees its key."""
    pair = Pair(client(), server())
    assert pair.run(lambda: pair.client._handshake_complete)
    assert not pair.client._handshake_confirmed
    assert pair.now == pytest.approx(0.04, abs=0.002)
    assert pair.run(pair.confirmed)
    assert pair.now == pytest.approx(0.08, abs=0.002)


def test_exporters_agree_and_differ_between_connections():
    def export(end):
        return end.export_keying_material(b"label", b"context", 32)

    first, second = established(), established()
    assert export(first.client) == export(first.server)
    assert export(first.client) != export(second.client)
    assert first.client.export_keying_material(b"label", b"other", 32) != export(first.client)
    assert len(first.client.export_keying_material(b"label", b"context", 64)) == 64


def test_exporting_too_early_is_refused():
    pair = Pair(client(), server())
    with pytest.raises(RuntimeError, match="not got that far"):
        pair.client.export_keying_material(b"label", b"", 32)


def test_custom_parameters_reach_the_other_side_and_50c0_is_never_sent():
    pair = Pair(client(parameters={ACK_RECEIVE_V2: b""}), server())
    assert pair.run(pair.confirmed)
    assert pair.server.remote_parameters[ACK_RECEIVE_V2] == b""
    assert pair.server.takes_ack_requests
    assert not pair.client.takes_ack_requests
    assert 0x50C0 not in pair.client.remote_parameters
    assert 0x50C0 not in pair.server.remote_parameters


def test_no_ticket_is_issued():
    pair = established()
    pair.settle()
    assert pair.client.tls._new_session_ticket is None
    assert pair.server.tls._new_session_ticket is None


def first_flight(pair):
    """Bytes the server sends before it hears from the client again."""
    return sum(n for at, side, n in pair.sent_at if side == "server" and at <= 0.021)


def test_the_servers_flight_fits_the_amplification_budget():
    """RFC 9000 §8.1: three times 2 x 1200 bytes; one byte more costs a round trip."""
    pair = established()
    assert pair.sent["client"][:2] == [1200, 1200]
    assert first_flight(pair) <= 3 * 2400
    assert 3 * 2400 - first_flight(pair) >= 200


def test_a_larger_flight_costs_a_round_trip():
    """The budget is real: this is what the margin above protects."""
    pair = Pair(client(), server(parameters={0x7001: bytes(400)}))
    assert pair.run(lambda: pair.client._handshake_complete)
    assert first_flight(pair) <= 3 * 2400
    assert pair.now == pytest.approx(0.08, abs=0.003)


@pytest.mark.parametrize(("side", "n"), list(itertools.product(("client", "server"), range(1, 9))))
def test_any_single_lost_datagram_is_survived(side, n):
    pair = Pair(client(), server(), drop=lambda s, k: (s, k) == (side, n))
    assert pair.run(pair.confirmed)
    assert pair.now < 1.0


def test_a_whole_lost_flight_is_survived():
    for side, lost in (("server", range(1, 7)), ("client", range(3, 8))):
        pair = Pair(client(), server(), drop=lambda s, k, x=side, y=lost: s == x and k in y)
        assert pair.run(pair.confirmed)
        assert pair.now < 2.0


@pytest.mark.parametrize(("loss", "median_s"), [(0.01, 0.1), (0.05, 0.3), (0.10, 0.5)])
def test_loss_matrix(loss, median_s):
    """Always confirmed; the medians of quic-pqc §5 with a margin."""
    rnd = random.Random(7)
    took = []
    for _ in range(12):
        pair = Pair(client(), server(), drop=lambda side, n: rnd.random() < loss)
        assert pair.run(pair.confirmed)
        took.append(pair.now)
    assert statistics.median(took) <= median_s


def test_heavy_loss_never_deadlocks():
    rnd = random.Random(3)
    for _ in range(8):
        pair = Pair(client(), server(), drop=lambda side, n: rnd.random() < 0.3)
        assert pair.run(lambda p=pair: p.confirmed() or p.failed(), limit_s=40)


def test_strict_rfc_7250_negotiation_is_a_switch_on_both_sides():
    pair = Pair(client(offer_server_type=True), server(implicit_server_type=False))
    assert pair.run(pair.confirmed)


def test_keys_update_and_data_flows_on():
    pair = established()
    pair.client.request_key_update()
    sid = pair.client.get_next_available_stream_id(is_unidirectional=True)
    pair.client.send_stream_data(sid, b"after", end_stream=True)
    pair.settle()
    data = b"".join(e.data for e in pair.events["server"] if hasattr(e, "end_stream"))
    assert data == b"after"
