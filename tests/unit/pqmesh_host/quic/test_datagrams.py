# SPDX-License-Identifier: MIT OR Apache-2.0
"""Unreliable datagrams: sizes, bounds, and that an oversize one never reaches aioquic."""

import asyncio

import pytest

from pqmesh_host.quic.datagrams import MAX_UNREAD, MAX_UNSENT
from pqmesh_host.quic.errors import PeerClosed
from support.quic_net import eventually, joined


async def test_datagrams_cross_both_ways():
    async with joined() as (dialled, accepted):
        for sender, receiver in ((dialled, accepted), (accepted, dialled)):
            for size in (0, 1, 100, sender.max_datagram_bytes):
                await sender.send_datagram(bytes(size))
                assert await asyncio.wait_for(receiver.recv_datagram(), 5) == bytes(size)


async def test_an_oversize_datagram_is_refused_and_jams_nothing():
    async with joined() as (dialled, accepted):
        with pytest.raises(ValueError, match="at most"):
            await dialled.send_datagram(bytes(dialled.max_datagram_bytes + 1))
        await dialled.send_datagram(b"fits")
        assert await asyncio.wait_for(accepted.recv_datagram(), 5) == b"fits"


async def test_the_limit_follows_the_datagram_size():
    async with joined(datagram_bytes=1400) as (dialled, _):
        assert 1350 < dialled.max_datagram_bytes < 1400
        dialled.connection._remote_max_datagram_frame_size = 100
        assert dialled.max_datagram_bytes == 95
        dialled.connection._remote_max_datagram_frame_size = None
        assert dialled.max_datagram_bytes == 0
        with pytest.raises(ValueError, match="at most 0"):
            await dialled.send_datagram(b"x")


async def test_unread_datagrams_are_bounded_and_the_newest_are_kept():
    async with joined() as (dialled, accepted):
        total = MAX_UNREAD + 20
        for n in range(total):
            await dialled.send_datagram(n.to_bytes(2, "big"))
        await eventually(lambda: accepted.counts.get("dropped_datagram_unread") == 20)
        kept = [int.from_bytes(await accepted.recv_datagram(), "big") for _ in range(MAX_UNREAD)]
        assert sorted(kept) == list(range(20, total))


async def test_a_sender_waits_for_the_network():
    async with joined() as (dialled, _):
        send, dialled.connection.datagrams_to_send = (
            dialled.connection.datagrams_to_send,
            lambda now: [],
        )
        sending = asyncio.create_task(many(dialled, MAX_UNSENT + 10))
        await asyncio.sleep(0.05)
        assert not sending.done()
        assert dialled.connection.unsent_datagrams() == MAX_UNSENT
        dialled.connection.datagrams_to_send = send
        dialled.flush()
        await asyncio.wait_for(sending, 5)


async def many(peer, count):
    for _ in range(count):
        await peer.send_datagram(bytes(1000))


async def test_the_end_wakes_the_reader():
    async with joined() as (dialled, accepted):
        waiting = asyncio.create_task(accepted.recv_datagram())
        await asyncio.sleep(0)
        await dialled.close(4, "over")
        with pytest.raises(PeerClosed, match="over"):
            await asyncio.wait_for(waiting, 5)
