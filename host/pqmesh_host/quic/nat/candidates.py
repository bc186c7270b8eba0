# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which addresses somebody else may make us send packets to, and how many.

ADD_ADDRESS, PUNCH_ME_NOW and a coordinator's Accepted all name addresses that we then probe: left
alone, that makes every node a packet source for whoever asks (ant-quic-wire §10, point 3). So

  * an address no mesh peer can have is refused: unspecified, multicast, broadcast, documentation,
    reserved, loopback (unless the peer itself is on loopback), a port below 1024;
  * a private or link-local address is taken only from a peer that is itself reached at one, or in
    a network we are in: it means nothing elsewhere;
  * any other address must be the host the peer is seen from, or one a coordinator saw it from:
    a peer may say which port, not which victim;
  * each peer may cause at most 20 probed addresses a minute, all of them together 100.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from ..frames import Address

LOWEST_PORT = 1024
PER_PEER_PER_MINUTE = 20
TOTAL_PER_MINUTE = 100
MINUTE_S = 60.0
MAX_PEERS = 1024

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not all of these are is_private or is_reserved to the ipaddress module of every Python.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
        *("255.255.255.255/32", "2001:db8::/32", "100::/64", "::/128"),
    )
)
_LOCAL_ONLY = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("fc00::/7", "fe80::/10"),
    )
)


class AddressRefused(Exception):
    """We will not send to this address because somebody asked us to. Says which rule."""


@dataclass(kw_only=True)
class CandidatePolicy:
    """Decides, per peer, whether an address may be probed. Times are seconds, monotonic."""

    own_networks: Collection[IPNetwork] = ()
    """The networks this machine has an interface in."""

    _recent: dict[bytes, deque[float]] = field(default_factory=dict, init=False)
    _all: deque[float] = field(default_factory=deque, init=False)

    def admit(
        self, peer_id: bytes, candidate: Address, seen_at: Collection[str], now: float
    ) -> Address:
        """Return ``candidate`` in plain form if a packet may be sent there now.

        :param seen_at: hosts the peer was seen at, by us or by a coordinator it was coordinated by
        :raises AddressRefused: a rule forbids it; nothing was counted
        """
        host = check_form(candidate)
        seen = {_plain(ipaddress.ip_address(text.partition("%")[0])) for text in seen_at}
        self._check_place(host, seen)
        self._count(peer_id, now)
        return str(host), candidate[1]

    def _check_place(self, host: IPAddress, seen: set[IPAddress]) -> None:
        if host in seen:
            return
        if host.is_loopback:
            if any(address.is_loopback for address in seen):
                return
            raise AddressRefused(f"{host} is this machine's own loopback")
        if not _in(host, _LOCAL_ONLY):
            raise AddressRefused(f"{host} is not where the peer was seen: a third party, perhaps")
        if not (_in(host, self.own_networks) or any(_in(a, _LOCAL_ONLY) for a in seen)):
            raise AddressRefused(f"{host} is private and the peer is not near")

    def _count(self, peer_id: bytes, now: float) -> None:
        times = self._recent.get(peer_id, deque())
        for recent in (times, self._all):
            while recent and recent[0] <= now - MINUTE_S:
                recent.popleft()
        if len(times) >= PER_PEER_PER_MINUTE:
            raise AddressRefused(f"more than {PER_PEER_PER_MINUTE} addresses a minute")
        if len(self._all) >= TOTAL_PER_MINUTE:
            raise AddressRefused(f"more than {TOTAL_PER_MINUTE} addresses a minute from all peers")
        if peer_id not in self._recent:
            self._make_room(now)
            self._recent[peer_id] = times
        times.append(now)
        self._all.append(now)

    def _make_room(self, now: float) -> None:
        if len(self._recent) < MAX_PEERS:
            return
        # Safe to forget whoever asked for nothing lately. As no more than TOTAL_PER_MINUTE may
        # have asked within a minute, this always finds somebody.
        for key in [k for k, t in self._recent.items() if not t or t[-1] <= now - MINUTE_S]:
            del self._recent[key]


def check_form(candidate: Address) -> IPAddress:
    """The host of ``candidate``, IPv4-mapped forms made plain, if a peer can be there at all.

    :raises AddressRefused: not an address, or one that no peer has
    """
    text, port = candidate
    try:
        host = _plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError as error:
        raise AddressRefused(f"{text[:60]!r} is not an IP address") from error
    if not LOWEST_PORT <= port <= 65_535:
        raise AddressRefused(f"port {port} is not in {LOWEST_PORT}..65535")
    if host.is_multicast or _in(host, _NEVER):
        raise AddressRefused(f"no peer can be at {host}")
    return host


def is_local(host: IPAddress) -> bool:
    """Whether an address means something in one network only: private, shared, link-local."""
    return _in(host, _LOCAL_ONLY)


def is_private(host: str) -> bool:
    """The same of an address as text, whatever its scope."""
    return is_local(ipaddress.ip_address(host.partition("%")[0]))


def _plain(host: IPAddress) -> IPAddress:
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        return host.ipv4_mapped
    return host


def _in(host: IPAddress, networks: Collection[IPNetwork]) -> bool:
    return any(host.version == network.version and host in network for network in networks)
