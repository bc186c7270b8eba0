# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cells about refusals: theirs of what is outside the profile, and ours of impostors.

The first are evidence for the profile itself: docs/decisions/0008-quic-profile.md says
which offers ant-quic does not take.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from pqmesh_host.quic.configuration import PqConfiguration
from pqmesh_host.quic.connection import PqConnection
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import WrongPeer, describe
from pqmesh_host.quic.rawkey import LocalKey
from tools.interop.cell import cell, check, dialled, echo, identity
from tools.interop.node import AntQuicNode

ANSWER_S = 20.0


async def outcome(connection: QuicConnection, address: tuple[str, int]) -> tuple[int, str]:
    """Drive one bare connection until it ends; return its error code and reason."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        connection.connect(address, loop.time())
        async with asyncio.timeout(ANSWER_S):
            while connection._close_event is None:
                for data, to in connection.datagrams_to_send(loop.time()):
                    await loop.sock_sendto(sock, data, to)
                try:
                    async with asyncio.timeout(0.05):
                        data, source = await loop.sock_recvfrom(sock, 65_535)
                    connection.receive_datagram(data, source, loop.time())
                except TimeoutError:
                    timer = connection.get_timer()
                    if timer is not None and timer <= loop.time():
                        connection.handle_timer(loop.time())
        event = connection._close_event
        return event.error_code, event.reason_phrase


def ours(alpn: list[str] | None = None, **options: Any) -> PqConnection:
    """A bare client of our profile, altered."""
    configuration = PqConfiguration(is_client=True, key=LocalKey(identity()), **options)
    if alpn is not None:
        cls: type[PqConnection] = _with_alpn(alpn)
    else:
        cls = PqConnection
    return cls(configuration=configuration, verify_peer=lambda key: True)


def _with_alpn(alpn: list[str]) -> type[PqConnection]:
    class Offering(PqConnection):
        def _initialize(self, peer_cid: bytes) -> None:
            super()._initialize(peer_cid)
            self.tls._alpn_protocols = alpn

    return Offering


@cell("they refuse an offer of ALPN", "->")
async def alpn(program: Path) -> str:
    """Trap 1 of ant-quic-wire §0."""
    async with AntQuicNode.start(program) as node:
        code, reason = await outcome(ours(alpn=["h3"]), node.address)
        check(code == 0x178, f"{describe(code)}: {reason}")
        return describe(code)


@cell("they refuse ext 20 = raw key", "->")
async def strict_types(program: Path) -> str:
    """Trap 2: what RFC 7250 would have us offer."""
    async with AntQuicNode.start(program) as node:
        code, reason = await outcome(ours(offer_server_type=True), node.address)
        check(code == 0x128, f"{describe(code)}: {reason}")
        return describe(code)


@cell("they refuse a classical client", "->")
async def classical(program: Path) -> str:
    """Stock aioquic, X25519 and Ed25519."""
    configuration = QuicConfiguration(
        is_client=True, verify_mode=ssl.CERT_NONE, server_name="peer"
    )
    async with AntQuicNode.start(program) as node:
        code, reason = await outcome(QuicConnection(configuration=configuration), node.address)
        check(0x100 < code < 0x200, f"{describe(code)}: {reason}")
        return describe(code)


@cell("an impostor is refused by the pinned PeerId", "->")
async def impostor(program: Path) -> str:
    """The node is authentic but not the one we want; it stays usable."""
    async with (
        AntQuicNode.start(program, "--echo") as node,
        QuicEndpoint.open(identity(), host="127.0.0.1") as endpoint,
    ):
        try:
            await endpoint.connect(node.address, expect=identity("somebody else").peer_id)
        except WrongPeer as refused:
            check(refused.actual == node.peer_id, "the error names another peer")
            await echo(await endpoint.connect(node.address, expect=node.peer_id), b"the right one")
            return "WrongPeer, then admitted under its own id"
        check(False, "the impostor was admitted")
        return ""


@cell("a reset stream", "->")
async def reset(program: Path) -> str:
    """Trap 11: at 0.27.44 any read error closes the whole connection. We never reset one."""
    async with dialled(program) as (_, _, peer):
        stream_id = peer.connection.get_next_available_stream_id(is_unidirectional=True)
        peer.connection.send_stream_data(stream_id, b"half a message")
        peer.flush()
        await asyncio.sleep(0.1)
        peer.connection.reset_stream(stream_id, 1)
        peer.flush()
        try:
            async with asyncio.timeout(8):
                closed = await peer.wait_closed()
            return f"closes the connection: code {closed.code:#x} {closed.reason!r} (their bug)"
        except TimeoutError:
            await echo(peer, b"still here")
            return "connection unharmed"
