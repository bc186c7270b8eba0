# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nobody makes us send to a third party, and nobody makes us send much."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_host.quic.nat.candidates import (
    MAX_PEERS,
    PER_PEER_PER_MINUTE,
    TOTAL_PER_MINUTE,
    AddressRefused,
    CandidatePolicy,
    check_form,
)

PEER = bytes(32)
PUBLIC = "198.18.0.5"


def policy() -> CandidatePolicy:
    return CandidatePolicy(own_networks=[ipaddress.ip_network("192.168.7.0/24")])


def test_another_port_of_the_peer_s_own_host_is_taken() -> None:
    assert policy().admit(PEER, (PUBLIC, 40_000), [PUBLIC], 0) == (PUBLIC, 40_000)
    assert policy().admit(PEER, (f"::ffff:{PUBLIC}", 40_000), [PUBLIC], 0) == (PUBLIC, 40_000)
    assert policy().admit(PEER, ("2001:2::5", 40_000), [PUBLIC, "2001:2::5%eth0"], 0)


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("198.18.0.6", 40_000, "third party"),
        ("2001:2::6", 40_000, "third party"),
        ("10.0.0.5", 40_000, "private"),
        ("fe80::1", 40_000, "private"),
        ("127.0.0.1", 40_000, "loopback"),
        ("::ffff:127.0.0.1", 40_000, "loopback"),
        ("224.0.0.1", 40_000, "no peer"),
        ("ff02::1", 40_000, "no peer"),
        ("255.255.255.255", 40_000, "no peer"),
        ("0.0.0.0", 40_000, "no peer"),
        ("::", 40_000, "no peer"),
        ("203.0.113.9", 40_000, "no peer"),
        ("2001:db8::1", 40_000, "no peer"),
        (PUBLIC, 53, "port 53"),
        (PUBLIC, 65_536, "port"),
        ("example.org", 40_000, "not an IP"),
    ],
)
def test_what_is_not_a_peer_s_own_address_is_refused(host: str, port: int, why: str) -> None:
    with pytest.raises(AddressRefused, match=why):
        policy().admit(PEER, (host, port), [PUBLIC], 0)


def test_private_addresses_count_where_they_mean_something() -> None:
    assert policy().admit(PEER, ("192.168.7.9", 4_000), [PUBLIC], 0)  # a network we are in
    assert policy().admit(PEER, ("10.1.1.1", 4_000), ["10.1.1.2"], 0)  # the peer is near
    assert policy().admit(PEER, ("127.0.0.1", 4_000), ["127.0.0.1"], 0)
    assert policy().admit(PEER, ("::1", 4_000), ["127.0.0.1"], 0)


def test_a_peer_may_cause_twenty_a_minute() -> None:
    rules = policy()
    for index in range(PER_PEER_PER_MINUTE):
        rules.admit(PEER, (PUBLIC, 4_000 + index), [PUBLIC], index)
    with pytest.raises(AddressRefused, match="20 addresses a minute"):
        rules.admit(PEER, (PUBLIC, 5_000), [PUBLIC], 59)
    assert rules.admit(PEER, (PUBLIC, 5_000), [PUBLIC], 60)
    with pytest.raises(AddressRefused):
        rules.admit(PEER, (PUBLIC, 5_000), [PUBLIC], 60)


def test_many_identities_do_not_help() -> None:
    rules = policy()
    for index in range(TOTAL_PER_MINUTE):
        rules.admit(index.to_bytes(32, "big"), (PUBLIC, 4_000), [PUBLIC], 0)
    with pytest.raises(AddressRefused, match="all peers"):
        rules.admit(PEER[:-1] + b"\xff", (PUBLIC, 4_000), [PUBLIC], 1)


def test_a_refused_address_costs_the_peer_nothing() -> None:
    rules = policy()
    for _ in range(10 * PER_PEER_PER_MINUTE):
        with pytest.raises(AddressRefused):
            rules.admit(PEER, ("198.18.0.6", 4_000), [PUBLIC], 0)
    assert rules.admit(PEER, (PUBLIC, 4_000), [PUBLIC], 0)


def test_the_memory_of_peers_is_bounded() -> None:
    rules = policy()
    for index in range(3 * MAX_PEERS):
        rules.admit(index.to_bytes(32, "big"), (PUBLIC, 4_000), [PUBLIC], index)
    assert len(rules._recent) <= MAX_PEERS


@given(st.ip_addresses(), st.integers(0, 70_000))
def test_form_never_raises_anything_else(
    host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    try:
        plain = check_form((str(host), port))
    except AddressRefused:
        return
    assert not plain.is_multicast
    assert not plain.is_unspecified
