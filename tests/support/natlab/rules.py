# SPDX-License-Identifier: MIT OR Apache-2.0
"""nftables rule sets that behave as the NAT kinds of RFC 3489 and RFC 4787.

Linux's masquerade maps a source port to itself while it is free, whatever the destination
(endpoint-independent mapping), and conntrack lets in only what answers (address- and
port-dependent filtering): a port-restricted cone. What comes
unasked is dropped, as home routers do; else conntrack would take it for a flow to the router
itself, and a mapping that collides with it would be given another port. The other kinds are that,
opened or narrowed:

full cone            inbound to a mapped port is passed to the host, whoever sends it
address-restricted   ... if the host has sent anything to that address
symmetric            a fresh random port for every destination
"""

from __future__ import annotations

import enum


class NatKind(enum.Enum):
    """How a host is joined to the public network of the lab."""

    OPEN = "open"
    FULL_CONE = "full-cone"
    ADDRESS_RESTRICTED = "address-restricted"
    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    CARRIER_GRADE = "carrier-grade"
    """Two layers: a port-restricted router at home, a symmetric one at the carrier."""


def ruleset(kind: NatKind, outside: str, inside4: str, inside6: str) -> str:
    """The nft script of one NAT of ``kind`` (not OPEN, not CARRIER_GRADE).

    ``outside`` is the interface to the public side; ``inside4``/``inside6`` the one host behind.
    """
    random = " fully-random" if kind is NatKind.SYMMETRIC else ""
    script = f"""
table inet nat {{
  set ports4 {{ type inet_service; flags timeout; timeout 2m; }}
  set peers4 {{ type ipv4_addr; flags timeout; timeout 2m; }}
  set peers6 {{ type ipv6_addr; flags timeout; timeout 2m; }}
  chain out {{
    type nat hook postrouting priority srcnat;
    oifname "{outside}" masquerade{random}
  }}
  chain stateful {{
    type filter hook forward priority filter; policy accept;
    oifname "{outside}" meta l4proto udp update @ports4 {{ udp sport }}
    oifname "{outside}" meta nfproto ipv4 update @peers4 {{ ip daddr }}
    oifname "{outside}" meta nfproto ipv6 update @peers6 {{ ip6 daddr }}
    iifname "{outside}" ct state established,related accept
    iifname "{outside}" ct status dnat accept
    iifname "{outside}" drop
  }}
  chain self {{
    type filter hook input priority filter; policy accept;
    iifname "{outside}" meta l4proto udp ct state new drop
  }}
"""
    return script + _inbound(kind, outside, inside4, inside6) + "}\n"


def _inbound(kind: NatKind, outside: str, inside4: str, inside6: str) -> str:
    where = f'iifname "{outside}" udp dport @ports4'
    if kind is NatKind.FULL_CONE:
        sources4 = sources6 = ""
    elif kind is NatKind.ADDRESS_RESTRICTED:
        sources4, sources6 = " ip saddr @peers4", " ip6 saddr @peers6"
    else:
        return ""
    return f"""
  chain in {{
    type nat hook prerouting priority dstnat;
    meta nfproto ipv4 {where}{sources4} dnat ip to {inside4}
    meta nfproto ipv6 {where}{sources6} dnat ip6 to {inside6}
  }}
"""
