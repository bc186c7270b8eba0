# SPDX-License-Identifier: MIT OR Apache-2.0
"""The client's side: our UDP port at a relay, as addresses our own endpoint can use.

A datagram that comes out of the tunnel enters the endpoint as if it had come over its socket,
from a VirtualAddress that leads back through the tunnel. So a relayed peer is an ordinary peer:
accepted or dialled, with its own handshake inside.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable

from ..bytestream import ByteStream
from ..endpoint import QuicEndpoint
from ..errors import PeerClosed, RelayRefused
from ..frames import Address
from ..peer import Peer
from ..virtual import VirtualAddress
from .wire import (
    BIND_ANY,
    MAX_DATA_BYTES,
    OK,
    FrameReader,
    InvalidRelayMessage,
    RelayedDatagram,
    RelayResponse,
)

MAX_SOURCES = 256
"""Addresses remembered for the way back; the one heard of longest ago is forgotten. A connection
over it goes on sending, but what it is sent comes from another path, and is lost."""


class Tunnel:
    """Use ``Tunnel.bind``. ``address`` is what the other side dials."""

    def __init__(self, stream: ByteStream, endpoint: QuicEndpoint) -> None:
        self.address: Address = ("", 0)
        self.counts: Counter[str] = Counter()
        self.on_end: Callable[[], None] | None = None
        """Called once, when the port is gone: by the relay's doing, or with its connection."""

        self._stream = stream
        self._endpoint = endpoint
        self._reader = FrameReader(MAX_DATA_BYTES)
        self._sources: OrderedDict[Address, VirtualAddress] = OrderedDict()
        self._bound: asyncio.Future[RelayResponse] = asyncio.get_running_loop().create_future()
        stream.on_data = self._on_data
        stream.on_end = self._on_end

    @classmethod
    async def bind(cls, relay: Peer, endpoint: QuicEndpoint, timeout_s: float = 5.0) -> Tunnel:
        """Have ``relay`` open a port for ``endpoint``. Cancelling gives it back.

        :raises RelayRefused: another answer than 200
        :raises TimeoutError: no answer in ``timeout_s``
        :raises NoStream: the relay lets us open no stream now
        :raises PeerClosed: the connection to the relay has ended
        """
        made = cls(relay.open_stream(BIND_ANY.encode()), endpoint)
        try:
            async with asyncio.timeout(timeout_s):
                response = await made._bound
            if response.status != OK or response.address is None:
                raise RelayRefused(response.status, response.reason or "")
        except BaseException:
            made.close()
            raise
        made.address = response.address
        return made

    @property
    def ended(self) -> bool:
        """Whether the relay has closed the port."""
        return self._stream.ended

    def __contains__(self, path: object) -> bool:
        """Whether a connection's address is one that leads through this tunnel."""
        return isinstance(path, VirtualAddress) and self._sources.get((path[0], path[1])) is path

    def way_to(self, address: Address) -> VirtualAddress:
        """The address that leads through the tunnel to ``address``; the same one every time."""
        way = self._sources.get(address)
        if way is None:
            way = VirtualAddress(address, lambda data: self._send(address, data))
            self._sources[address] = way
            if len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(address)
        return way

    def close(self) -> None:
        """Give the port back. Idempotent."""
        self._stream.finish()

    def _send(self, address: Address, data: bytes) -> None:
        sent = self._stream.send(RelayedDatagram(address, data).encode())
        self.counts["datagrams_out" if sent else "dropped_slow_relay"] += 1

    def _on_data(self, data: bytes) -> None:
        try:
            for body in self._reader.feed(data):
                self._take(body)
        except InvalidRelayMessage:
            self.counts["malformed"] += 1
            self.close()
            self._on_end()

    def _take(self, body: bytes) -> None:
        if not self._bound.done():
            self._bound.set_result(RelayResponse.decode(body))
            return
        datagram = RelayedDatagram.decode(body)
        self.counts["datagrams_in"] += 1
        self._endpoint.inject(datagram.payload, self.way_to(datagram.address))

    def _on_end(self) -> None:
        if not self._bound.done():
            self._bound.set_exception(PeerClosed(0, "the relay closed the stream", by_peer=True))
            return
        told, self.on_end = self.on_end, None
        if told is not None:
            told()
