# SPDX-License-Identifier: MIT OR Apache-2.0
"""Dials in flight: several addresses per name, one answer per dial, crossed dials joined."""

from __future__ import annotations

import asyncio
from typing import Protocol

from . import lifecycle
from .addresses import resolve
from .errors import ConnectTimeout, EndpointClosed, HandshakeFailed, WrongPeer
from .peer import Peer
from .registry import Registry
from .udp import Address, UdpSocket


class Starter(Protocol):
    """What makes and starts the connection of a dial; raises EndpointFull."""

    def start_dial(self, address: Address, expect: bytes | None) -> Peer:
        """Send the first flight to ``address``."""


class Dialer:
    """``connect`` for one endpoint, and the table of who waits for which handshake."""

    def __init__(self, udp: UdpSocket, registry: Registry, starter: Starter) -> None:
        self._loop = asyncio.get_running_loop()
        self._udp = udp
        self._registry = registry
        self._starter = starter
        self._waiting: dict[Peer, tuple[asyncio.Future[Peer], bytes | None]] = {}
        self._admitted = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def connect(
        self, address: tuple[str, int], expect: bytes | None, timeout_s: float
    ) -> Peer:
        """See ``QuicEndpoint.connect``."""
        deadline = self._loop.time() + timeout_s
        self._udp.last_error = None
        try:
            async with asyncio.timeout_at(deadline):
                candidates = await resolve(address, self._udp.family)
                for at, candidate in enumerate(candidates[:-1]):
                    # An address that does not answer must leave time for the next.
                    share = (deadline - self._loop.time()) / (len(candidates) - at)
                    try:
                        async with asyncio.timeout(share):
                            return await self._dial(candidate, expect)
                    except TimeoutError:
                        continue
                return await self._dial(candidates[-1], expect)
        except TimeoutError:
            error = self._udp.last_error
            detail = error.strerror if error is not None and error.strerror else ""
            raise ConnectTimeout(address, timeout_s, detail) from None

    def admitted(self, peer: Peer, survivor: Peer) -> bool:
        """A peer was confirmed. Answer its dial with the one that lives on, if it was one."""
        self._admitted.set()
        future, _ = self._waiting.get(peer, (None, None))
        if future is None or future.done():
            return False
        future.set_result(survivor)
        return True

    def failed(self, peer: Peer, outcome: HandshakeFailed) -> bool:
        """A handshake failed. Tell its dial why, if it was one."""
        future, expected = self._waiting.get(peer, (None, None))
        if future is None:
            return False
        if not future.done():
            actual = peer.connection.rejected_key
            error: Exception = outcome
            if expected is not None and actual is not None and not outcome.by_peer:
                error = WrongPeer(expected, actual.peer_id)
            future.set_exception(error)
        return True

    def close(self) -> None:
        """End every dial with EndpointClosed."""
        self._closed = True
        self._admitted.set()
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(EndpointClosed("the endpoint was closed"))

    async def _dial(self, address: Address, expect: bytes | None) -> Peer:
        self._check_open()
        peer = self._starter.start_dial(address, expect)
        future: asyncio.Future[Peer] = self._loop.create_future()
        self._waiting[peer] = future, expect
        try:
            return await future
        except HandshakeFailed as failure:
            if failure.code != lifecycle.SUPERSEDED:
                raise
        except BaseException:
            # Cancelled: nobody will hold this peer, even if it was confirmed just now.
            peer.abort(lifecycle.SHUTDOWN, "dial abandoned")
            raise
        finally:
            future.cancel()
            del self._waiting[peer]
        return await self._crossed(peer)

    async def _crossed(self, peer: Peer) -> Peer:
        """The peer closed our dial as superseded: its own to us survives, or is about to."""
        key = peer.connection.peer_key
        while True:
            self._check_open()
            survivor = self._registry.live_peer(key.peer_id) if key is not None else None
            if survivor is not None:
                return survivor
            self._admitted.clear()
            await self._admitted.wait()

    def _check_open(self) -> None:
        if self._closed:
            raise EndpointClosed("the endpoint is closed")
