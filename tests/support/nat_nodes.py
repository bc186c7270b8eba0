# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whole nodes (endpoint, traversal, relay) inside the hosts of the NAT lab, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from pqmesh.identity import Identity
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.nat.interfaces import Interface, Interfaces, local_interfaces
from pqmesh_host.quic.nat.outcome import How, TraversalLimits
from pqmesh_host.quic.nat.traverse import Traversal
from pqmesh_host.quic.relay.budget import Allowance
from pqmesh_host.quic.relay.service import RelayService
from pqmesh_host.quic.udp import bind
from support.natlab import Host, NatKind, NatLab
from support.quic_net import receive

SOCKET_BYTES = 1024 * 1024
_numbers = itertools.count()


@dataclass(frozen=True)
class Node:
    """One node of the lab; ``relay`` where it was asked to serve."""

    endpoint: QuicEndpoint
    traversal: Traversal
    relay: RelayService | None

    @property
    def peer_id(self) -> bytes:
        return self.endpoint.peer_id

    @property
    def address(self) -> tuple[str, int]:
        return self.endpoint.local_address

    async def receive(self, peer_id: bytes) -> bytes:
        """The next message of a peer, on whichever of its connections lives on."""
        return await receive(self.endpoint, peer_id)


class Nodes(contextlib.AsyncExitStack):
    """``async with Nodes(lab, version=4) as nodes: await nodes.add(host)``"""

    def __init__(
        self,
        lab: NatLab,
        version: int = 4,
        limits: TraversalLimits | None = None,
        quic: QuicLimits | None = None,
    ) -> None:
        super().__init__()
        self._lab = lab
        self._version = version
        self._limits = limits or TraversalLimits()
        self._quic = quic or QuicLimits()

    async def add(
        self,
        host: Host,
        *,
        relay: Callable[[bytes], Allowance | None] | None = None,
        everywhere: bool = False,
    ) -> Node:
        """A node with a fresh identity on ``host``; ``relay`` is its policy, if it serves.

        :param everywhere: listen on every address of the host, as a gateway does
        """
        identity = Identity(HostCrypto().sha256(b"nat node %d" % next(_numbers)), HostCrypto())
        endpoint = await self.enter_async_context(
            QuicEndpoint.open(
                identity, sock=self.socket(host, everywhere), limits=self._quic, nat_frames=True
            )
        )
        service = None
        if relay is not None:
            service = RelayService(endpoint, relay, lambda: self.socket(host))
            self.callback(service.close)
        interfaces = Interfaces(lambda: self._interfaces(host))
        traversal = await self.enter_async_context(
            Traversal.open(endpoint, self._limits, interfaces)
        )
        return Node(endpoint, traversal, service)

    def _interfaces(self, host: Host) -> list[Interface]:
        with self._lab.inside(host):
            return local_interfaces()

    def socket(self, host: Host, everywhere: bool = False) -> socket.socket:
        """A UDP socket of the host's own address, or of all it has."""
        own = host.address4 if self._version == 4 else host.address6
        with self._lab.inside(host):
            if everywhere:
                own = "0.0.0.0" if self._version == 4 else "::"
            return bind(own, 0, SOCKET_BYTES)


_RANDOM_PORTS = (NatKind.SYMMETRIC, NatKind.CARRIER_GRADE)
_PORT_FILTERS = (NatKind.PORT_RESTRICTED, *_RANDOM_PORTS)


def expected(one: NatKind, other: NatKind) -> How:
    """A NAT with a fresh port per destination cannot be met by one that filters by port."""
    for random, filtering in ((one, other), (other, one)):
        if random in _RANDOM_PORTS and filtering in _PORT_FILTERS:
            return How.RELAYED
    return How.PUNCHED


@dataclass(frozen=True)
class Meeting:
    """``first_byte_s``: from ``connect`` to the first message being there."""

    how: How
    rounds: int
    first_byte_s: float


async def meet(nodes: Nodes, left: Host, right: Host, helper: Node) -> Meeting:
    """Two fresh nodes that know ``helper`` only; the left one connects and sends a message.

    :raises RuntimeError: something else than that message arrived
    """
    one, other = await nodes.add(left), await nodes.add(right)
    for node in (one, other):
        await node.endpoint.connect(helper.address, expect=helper.peer_id)
    began = time.monotonic()
    peer, how = await one.traversal.connect(other.peer_id)
    await peer.send(b"first")
    if await asyncio.wait_for(other.receive(one.peer_id), 10) != b"first":
        raise RuntimeError("the first message is another")
    return Meeting(how, one.traversal.outcomes[-1].rounds, time.monotonic() - began)
