# SPDX-License-Identifier: MIT OR Apache-2.0
"""Strangers: what is accepted, answered, or dropped, and why."""

import pytest
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic.acceptor import Accept, Acceptor
from pqmesh_host.quic.buffer import Buffer
from pqmesh_host.quic.limits import QuicLimits

ADDRESS = ("192.0.2.1", 1111)
DCID, SCID = b"D" * 8, b"S" * 8


def initial(token: bytes = b"", dcid: bytes = DCID, size: int = 1200) -> bytes:
    """The cleartext part of an Initial, padded to a datagram (RFC 9000 §17.2.2)."""
    head = b"\xc0\x00\x00\x00\x01" + bytes((len(dcid),)) + dcid + bytes((len(SCID),)) + SCID
    head += (len(token) | 0x4000).to_bytes(2, "big") + token
    rest = size - len(head) - 2
    return head + (rest | 0x4000).to_bytes(2, "big") + bytes(rest)


def judge(acceptor, data, *, now=0.0, handshakes=0, connections=0, address=ADDRESS):
    return acceptor.judge(data, address, now, handshakes=handshakes, connections=connections)


def test_a_first_initial_is_accepted():
    assert judge(Acceptor(QuicLimits()), initial()) == Accept(DCID, None, DCID)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"\x40" + bytes(60), "unknown_connection"),
        (b"\xc0", "malformed"),
        (b"\xc0\x00\x00\x00\x01\xff" + bytes(1200), "malformed"),
        (initial(size=1199), "short"),
        (b"\xe0" + initial()[1:], "unknown_connection"),  # Handshake packet
        (b"\xc0\x00\x00\x00\x00\x08" + DCID + b"\x08" + SCID + bytes(1200), "unknown_connection"),
    ],
)
def test_everything_else_is_dropped_and_counted(data, cause):
    acceptor = Acceptor(QuicLimits())
    assert judge(acceptor, data) is None
    assert acceptor.counts == {f"dropped_{cause}": 1}


def test_full_tables_drop():
    acceptor = Acceptor(QuicLimits(max_connections=5, max_handshakes=3))
    assert judge(acceptor, initial(), connections=5) is None
    assert judge(acceptor, initial(), handshakes=3) is None
    assert acceptor.counts == {"dropped_connections_full": 1, "dropped_handshakes_full": 1}


def retry(acceptor, now=0.0):
    answer = judge(acceptor, initial(), handshakes=16, now=now)
    header = pull_quic_header(Buffer(data=answer), host_cid_length=8)
    assert header.packet_type == QuicPacketType.RETRY
    assert header.destination_cid == SCID
    return header


def test_under_load_a_retry_comes_first_and_its_token_is_accepted():
    acceptor = Acceptor(QuicLimits())
    header = retry(acceptor)
    second = initial(header.token, dcid=header.source_cid)
    verdict = judge(acceptor, second, handshakes=16, now=1.0)
    assert verdict == Accept(DCID, header.source_cid, header.source_cid)


def test_a_retry_is_smaller_than_what_provoked_it():
    answer = judge(Acceptor(QuicLimits()), initial(), handshakes=16)
    assert len(answer) < 1200


def test_a_token_is_bound_to_address_connection_time_and_endpoint():
    acceptor = Acceptor(QuicLimits())
    header = retry(acceptor)
    good = initial(header.token, dcid=header.source_cid)
    assert judge(acceptor, good, address=("192.0.2.1", 1112)) is None
    assert judge(acceptor, initial(header.token)) is None
    assert judge(acceptor, good, now=31.0) is None
    assert judge(Acceptor(QuicLimits()), good) is None
    bent = header.token[:-1] + bytes((header.token[-1] ^ 1,))
    assert judge(acceptor, initial(bent, dcid=header.source_cid)) is None
    assert acceptor.counts["dropped_bad_token"] == 4


@given(st.binary(min_size=1, max_size=1400))
def test_any_datagram_gets_a_verdict(data):
    acceptor = Acceptor(QuicLimits())
    verdict = judge(acceptor, data)
    assert verdict is None or isinstance(verdict, Accept | bytes)
    if isinstance(verdict, bytes):
        assert len(verdict) < len(data)
