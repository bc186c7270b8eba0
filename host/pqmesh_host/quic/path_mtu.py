# SPDX-License-Identifier: MIT OR Apache-2.0
"""The search for the largest datagram a path carries (RFC 8899, RFC 9000 §14.3).

    BASE 1200 --probe acked--> larger --probe acked--> ... --probe lost twice--> done
       ^________________ full datagrams vanish (black hole) ___________________________|

Sizes are tried in steps that occur in the field rather than bisected. A lost probe says
nothing about congestion. Pure: the connection sends the probes and reports their fate.
"""

from __future__ import annotations

from .limits import HANDSHAKE_DATAGRAM_BYTES

SIZES = (1380, 1452, 8952)
"""Tunnels; Ethernet with an IPv6 header; jumbo frames (and, almost, loopback)."""

TRIES = 2
SEARCH_AGAIN_S = 600.0
"""RFC 8899 §5.1.1 PMTU_RAISE_TIMER."""

BLACK_HOLE_TIMEOUTS = 3
"""Probe timeouts in a row without an answer, after which the size is no longer believed."""


class MtuSearch:
    """``most`` bounds the search: the peer's max_udp_payload_size and our own limit."""

    def __init__(self, most: int) -> None:
        self.size = HANDSHAKE_DATAGRAM_BYTES
        self._sizes = [size for size in SIZES if size <= most]
        self._next = 0
        self._tries = 0
        self._in_flight: int | None = None
        self._again_at: float | None = None

    def next_probe(self, now: float) -> int | None:
        """The size to probe now, or None. The caller sends it or leaves it for later."""
        if self._in_flight is not None:
            return None
        if self._next >= len(self._sizes):
            return None
        if self._tries >= TRIES:
            if self._again_at is None:
                self._again_at = now + SEARCH_AGAIN_S
            if now < self._again_at:
                return None
            self._again_at, self._tries = None, 0
        return self._sizes[self._next]

    def sent(self, size: int) -> None:
        """A probe of this size is on its way."""
        self._in_flight = size

    def acknowledged(self, size: int) -> bool:
        """The path carries ``size``. Return whether ``self.size`` grew."""
        if size != self._in_flight:
            return False  # of a search that a black hole ended
        self._in_flight, self._tries = None, 0
        self._next += 1
        self.size = size
        return True

    def lost(self, size: int) -> None:
        """No answer to a probe; it may have been chance, so it is tried again once."""
        if size == self._in_flight:
            self._in_flight = None
            self._tries += 1

    def timed_out(self, timeouts: int, now: float) -> bool:
        """``timeouts`` probe timeouts in a row. Return whether to fall back to the base."""
        if timeouts < BLACK_HOLE_TIMEOUTS or self.size == HANDSHAKE_DATAGRAM_BYTES:
            return False
        self.size = HANDSHAKE_DATAGRAM_BYTES
        self._next, self._tries, self._in_flight = 0, TRIES, None
        self._again_at = now + SEARCH_AGAIN_S
        return True
