# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames over byte streams: the contract over a socket pair, noise, hang-ups and pacing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from pqmesh.framing.hdlc import enframe
from pqmesh_host.transports.base import Link, LinkBroken, LinkInfo
from pqmesh_host.transports.stream import StreamLink
from support.link_contract import LinkContract


async def stream_link(
    end: socket.socket, *, paced: bool = False, bps: int = 115_200
) -> StreamLink:
    reader, writer = await asyncio.open_connection(sock=end)
    info = LinkInfo(name="test", mtu=500, bits_per_second=bps)
    return StreamLink(reader, writer, info, paced=paced)


@contextlib.asynccontextmanager
async def link_and_raw_socket(**options: int) -> AsyncIterator[tuple[StreamLink, socket.socket]]:
    near, far = socket.socketpair()
    link = await stream_link(near, **options)  # type: ignore[arg-type]
    try:
        yield link, far
    finally:
        await link.aclose()
        far.close()


class TestStreamLink(LinkContract):
    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Link, Link]]:
        near, far = socket.socketpair()
        left, right = await stream_link(near), await stream_link(far)
        yield left, right
        await left.aclose()
        await right.aclose()


class TestPacedStreamLink(TestStreamLink):
    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Link, Link]]:
        near, far = socket.socketpair()
        left = await stream_link(near, paced=True, bps=4_000_000)
        right = await stream_link(far, paced=True, bps=4_000_000)
        yield left, right
        await left.aclose()
        await right.aclose()


async def test_noise_and_half_frames_are_dropped_and_counted() -> None:
    async with link_and_raw_socket() as (link, far):
        good = enframe(b"good")
        damaged = bytearray(enframe(b"damaged"))
        damaged[3] ^= 1
        far.sendall(b"\x00noise before any flag" + enframe(b"half")[:-3])
        far.sendall(bytes(damaged) + good)
        assert await link.receive() == b"good"
        assert link.counters.frames_bad == 2
        assert link.counters.frames_in == 1


async def test_a_frame_may_arrive_one_octet_at_a_time() -> None:
    async with link_and_raw_socket() as (link, far):
        waiting = asyncio.create_task(link.receive())
        for octet in enframe(b"slow \x7e line"):
            far.send(bytes([octet]))
            await asyncio.sleep(0)
        assert await waiting == b"slow \x7e line"


async def test_a_flood_waits_in_the_medium_not_in_memory() -> None:
    async with link_and_raw_socket() as (link, far):
        far.setblocking(False)
        sent = 0
        frame = enframe(bytes(400))
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += far.send(frame)
                await asyncio.sleep(0)
        await link.receive()
        assert len(link._arrived) <= 4096 // 400 + 1
        assert sent < 4 * 2**20


async def test_the_other_end_hanging_up_in_mid_frame_breaks_the_link() -> None:
    async with link_and_raw_socket() as (link, far):
        far.send(enframe(b"cut short")[:5])
        far.close()
        with pytest.raises(LinkBroken, match="hung up"):
            await link.receive()


async def test_a_paced_frame_takes_as_long_as_on_the_line() -> None:
    async with link_and_raw_socket(paced=True, bps=100_000) as (link, _):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(3):
            await link.send(bytes(94))  # 100 octets with flags and check: 10 ms at 100 kbit/s
        assert 0.029 < loop.time() - begun < 0.2


async def test_cancelling_a_paced_send_leaves_no_half_frame() -> None:
    async with link_and_raw_socket(paced=True, bps=300) as (link, far):
        sending = asyncio.create_task(link.send(bytes(100)))
        await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            far.recv(1)
