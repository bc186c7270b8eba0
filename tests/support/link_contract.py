# SPDX-License-Identifier: MIT OR Apache-2.0
"""The promises of transports.base.Link, as tests every provider inherits.

class TestUdpLink(LinkContract):
    @contextlib.asynccontextmanager
    async def connected(self): ... yield two Links joined to each other ...
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from pqmesh_host.transports.base import Link, LinkBroken, LinkClosed

SOON_S = 5.0


class LinkContract:
    """Inherit, implement ``connected`` (and ``cut``), and every promise is tested."""

    def connected(self) -> AbstractAsyncContextManager[tuple[Link, Link]]:
        """Yield two links joined to each other; close both afterwards."""
        raise NotImplementedError

    async def cut(self, left: Link, right: Link) -> None:
        """Fail the medium under ``left``, as a pulled cable would. Default: the far end goes."""
        await right.aclose()

    async def test_frames_keep_their_boundaries(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            await left.send(b"a")
            await left.send(b"bc")
            assert {await right.receive(), await right.receive()} == {b"a", b"bc"}

    async def test_both_directions_carry(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            await left.send(b"over")
            await right.send(b"back")
            assert await right.receive() == b"over"
            assert await left.receive() == b"back"

    async def test_every_octet_value_passes_unaltered(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            frame = bytes(range(256))
            await left.send(frame)
            assert await right.receive() == frame

    @pytest.mark.parametrize("octet", [0x00, 0x7E, 0x7D, 0x11])
    async def test_a_full_mtu_frame_passes(self, octet: int) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            frame = bytes([octet]) * left.info.mtu
            await left.send(frame)
            assert await right.receive() == frame

    async def test_an_oversized_frame_is_refused(self) -> None:
        async with self.connected() as (left, _):
            with pytest.raises(ValueError, match=str(left.info.mtu)):
                await left.send(bytes(left.info.mtu + 1))

    async def test_an_empty_frame_is_refused(self) -> None:
        async with self.connected() as (left, _):
            with pytest.raises(ValueError, match="1 to"):
                await left.send(b"")

    async def test_any_bytes_like_frame_is_taken_as_it_is_now(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            buffer = bytearray(b"now")
            await left.send(buffer)
            buffer[:] = b"XXX"
            assert await right.receive() == b"now"

    async def test_cancelling_receive_loses_nothing(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            waiting = asyncio.create_task(right.receive())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await left.send(b"kept")
            assert await right.receive() == b"kept"

    async def test_several_senders_do_not_mix_their_frames(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            frames = [bytes([number]) * 40 for number in range(8)]
            await asyncio.gather(*[left.send(frame) for frame in frames])
            assert sorted([await right.receive() for _ in frames]) == frames

    async def test_close_wakes_the_receiver(self) -> None:
        async with self.connected() as (left, _), asyncio.timeout(SOON_S):
            waiting = asyncio.create_task(left.receive())
            await asyncio.sleep(0.01)
            await left.aclose()
            with pytest.raises(LinkClosed):
                await waiting

    async def test_close_is_idempotent_and_final(self) -> None:
        async with self.connected() as (left, _), asyncio.timeout(SOON_S):
            await left.aclose()
            await left.aclose()
            with pytest.raises(LinkClosed):
                await left.send(b"x")
            with pytest.raises(LinkClosed):
                await left.receive()

    async def test_a_failed_medium_wakes_the_receiver(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            waiting = asyncio.create_task(left.receive())
            await asyncio.sleep(0.01)
            await self.cut(left, right)
            with pytest.raises(LinkBroken):
                await waiting

    async def test_a_failed_medium_fails_the_sender(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            await self.cut(left, right)
            with pytest.raises(LinkBroken):
                await self.send_until_refused(left)

    async def send_until_refused(self, link: Link) -> None:
        while True:  # the operating system may swallow the first few
            await link.send(b"x")
            await asyncio.sleep(0)

    async def test_counters_count_what_passed(self) -> None:
        async with self.connected() as (left, right), asyncio.timeout(SOON_S):
            await left.send(b"one")
            await right.receive()
            assert (left.counters.frames_out, right.counters.frames_in) == (1, 1)
            assert left.counters.octets_out == right.counters.octets_in >= 3
