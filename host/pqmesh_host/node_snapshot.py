# SPDX-License-Identifier: MIT OR Apache-2.0
"""How the parts of a running node become the plain values of ops.snapshot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .driver import now_ms
from .mesh.link_runner import LinkRunner
from .mesh.switchboard import Switchboard
from .ops.snapshot import KnownSnapshot, LinkSnapshot, NeighbourSnapshot
from .quic.nat.traverse import Traversal
from .quic.relay.service import RelayService
from .store import KnownAddress, Store
from .transports.base import LinkCounters

MAX_KNOWN_SHOWN = 64


def link_snapshot(runner: LinkRunner) -> LinkSnapshot:
    counters = runner.link.counters if runner.link is not None else LinkCounters()
    return LinkSnapshot(
        name=runner.name,
        open=runner.link is not None,
        expect=runner.expect.hex() if runner.expect is not None else "",
        octets_in=counters.octets_in,
        octets_out=counters.octets_out,
        frames_in=counters.frames_in,
        frames_out=counters.frames_out,
        frames_bad=counters.frames_bad,
        refused=dict(runner.drops),
        handshakes=runner.handshakes.all(),
        broadcast=runner.broadcast_status(),
        airtime={} if runner.air is None else runner.air.status(),
    )


def neighbour_snapshots(switchboard: Switchboard) -> list[NeighbourSnapshot]:
    waiting = switchboard.waiting()
    return [
        NeighbourSnapshot(
            peer=one.hop.peer_id.hex(),
            over=one.over,
            on_link=one.hop.on_link,
            age_s=(now_ms() - one.opened_ms) // 1000,
            waiting=waiting.get(one.hop.peer_id, 0),
        )
        for one in switchboard.neighbours()
    ]


def known_snapshots(store: Store) -> list[KnownSnapshot]:
    """The nodes met last."""
    return [
        KnownSnapshot(peer=one.peer_id.hex(), over=one.over, last_seen_ms=one.last_seen_ms)
        for one in store.peers()[:MAX_KNOWN_SHOWN]
    ]


def address_snapshots(
    addresses: Sequence[KnownAddress], connected: Collection[bytes]
) -> list[dict[str, Any]]:
    """What `pqmesh peers` shows."""
    return [
        {
            "peer": one.peer_id.hex(),
            "address": host_port(*one.address),
            "how": one.how,
            "successes": one.successes,
            "failures": one.failures,
            "success_s": one.success_s,
            "connected": one.peer_id in connected,
        }
        for one in addresses
    ]


def reach_counters(traversal: Traversal | None, relay: RelayService | None) -> dict[str, int]:
    """What traversal and the relay have counted; empty where both are off."""
    found = {} if traversal is None else traversal.stats()
    if relay is not None:
        found["relay_open"] = len(relay.sessions)
        found |= {f"relay_{name}": count for name, count in relay.counts.items()}
    return found


def host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
