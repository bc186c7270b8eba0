# SPDX-License-Identifier: MIT OR Apache-2.0
"""How fast one neighbour may hand us messages: a token bucket, asked how long to wait.

A link is limited by its own bit rate; a QUIC peer is not, and every message costs a disk write.
Waiting here fills the peer's stream credit, so that it is the sender who waits.
"""

from __future__ import annotations

MESSAGES_PER_S = 200
BURST_MESSAGES = 400


class Allowance:
    """``per_s`` messages a second in the long run, ``burst`` at once."""

    def __init__(
        self, now_ms: int, per_s: int = MESSAGES_PER_S, burst: int = BURST_MESSAGES
    ) -> None:
        self._per_s = per_s
        self._full = burst * 1000
        self._tokens = self._full  # thousandths of a message
        self._at_ms = now_ms

    def take(self, now_ms: int) -> int:
        """Spend one message; return how many milliseconds to wait before acting on it."""
        earned = (now_ms - self._at_ms) * self._per_s
        self._at_ms = now_ms
        self._tokens = min(self._full, self._tokens + earned) - 1000
        return max(0, -self._tokens // self._per_s)
