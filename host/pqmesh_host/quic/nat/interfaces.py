# SPDX-License-Identifier: MIT OR Apache-2.0
"""The addresses and networks of this machine's own interfaces.

Read with ifaddr (getifaddrs(3) and its like on other systems); the standard library has no such
call. What means nothing to a peer is left out: loopback, link-local, multicast, unspecified.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Sequence

import ifaddr

from ..frames import Address
from .candidates import IPAddress, IPNetwork, is_local, is_private

FRESH_S = 5.0
"""How long what was read is taken for true."""

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def local_interfaces() -> list[Interface]:
    """Every address of this machine that a peer might reach, with its network, in order."""
    found: set[Interface] = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            found.add(ipaddress.ip_interface(f"{host}/{ip.network_prefix}"))
    return sorted((one for one in found if _means_something(one.ip)), key=_order)


class Interfaces:
    """What ``local_interfaces`` says, read again when it is FRESH_S old.

    ``networks`` is one list for ever, changed in place, for whoever keeps it.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[Interface]] = local_interfaces,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._read_at: float | None = None
        self._found: list[Interface] = []
        self.networks: list[IPNetwork] = []

    def refresh(self) -> bool:
        """Read again if it is time. Returns whether anything has changed."""
        now = self._clock()
        if self._read_at is not None and now - self._read_at < FRESH_S:
            return False
        self._read_at = now
        found = list(self._read())
        changed = found != self._found
        self._found = found
        self.networks[:] = [one.network for one in found]
        return changed

    def addresses(self, version: int | None, port: int) -> list[Address]:
        """Our addresses of one IP version, or of both for None, with a port of ours."""
        self.refresh()
        return [(str(one.ip), port) for one in self._found if version in (None, one.version)]


def is_near(peer: str) -> bool:
    """Whether a peer seen there may know what our private addresses mean."""
    return is_private(peer) or ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def _means_something(host: IPAddress) -> bool:
    return not (host.is_loopback or host.is_link_local or host.is_multicast or host.is_unspecified)


def _order(one: Interface) -> tuple[bool, int, int]:
    """Public before private, IPv4 before IPv6."""
    return is_local(one.ip), one.version, int(one.ip)
