# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cells about relays: three nodes, of which the middle one only sees ciphertext."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.relay.budget import Allowance
from pqmesh_host.quic.relay.service import RelayService
from pqmesh_host.quic.relay.tunnel import Tunnel
from pqmesh_host.quic.udp import bind
from tools.interop.cell import RECV_S, cell, check, echo, identity, pattern
from tools.interop.node import AntQuicNode

SOCKET_BYTES = 1024 * 1024
LONG = 100_000


async def through(tunnel: Tunnel, ours: QuicEndpoint, program: Path) -> str:
    """A fresh node dials our endpoint at the relay's port; messages go both ways."""
    # The relay may say it listens on "::"; everything here is on this machine.
    target = f"127.0.0.1:{tunnel.address[1]}"
    async with AntQuicNode.start(program, "--echo", "--connect", target) as far:
        async with asyncio.timeout(RECV_S):
            peer = await ours.accept()
        check(peer.peer_id == far.peer_id, "somebody else came through")
        check(peer.connection.get_peer_address() in tunnel, "it came past the tunnel")
        await echo(peer, b"through the relay")
        await echo(peer, pattern(LONG))
        counts = tunnel.counts
        return f"{counts['datagrams_in']} datagrams in, {counts['datagrams_out']} out"


@cell("a message through their relay to us", "<-")
async def relay_theirs(program: Path) -> str:
    """ant-quic relays; we bind a port there and another ant-quic node reaches us at it."""
    async with (
        AntQuicNode.start(program) as relay,
        QuicEndpoint.open(identity(), host="127.0.0.1") as ours,
    ):
        peer = await ours.connect(relay.address, expect=relay.peer_id)
        tunnel = await Tunnel.bind(peer, ours)
        try:
            return await through(tunnel, ours, program)
        finally:
            tunnel.close()


@cell("a message through our relay to them", "->")
async def relay_ours(program: Path) -> str:
    """We relay, by policy; an ant-quic node reaches an endpoint of ours at our relay's port."""

    def open_socket() -> socket.socket:
        return bind("127.0.0.1", 0, SOCKET_BYTES)

    client = identity("relay client")
    async with (
        QuicEndpoint.open(identity("relay"), host="127.0.0.1") as relaying,
        QuicEndpoint.open(client, host="127.0.0.1") as ours,
    ):
        served = {client.peer_id: Allowance()}
        service = RelayService(relaying, served.get, open_socket)
        try:
            peer = await ours.connect(relaying.local_address, expect=relaying.peer_id)
            tunnel = await Tunnel.bind(peer, ours)
            seen = await through(tunnel, ours, program)
            check(service.counts["sessions"] == 1, f"the relay counts {service.counts}")
            return seen
        finally:
            service.close()
