# SPDX-License-Identifier: MIT OR Apache-2.0
"""A running node at one moment, as plain values. ``status``, metrics and tests read this."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LinkSnapshot:
    """One configured link."""

    name: str
    open: bool
    """Whether the medium is open now."""

    expect: str
    """The pinned PeerId, 64 hexadecimal digits; empty when any board may use the link."""

    octets_in: int = 0
    octets_out: int = 0
    frames_in: int = 0
    frames_out: int = 0
    frames_bad: int = 0
    """All since the medium was opened; ``frames_bad`` failed their check sequence."""

    refused: dict[str, int] = dataclasses.field(default_factory=dict)
    """Frames the engine refused since the node started, by cause."""

    handshakes: dict[str, int] = dataclasses.field(default_factory=dict)
    """Handshakes since the node started: started, finished, failed, and resumed, which are those
    of the finished ones that needed no public keys."""

    broadcast: dict[str, int] = dataclasses.field(default_factory=dict)
    """Frames and octets of broadcasts, out, in and refused; objects that arrived; used_ms of the
    last hour. Empty where ``broadcast`` is off."""

    airtime: dict[str, int | str] = dataclasses.field(default_factory=dict)
    """A radio's: ``where``; used_ms of budget_ms in the last window_ms; next_in_ms, when what
    waits may go (0: nothing waits); held_ms and frames dropped since the start. Else empty."""


@dataclass(frozen=True, kw_only=True)
class NeighbourSnapshot:
    """One open session."""

    peer: str
    over: str
    on_link: bool
    age_s: int
    waiting: int
    """Messages kept for it and not yet acknowledged."""


@dataclass(frozen=True, kw_only=True)
class KnownSnapshot:
    """A node met before."""

    peer: str
    over: str
    last_seen_ms: int


@dataclass(frozen=True, kw_only=True)
class NodeSnapshot:
    """Everything ``pqmesh status`` shows. PeerIds are 64 hexadecimal digits."""

    peer: str
    role: str
    quic: str
    """The address and UDP port this node is reached at."""

    uptime_s: int
    links: list[LinkSnapshot]
    neighbours: list[NeighbourSnapshot]
    known: list[KnownSnapshot]
    waiting: dict[str, int]
    """Messages kept per destination, those of connected neighbours included."""

    clients: int
    """Connections to the control socket, the asking one included."""

    duplicates: int
    """Messages that arrived more than once and were taken once."""

    events: dict[str, int]
    """How often each kind of event has happened."""

    tickets: int = 0
    """Boards that can be resumed with."""

    reach: dict[str, int] = dataclasses.field(default_factory=dict)
    """Counters of NAT traversal and, as ``relay_...``, of the relay; empty where both are off."""

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
