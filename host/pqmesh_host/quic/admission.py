# SPDX-License-Identifier: MIT OR Apache-2.0
"""Confirmed peers: which of two lives, who waits in ``accept``, when the loser goes.

confirmed --> survivor --taken by its dial, or--> backlog --> accept
          \\-> superseded: drains for ``supersede_drain_s``, then closed
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Protocol

from . import lifecycle
from .limits import QuicLimits
from .peer import Peer
from .registry import Registry


class Toucher(Protocol):
    """Who transmits for a peer once the current callbacks have run."""

    def touch(self, peer: Peer) -> None:
        """Soon."""


class Admission:
    """The tables behind ``accept``, bounded by ``limits.accept_backlog`` and the registry."""

    def __init__(
        self, registry: Registry, driver: Toucher, limits: QuicLimits, counts: Counter[str]
    ) -> None:
        self._registry = registry
        self._driver = driver
        self._limits = limits
        self._counts = counts
        self._draining: dict[Peer, float] = {}
        self._backlog: deque[Peer] = deque()
        self._arrival = asyncio.Event()

    @property
    def draining(self) -> int:
        """How many superseded connections are still up."""
        return len(self._draining)

    def next(self) -> Peer | None:
        """The next peer that no dial took, or None."""
        while self._backlog:
            peer = self._backlog.popleft()
            # One that has ended may still have left messages behind.
            if peer.successor is None:
                return peer
        return None

    async def arrived(self) -> None:
        """Wait for the next ``offer`` or ``wake``."""
        self._arrival.clear()
        await self._arrival.wait()

    def wake(self) -> None:
        """Make every waiter look again, because the endpoint closes."""
        self._arrival.set()

    def enter(self, peer: Peer, now: float) -> Peer:
        """Let one of two connections to a PeerId live; return it."""
        survivor, superseded = self._registry.admit(peer)
        if superseded is not None:
            self._counts["superseded"] += 1
            superseded.supersede(survivor)
            self._draining[superseded] = now
            for either in (survivor, superseded):
                either.connection.send_ping(0)
                self._driver.touch(either)
        return survivor

    def offer(self, peer: Peer) -> None:
        """Hand a peer to ``accept``; close it when too many wait."""
        if len(self._backlog) >= self._limits.accept_backlog:
            self._counts["backlog_full"] += 1
            peer.abort(lifecycle.NO_READER, "")
            return
        self._backlog.append(peer)
        self._arrival.set()

    def forget(self, peer: Peer) -> None:
        """A connection has ended. It may stay in the backlog, for what it left behind."""
        self._draining.pop(peer, None)

    def expire(self, now: float) -> None:
        """End the draining of those that had their time."""
        for peer, since in list(self._draining.items()):
            if now - since > self._limits.supersede_drain_s:
                del self._draining[peer]
                self._end_draining(peer, since)

    def _end_draining(self, peer: Peer, since: float) -> None:
        """Close the loser; or the winner, if it gave no sign of life in all this time.

        A peer that restarted and dialled us may lose against our own dial to its former
        life, which nobody answers any more.
        """
        winner = peer.successor
        if winner is None or winner.last_received >= since or peer.last_received <= since:
            peer.abort(lifecycle.SUPERSEDED, "")
            return
        self._counts["revived"] += 1
        peer.revive()
        self._registry.replace(peer)
        self.offer(peer)
        winner.abort(lifecycle.SUPERSEDED, "")
