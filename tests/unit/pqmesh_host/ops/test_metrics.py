# SPDX-License-Identifier: MIT OR Apache-2.0
"""Metrics: the snapshot as Prometheus reads it, on a loopback port, and nothing else."""

from __future__ import annotations

import asyncio
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pqmesh_host.errors import AddressUnavailable
from pqmesh_host.ops import metrics as subject
from pqmesh_host.ops.metrics import LINK_COUNTERS, serve
from pqmesh_host.ops.snapshot import LinkSnapshot, NodeSnapshot

LOOPBACK = ("127.0.0.1", 0)


def snapshot() -> NodeSnapshot:
    link = LinkSnapshot(
        name='ben"ch',
        open=True,
        expect="",
        octets_in=9,
        frames_bad=2,
        refused={"BadTag": 3},
        broadcast={"arrived": 6},
    )
    return NodeSnapshot(
        peer="a1" * 32,
        role="gateway",
        quic="127.0.0.1:1",
        uptime_s=5,
        links=[link],
        neighbours=[],
        known=[],
        waiting={"b0" * 32: 4},
        clients=0,
        duplicates=1,
        reach={"punched": 4},
        events={"reading": 7},
    )


async def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


async def test_a_scrape_parses_and_carries_the_snapshot() -> None:
    async with serve(LOOPBACK, snapshot) as port:
        head, body = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert f"Content-Length: {len(body)}".encode() in head
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    assert samples["pqmesh_uptime_seconds",] == 5
    assert samples["pqmesh_duplicates_total",] == 1
    assert samples["pqmesh_reach", "punched"] == 4
    assert samples["pqmesh_events_total", "reading"] == 7
    assert samples["pqmesh_waiting_messages", "b0" * 8] == 4
    assert samples["pqmesh_link_open", 'ben"ch'] == 1
    assert samples["pqmesh_link_octets_in", 'ben"ch'] == 9
    assert samples["pqmesh_link_frames_bad", 'ben"ch'] == 2
    assert samples["pqmesh_link_frames_refused_total", "BadTag", 'ben"ch'] == 3
    assert samples["pqmesh_link_broadcast", "arrived", 'ben"ch'] == 6


def test_every_link_counter_is_a_field_of_the_snapshot() -> None:
    assert set(LINK_COUNTERS) <= set(LinkSnapshot.__dataclass_fields__)


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1", b"POST /metrics HTTP/1.1", b"nonsense"]
)
async def test_anything_else_is_not_found(request_line: bytes) -> None:
    async with serve(LOOPBACK, snapshot) as port:
        head, body = await ask(port, request_line + b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404")
    assert body == b""


async def test_a_scraper_that_says_too_much_or_too_little_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "REQUEST_S", 0.05)
    async with serve(LOOPBACK, snapshot) as port:
        assert await ask(port, b"GET /met") == (b"", b"")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 100_000)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            async with asyncio.timeout(5):
                await reader.readexactly(1)
        writer.close()


async def test_a_port_that_is_taken_is_said_to_be() -> None:
    with socket.socket() as holder:
        holder.bind(LOOPBACK)
        holder.listen()
        with pytest.raises(AddressUnavailable, match="Cannot serve metrics") as caught:
            await serve(holder.getsockname(), snapshot).__aenter__()
    assert "[metrics].listen" in caught.value.advice
