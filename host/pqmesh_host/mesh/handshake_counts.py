# SPDX-License-Identifier: MIT OR Apache-2.0
"""How often a link's handshakes began, ended and how, over all the engines it has had."""

from __future__ import annotations

from pqmesh.engine.stats import Stats

NAMES = ("started", "finished", "resumed", "failed")
"""``resumed`` are those of the finished ones that took HS-R, 92 octets instead of 14 KB."""


class HandshakeCounts:
    """``follow`` the statistics of each new engine; earlier ones stay counted."""

    def __init__(self) -> None:
        self._before = dict.fromkeys(NAMES, 0)
        self._stats = Stats()
        self._resumed_told = 0

    def follow(self, stats: Stats) -> None:
        """Count ``stats`` from now on, in place of the engine before."""
        self._before = self.all()
        self._stats = stats
        self._resumed_told = 0

    def all(self) -> dict[str, int]:
        """Return every count since the node started."""
        return {
            name: self._before[name] + int(getattr(self._stats, f"handshakes_{name}"))
            for name in NAMES
        }

    def was_resumed(self) -> bool:
        """Whether the session that has just been established came about by HS-R."""
        before, self._resumed_told = self._resumed_told, self._stats.handshakes_resumed
        return self._resumed_told > before
