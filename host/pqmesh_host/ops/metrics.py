# SPDX-License-Identifier: MIT OR Apache-2.0
"""Prometheus metrics: the snapshot once more, over HTTP on a loopback port.

A small responder on the node's own event loop, not prometheus-client's threaded server: the
snapshot may then be read without locks. It knows ``GET /metrics`` and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ..errors import AddressUnavailable
from .snapshot import LinkSnapshot, NodeSnapshot

REQUEST_BYTES = 8192
REQUEST_S = 5.0
"""A scraper that has not sent its request by then is disconnected."""

LINK_COUNTERS = {
    "octets_in": "Octets read from the medium since it was opened",
    "octets_out": "Octets given to the medium since it was opened",
    "frames_in": "Good frames received since the medium was opened",
    "frames_out": "Frames sent since the medium was opened",
    "frames_bad": "Frames that failed their check sequence since the medium was opened",
}


class SnapshotCollector(Collector):
    """Turns a snapshot, taken at each scrape, into metric families."""

    def __init__(self, snapshot: Callable[[], NodeSnapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        node = self._snapshot()
        yield GaugeMetricFamily(
            "pqmesh_uptime_seconds", "Time since the node started", value=node.uptime_s
        )
        yield GaugeMetricFamily(
            "pqmesh_neighbours", "Open sessions, links and QUIC", value=len(node.neighbours)
        )
        yield CounterMetricFamily(
            "pqmesh_duplicates", "Messages that arrived again and were dropped", node.duplicates
        )
        events = CounterMetricFamily("pqmesh_events", "Events, by kind", labels=["kind"])
        for kind, count in node.events.items():
            events.add_metric([kind], count)
        yield events
        waiting = GaugeMetricFamily(
            "pqmesh_waiting_messages", "Messages not yet acknowledged", labels=["peer"]
        )
        for peer, count in node.waiting.items():
            waiting.add_metric([peer[:16]], count)
        yield waiting
        reach = GaugeMetricFamily(
            "pqmesh_reach", "NAT traversal and relay, by counter", labels=["counter"]
        )
        for counter, count in node.reach.items():
            reach.add_metric([counter], count)
        yield reach
        yield GaugeMetricFamily(
            "pqmesh_tickets", "Boards that can be resumed with", value=node.tickets
        )
        yield from _links(node.links)


def _links(links: list[LinkSnapshot]) -> Iterator[Metric]:
    is_open = GaugeMetricFamily("pqmesh_link_open", "1 while the medium is open", labels=["link"])
    for link in links:
        is_open.add_metric([link.name], int(link.open))
    yield is_open
    for name, meaning in LINK_COUNTERS.items():
        family = GaugeMetricFamily(f"pqmesh_link_{name}", meaning, labels=["link"])
        for link in links:
            family.add_metric([link.name], getattr(link, name))
        yield family
    refused = CounterMetricFamily(
        "pqmesh_link_frames_refused", "Frames the engine refused", labels=["link", "cause"]
    )
    for link in links:
        for cause, count in link.refused.items():
            refused.add_metric([link.name, cause], count)
    yield refused
    handshakes = CounterMetricFamily(
        "pqmesh_link_handshakes", "Handshakes, by what became of them", labels=["link", "outcome"]
    )
    for link in links:
        for outcome, count in link.handshakes.items():
            handshakes.add_metric([link.name, outcome], count)
    yield handshakes
    airtime = GaugeMetricFamily(
        "pqmesh_link_airtime",
        "A radio's airtime, by figure; times in ms",
        labels=["link", "figure"],
    )
    for link in links:
        for figure, value in link.airtime.items():
            if isinstance(value, int):
                airtime.add_metric([link.name, figure], value)
    yield airtime
    broadcast = GaugeMetricFamily(
        "pqmesh_link_broadcast",
        "Broadcast objects, by figure; used_ms is of the last hour",
        labels=["link", "figure"],
    )
    for link in links:
        for figure, value in link.broadcast.items():
            broadcast.add_metric([link.name, figure], value)
    yield broadcast


_NOT_A_SCRAPER = (
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    ValueError,
)


@contextlib.asynccontextmanager
async def serve(
    address: tuple[str, int], snapshot: Callable[[], NodeSnapshot]
) -> AsyncIterator[int]:
    """Answer scrapes at ``address`` until the block is left; yields the port.

    :raises AddressUnavailable: the port is taken, or the address is not this machine's
    """
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(snapshot))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head, registry))
                await writer.drain()
        except _NOT_A_SCRAPER:
            pass  # too much, too little, too late, or gone: cut off without a word
        finally:
            # Before Python 3.11.3 nothing else closes a connection whose handler failed.
            writer.close()

    try:
        server = await asyncio.start_server(connected, *address, limit=REQUEST_BYTES)
    except OSError as error:
        host, port = address
        raise AddressUnavailable(
            f"Cannot serve metrics on {host} port {port}: {error.strerror}.",
            "Choose another [metrics].listen, or stop the program that has the port.",
        ) from error
    async with server:
        yield server.sockets[0].getsockname()[1]


def _answer(head: bytes, registry: CollectorRegistry) -> bytes:
    request_line = head.split(b"\r\n", 1)[0].split(b" ")
    if request_line[:2] != [b"GET", b"/metrics"]:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    body = generate_latest(registry)
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_LATEST}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
