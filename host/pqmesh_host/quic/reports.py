# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an endpoint tells its operator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A handshake from outside that came to nothing."""

    address: tuple[str, int]
    alert: int | None
    """TLS alert number (RFC 8446 §6), or None when the transport refused."""

    text: str
    by_peer: bool


@dataclass(frozen=True)
class EndpointStats:
    """A snapshot of the endpoint's counters, all since it was opened."""

    peers: int
    """Live peers, one per PeerId."""

    connections: int
    """Everything that holds memory: in handshake, live, superseded or draining."""

    handshakes: int
    """In flight now, both directions."""

    datagrams_in: int
    datagrams_out: int
    reads: int
    writes: int
    """System calls; fewer than datagrams where the kernel batches."""

    counts: dict[str, int]
    """Events by name, among them everything dropped, by cause."""
