# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our endpoint under the loads of `benchmarks.quic`."""

from __future__ import annotations

import asyncio
import contextlib
from multiprocessing.connection import Connection

from pqmesh.identity import Identity
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import PeerClosed
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.peer import Peer

from .quic_load import (
    ACKNOWLEDGE,
    REPORT_EVERY,
    Ask,
    Kind,
    Ledger,
    Load,
    Meter,
    Outcome,
    Progress,
    count_report,
    last_reports,
    paced_datagrams,
)

HOST = "127.0.0.1"


async def serve(load: Load, pipe: Connection) -> None:
    """Say where we listen, carry the load, answer when asked."""
    async with QuicEndpoint.open(_identity("server"), host=HOST, limits=_limits(load)) as endpoint:
        ledger = Ledger()
        pipe.send(endpoint.local_address)
        serving = asyncio.create_task(_SERVERS[load.kind](load, endpoint, ledger))
        await ledger.answer(pipe)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def drive(load: Load, address: tuple[str, int], ask: Ask) -> Outcome:
    """The client's side."""
    async with QuicEndpoint.open(_identity("client"), host=HOST, limits=_limits(load)) as endpoint:
        return await _CLIENTS[load.kind](load, endpoint, address, ask)


async def _take_streams(load: Load, endpoint: QuicEndpoint, ledger: Ledger) -> None:
    peer = await endpoint.accept()
    for _ in range(load.count):
        await peer.recv()
        ledger.arrived += 1
    await peer.send(ACKNOWLEDGE)


async def _take_datagrams(load: Load, endpoint: QuicEndpoint, ledger: Ledger) -> None:
    peer = await endpoint.accept()
    while True:
        await peer.recv_datagram()
        ledger.arrived += 1
        if ledger.arrived % REPORT_EVERY == 0:
            await peer.send_datagram(count_report(ledger.arrived))


async def _take_connections(load: Load, endpoint: QuicEndpoint, ledger: Ledger) -> None:
    while True:
        await endpoint.accept()
        ledger.arrived += 1


async def _send_streams(
    load: Load, endpoint: QuicEndpoint, address: tuple[str, int], ask: Ask
) -> Outcome:
    peer, message = await endpoint.connect(address), bytes(load.size)
    meter = Meter()
    for _ in range(load.count):
        await peer.send(message)
    await peer.recv()
    return meter.outcome(await ask())


async def _send_datagrams(
    load: Load, endpoint: QuicEndpoint, address: tuple[str, int], ask: Ask
) -> Outcome:
    peer, progress = await endpoint.connect(address), Progress()
    listening = asyncio.create_task(_listen(peer, progress))
    meter = Meter()
    await paced_datagrams(load, peer.send_datagram, progress)
    await last_reports(load, progress)
    outcome = meter.outcome(await ask())
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    return outcome


async def _listen(peer: Peer, progress: Progress) -> None:
    with contextlib.suppress(PeerClosed):
        while True:
            progress.told(await peer.recv_datagram())


async def _shake_hands(
    load: Load, endpoint: QuicEndpoint, address: tuple[str, int], ask: Ask
) -> Outcome:
    meter = Meter()
    for _ in range(load.count):
        await (await endpoint.connect(address)).close()
    return meter.outcome(await ask())


async def _hold_connections(
    load: Load, endpoint: QuicEndpoint, address: tuple[str, int], ask: Ask
) -> Outcome:
    meter = Meter()
    async with contextlib.AsyncExitStack() as stack:
        for n in range(load.count):
            # One identity per connection, or the newer would supersede the older.
            opening = QuicEndpoint.open(_identity(f"client {n}"), host=HOST, limits=_limits(load))
            await (await stack.enter_async_context(opening)).connect(address)
        return meter.outcome(await ask())


_SERVERS = {
    Kind.STREAMS: _take_streams,
    Kind.DATAGRAMS: _take_datagrams,
    Kind.HANDSHAKES: _take_connections,
    Kind.CONNECTIONS: _take_connections,
}
_CLIENTS = {
    Kind.STREAMS: _send_streams,
    Kind.DATAGRAMS: _send_datagrams,
    Kind.HANDSHAKES: _shake_hands,
    Kind.CONNECTIONS: _hold_connections,
}


def _identity(name: str) -> Identity:
    return Identity(HostCrypto().sha256(name.encode()), HostCrypto())


def _limits(load: Load) -> QuicLimits:
    return QuicLimits(
        datagram_bytes=load.datagram_bytes,
        discover_mtu=load.stack == "pqmesh-mtu",
        fast_path=load.stack != "pqmesh-plain",
        max_connections=max(256, 2 * load.count if load.kind is Kind.CONNECTIONS else 0),
        accept_backlog=256,
    )
