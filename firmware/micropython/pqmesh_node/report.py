# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node says of itself: a short status for whoever asks, and everything it counts."""

from pqmesh.compat import TYPE_CHECKING
from pqmesh.identity import short

from .compat import machine_name, mem_free

if TYPE_CHECKING:
    from typing import Any

    from .app import Node
    from .driver import Link


def status_of(node: "Node") -> "dict[str, Any]":
    """What an operator asks for first; the reply to the command ``status`` must hold it."""
    peer = node.neighbour
    expect = node.settings.expect
    keys = node.custody.keys
    current = None if keys is None else keys.keyring.current()
    status: "dict[str, Any]" = {
        "name": node.settings.name,
        "peer_id": node.peer_id.hex(),
        "machine": machine_name(),
        "neighbour": None if peer is None else short(peer),
        "pinned": expect is not None,
        "uptime_ms": node.uptime_ms(),
        "heap_free": mem_free(),
        "interval_ms": node.settings.interval_ms,
        "waiting": len(node.mailbox),
        "delivered": node.mailbox.delivered_count,
        "dropped": node.mailbox.dropped,
        "handshakes": node.handshakes,
        "resumed": node.engine_stats.handshakes_resumed,
        "tickets": len(node.custody.tickets),
        "epoch": 0 if current is None else current.epoch,
        "prekeys": 0 if keys is None or expect is None else keys.prekeys.stocked(expect),
    }
    airtime = _airtime(node)
    if airtime is not None:  # three numbers: the reply is short of room
        status["airtime"] = [airtime[name] for name in ("used_ms", "budget_ms", "next_in_ms")]
    return status


def _airtime(node: "Node") -> "dict[str, int] | None":
    return None if node.radio is None else node.radio.status(node.uptime_ms())


def counters_of(
    node: "Node", commands: "dict[str, int]", newcomer: "Any", driver: "Any", link: "Link"
) -> "dict[str, Any]":
    """Everything a node and its parts count."""
    return {
        "node": node.counts,
        "commands": commands,
        "sensor_failures": node.sensors.failures,
        "custody": node.custody.counts(),
        "provisioning": newcomer.counts(),
        "frames_refused": driver.dropped,
        "frames_damaged": link.dropped,
        "link_bytes": (link.bytes_in, link.bytes_out),
        "airtime": _airtime(node),
        "engine": _public_counters(node.engine_stats),
    }


def _public_counters(stats: "Any") -> "dict[str, Any]":
    """The counters of an object; MicroPython has no vars()."""
    return {name: getattr(stats, name) for name in dir(stats) if _is_counter(stats, name)}


def _is_counter(stats: "Any", name: str) -> bool:
    return name[0] != "_" and isinstance(getattr(stats, name), (int, dict))
