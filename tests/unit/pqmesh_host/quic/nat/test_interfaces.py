# SPDX-License-Identifier: MIT OR Apache-2.0
"""This machine's own addresses: which of them mean something to a peer, and when they are read."""

from __future__ import annotations

import ipaddress

import ifaddr
import pytest

from pqmesh_host.quic.nat import interfaces as subject
from pqmesh_host.quic.nat.interfaces import FRESH_S, Interface, Interfaces, is_near


class Adapter:
    def __init__(self, *ips: ifaddr.IP) -> None:
        self.ips = ips


def v4(host: str, prefix: int) -> ifaddr.IP:
    return ifaddr.IP(host, prefix, "eth0")


def v6(host: str, prefix: int) -> ifaddr.IP:
    return ifaddr.IP((host, 0, 0), prefix, "eth0")


def test_what_means_nothing_elsewhere_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    adapters = [
        Adapter(v4("127.0.0.1", 8), v6("::1", 128)),
        Adapter(v4("192.168.7.5", 24), v6("fe80::1", 64), v6("2a00:1::5", 64)),
        Adapter(v4("169.254.3.3", 16), v4("198.18.0.5", 15), v4("192.168.7.5", 24)),
    ]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: adapters)
    found = [str(one) for one in subject.local_interfaces()]
    assert found == ["198.18.0.5/15", "2a00:1::5/64", "192.168.7.5/24"]


def test_the_real_machine_is_read() -> None:
    for one in subject.local_interfaces():
        assert not one.ip.is_loopback
        assert one.ip in one.network


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0
        self.found: list[Interface] = [ipaddress.ip_interface("192.168.7.5/24")]

    def read(self) -> list[Interface]:
        self.reads += 1
        return self.found


def test_it_is_read_again_when_it_is_old_and_the_networks_stay_one_list() -> None:
    world = World()
    made = Interfaces(world.read, lambda: world.now)
    kept = made.networks
    assert made.refresh()
    assert kept == [ipaddress.ip_network("192.168.7.0/24")]
    world.found = [*world.found, ipaddress.ip_interface("2a00:1::5/64")]
    assert not made.refresh()
    world.now += FRESH_S
    assert made.refresh()
    assert len(kept) == 2
    assert kept is made.networks
    world.now += FRESH_S
    assert not made.refresh()
    assert world.reads == 3


def test_addresses_carry_our_port_and_the_versions_the_socket_can_use() -> None:
    world = World()
    world.found.append(ipaddress.ip_interface("2a00:1::5/64"))
    made = Interfaces(world.read, lambda: world.now)
    assert made.addresses(4, 9000) == [("192.168.7.5", 9000)]
    assert made.addresses(None, 9) == [("192.168.7.5", 9), ("2a00:1::5", 9)]


@pytest.mark.parametrize(
    ("peer", "near"),
    [("192.168.1.1", True), ("::1", True), ("fe80::1%eth0", True), ("198.18.0.1", False)],
)
def test_who_may_know_what_private_addresses_mean(peer: str, near: bool) -> None:
    assert is_near(peer) is near
