# SPDX-License-Identifier: MIT OR Apache-2.0
"""Moves datagrams between the socket and the connections. Decides nothing.

datagram -> registry: known connection id? -> connection.receive_datagram
            else the owner: a new peer, or nothing
after each batch, for each connection touched: events -> transmit -> re-arm its timer
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Protocol

from aioquic.quic import events

from .connection_events import Confirmed
from .lifecycle import Phase
from .peer import Peer
from .registry import Registry
from .timers import LazyTimers
from .udp import Address, UdpSocket
from .virtual import VirtualAddress

log = logging.getLogger(__name__)

INTERNAL_ERROR = 0x1
"""RFC 9000 §20.1."""

LONG_HEADER = 0x80
SHORT_CID = slice(1, 9)
"""Where our 8-byte connection id stands in a short header (RFC 9000 §17.3)."""

LONG_CID_LENGTH = 5
"""Where a long header says how long the destination id after it is (RFC 8999 §5.1)."""


class Owner(Protocol):
    """Who is told what happens to connections."""

    def on_stranger(self, data: bytes, address: Address, now: float) -> Peer | None:
        """A datagram for no known connection; return the peer that is to have it."""

    def on_confirmed(self, peer: Peer, now: float) -> None:
        """Both sides are authenticated and know it."""

    def on_ended(self, peer: Peer) -> None:
        """The connection began to end; ``peer.failure`` says if it never was up. Called once."""

    def on_forgotten(self, peer: Peer) -> None:
        """The draining period is over and the connection is no longer in the tables."""


class Driver:
    """One socket and the connections on it."""

    def __init__(self, udp: UdpSocket, registry: Registry, owner: Owner) -> None:
        self._loop = asyncio.get_running_loop()
        self._udp = udp
        self._registry = registry
        self._owner = owner
        self._timers: LazyTimers[Peer] = LazyTimers(_deadline, self._on_timer)
        self._dirty: dict[Peer, None] = {}
        self._flush_soon = False
        self._farewells: dict[Peer, tuple[list[tuple[bytes, Address]], int]] = {}

    def start(self) -> None:
        """Begin to read the socket."""
        self._udp.start(self._on_datagram, self._flush)

    def close(self) -> None:
        """Stop, and release the socket. Idempotent."""
        self._timers.close()
        self._dirty.clear()
        self._udp.close()

    def touch(self, peer: Peer) -> None:
        """Transmit for a peer once the current callbacks have run."""
        self._dirty[peer] = None
        if not self._flush_soon:
            self._flush_soon = True
            self._loop.call_soon(self._flush)

    def transmit(self, peer: Peer) -> None:
        """Transmit for a peer now."""
        if peer not in self._registry:
            return
        now = self._loop.time()
        datagrams = peer.connection.datagrams_to_send(now)
        if datagrams:
            peer.bytes_sent += self.send(datagrams)
        self._drain_events(peer, now)
        if peer not in self._registry:
            return
        if peer.phase is Phase.ENDED and datagrams:
            self._farewells.setdefault(peer, (datagrams[-1:], 0))
        self._timers.rearm(peer)

    def send(self, datagrams: list[tuple[bytes, Address]]) -> int:
        """Send each on its way; return how many bytes that were."""
        plain = [entry for entry in datagrams if type(entry[1]) is not VirtualAddress]
        total = self._udp.send(plain)
        if len(plain) != len(datagrams):
            for data, address in datagrams:
                if isinstance(address, VirtualAddress):
                    address.carry(data)
                    total += len(data)
        return total

    def inject(self, data: bytes, address: VirtualAddress) -> None:
        """Take a datagram that came another way than over the socket."""
        if not data:
            return
        self._on_datagram(data, address, self._loop.time())
        if not self._flush_soon:
            self._flush_soon = True
            self._loop.call_soon(self._flush)

    def _on_datagram(self, data: bytes, address: Address, now: float) -> None:
        peer = self._registry.find(_destination(data))
        if peer is None:
            peer = self._owner.on_stranger(data, address, now)
            if peer is None:
                return
        peer.bytes_received += len(data)
        peer.last_received = now
        if peer.phase is Phase.ENDED:
            self._repeat_farewell(peer)
            return
        self._dirty[peer] = None
        with self._contained(peer):
            peer.connection.receive_datagram(data, address, now)

    def _flush(self) -> None:
        self._flush_soon = False
        while self._dirty:
            peer, _ = self._dirty.popitem()
            if peer in self._registry:
                with self._contained(peer):
                    self._drain_events(peer, self._loop.time())
                    self.transmit(peer)
                    peer.acknowledged()

    def _on_timer(self, peer: Peer, now: float) -> None:
        with self._contained(peer):
            peer.connection.handle_timer(now)
            self._drain_events(peer, now)
            self.transmit(peer)

    @contextlib.contextmanager
    def _contained(self, peer: Peer) -> Iterator[None]:
        """Let a defect met on behalf of one peer end that peer alone.

        This is the top of the event loop's call: an exception going further would lose the
        other peers' datagrams of the same batch.
        """
        try:
            yield
        except Exception:
            log.exception("dropping %r after an internal error", peer)
            ended = peer.phase is Phase.ENDED
            peer.end(INTERNAL_ERROR, "internal error", by_peer=False)
            if not ended:
                self._owner.on_ended(peer)
            self.forget(peer)

    def _drain_events(self, peer: Peer, now: float) -> None:
        while (event := peer.connection.next_event()) is not None:
            if isinstance(event, events.ConnectionIdIssued):
                self._registry.issue(peer, event.connection_id)
            elif isinstance(event, events.ConnectionIdRetired):
                self._registry.retire(peer, event.connection_id)
            elif isinstance(event, Confirmed):
                self._owner.on_confirmed(peer, now)
            else:
                before = peer.phase
                peer.handle(event, now)
                if peer.phase is Phase.ENDED and before is not Phase.ENDED:
                    self._owner.on_ended(peer)
                if isinstance(event, events.ConnectionTerminated):
                    self.forget(peer)

    def forget(self, peer: Peer) -> None:
        """Drop a peer, its connection and its timer, without a word."""
        self._registry.remove(peer)
        self._timers.cancel(peer)
        self._farewells.pop(peer, None)
        self._dirty.pop(peer, None)
        self._owner.on_forgotten(peer)

    def _repeat_farewell(self, peer: Peer) -> None:
        """Say goodbye again, ever more rarely, to one that missed it (RFC 9000 §10.2.1)."""
        datagrams, heard = self._farewells.get(peer, ([], 0))
        heard += 1
        if datagrams:
            self._farewells[peer] = (datagrams, heard)
            if heard & (heard - 1) == 0:
                peer.bytes_sent += self.send(datagrams)


def _destination(data: bytes) -> bytes:
    """The destination connection id, or what stands there in a datagram too short for one."""
    if not data[0] & LONG_HEADER:
        return data[SHORT_CID]
    if len(data) <= LONG_CID_LENGTH:
        return b""
    start = LONG_CID_LENGTH + 1
    return data[start : start + data[LONG_CID_LENGTH]]


def _deadline(peer: Peer) -> float | None:
    deadline: float | None = peer.connection.get_timer()
    return deadline
