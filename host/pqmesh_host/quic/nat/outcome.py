# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a traversal may take, and how one ended: the values that go in and come out."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class How(enum.Enum):
    """How a connection came about."""

    DIRECT = "direct"
    PUNCHED = "punched"
    RELAYED = "relayed"


@dataclass(frozen=True, kw_only=True)
class TraversalLimits:
    """What one attempt may take, in seconds, and whom it may ask."""

    direct_s: float = 3.0
    """For all known addresses together."""

    answer_s: float = 2.0
    """For one coordinator to answer, and for one relay."""

    punch_s: float = 4.0
    """From the coordinator's word to a confirmed connection."""

    relay_s: float = 6.0
    """The same through a relay."""

    upgrade_s: float = 30.0
    """Between attempts to punch where a relay is in use."""

    announce_s: float = 5.0
    """Between looks at this machine's interfaces, whose changes peers are told."""

    helpers: int = 4
    """Peers asked to coordinate, and peers asked to relay."""

    coordinate: bool = True
    """Whether we coordinate for others."""


@dataclass(frozen=True)
class Outcome:
    """One finished ``connect``: ``how`` is None when it failed. ``tried`` as in Unreachable."""

    peer_id: bytes
    how: How | None
    elapsed_ms: float
    rounds: int
    """Coordinated dials, both rounds counted."""
    tried: tuple[str, ...]
