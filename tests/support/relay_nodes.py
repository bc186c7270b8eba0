# SPDX-License-Identifier: MIT OR Apache-2.0
"""A relay and a client joined on loopback, and a plain UDP socket as the rest of the world."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.peer import Peer
from pqmesh_host.quic.relay.budget import Allowance
from pqmesh_host.quic.relay.service import RelayService
from pqmesh_host.quic.udp import bind
from support.quic_net import open_endpoint


@dataclass
class Relayed:
    """``relay`` is the client's view of the peer that relays."""

    client: QuicEndpoint
    relay: Peer
    server: QuicEndpoint
    service: RelayService


def loopback_socket() -> socket.socket:
    return bind("127.0.0.1", 0, 65_536)


FREE = Allowance()


@contextlib.asynccontextmanager
async def relayed(allowance=FREE, **options):
    async with open_endpoint("alice") as client, open_endpoint("relay") as server:
        options.setdefault("open_socket", loopback_socket)
        service = RelayService(server, lambda peer_id: allowance, **options)
        try:
            yield Relayed(client, await client.connect(server.local_address), server, service)
        finally:
            service.close()


class World:
    """A UDP socket somewhere: ``send`` and ``heard``."""

    def __init__(self) -> None:
        self._sock = loopback_socket()
        self.address = self._sock.getsockname()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *details):
        self._sock.close()

    def send(self, data, to):
        self._sock.sendto(data, to)

    async def heard(self, within_s=2.0):
        """The next datagram and where it came from."""
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recvfrom(self._sock, 65_536), within_s)
