# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams of bytes between two real endpoints: order, credit, bounds, every end."""

import pytest

from pqmesh_host.quic.bytestream import MAX_UNACKNOWLEDGED_BYTES
from pqmesh_host.quic.errors import NoStream, PeerClosed
from support.quic_net import eventually, joined

HEAD = b"\x00\x00\x00\x06\x01\x02::"


class Taker:
    """The acceptor's side of every relay-like stream."""

    def __init__(self, peer):
        self.streams, self.data, self.ends = [], bytearray(), 0
        self.owner = None
        peer._streams._services.relay = self.take

    def take(self, owner, stream):
        self.owner = owner
        self.streams.append(stream)
        stream.on_data = self.data.extend
        stream.on_end = self.end

    def end(self):
        self.ends += 1


async def test_bytes_go_both_ways_in_order_and_far_beyond_one_message():
    limits = {"max_message_bytes": 65_536, "receive_window_bytes": 131_072}
    async with joined(**limits) as (dialled, accepted):
        taker = Taker(accepted)
        back = bytearray()
        stream = dialled.open_stream(HEAD)
        stream.on_data = back.extend
        await eventually(lambda: taker.streams)
        assert taker.owner is accepted
        sent = bytes(range(256)) * 4
        for _ in range(1000):
            await eventually(lambda: stream.send(sent))
        await eventually(lambda: len(taker.data) == len(HEAD) + 1000 * len(sent), 20)
        assert taker.data == HEAD + sent * 1000
        taker.streams[0].send(b"answer")
        await eventually(lambda: back == b"answer")
        # It holds nothing, so the messages of the same connection go on.
        await dialled.send(bytes(60_000))
        assert len(await accepted.recv()) == 60_000


async def test_more_than_the_bound_is_not_taken_and_nothing_of_it_is_sent():
    async with joined() as (dialled, accepted):
        taker = Taker(accepted)
        stream = dialled.open_stream(HEAD)
        assert not stream.send(bytes(MAX_UNACKNOWLEDGED_BYTES))
        assert stream.send(b"small")
        await eventually(lambda: taker.data == HEAD + b"small")


@pytest.mark.parametrize("side", ["opener", "taker"])
async def test_fin_of_either_side_ends_both(side):
    async with joined() as (dialled, accepted):
        taker = Taker(accepted)
        stream = dialled.open_stream(HEAD)
        await eventually(lambda: taker.streams)
        (stream if side == "opener" else taker.streams[0]).finish()
        await eventually(lambda: stream.ended and taker.streams[0].ended)
        assert taker.ends == 1
        assert not stream.send(b"late")
        stream.finish()


@pytest.mark.parametrize("act", ["reset_stream", "stop_stream"])
async def test_reset_and_stop_end_it(act):
    async with joined() as (dialled, accepted):
        taker = Taker(accepted)
        dialled.open_stream(HEAD)
        await eventually(lambda: taker.streams)
        getattr(dialled.connection, act)(0, 7)
        dialled.flush()
        await eventually(lambda: taker.ends == 1)
        assert not taker.streams[0].send(b"late")
        await dialled.send(b"the connection is well")
        assert await accepted.recv() == b"the connection is well"


async def test_the_end_of_the_connection_ends_it():
    async with joined() as (dialled, accepted):
        taker = Taker(accepted)
        stream = dialled.open_stream(HEAD)
        await eventually(lambda: taker.streams)
        await dialled.close(code=7)
        await eventually(lambda: taker.ends == 1)
        assert stream.ended
        with pytest.raises(PeerClosed):
            dialled.open_stream(HEAD)


async def test_without_the_service_the_answer_is_501():
    async with joined() as (dialled, accepted):
        back = bytearray()
        stream = dialled.open_stream(HEAD)
        stream.on_data = back.extend
        await eventually(lambda: stream.ended)
        assert back == bytes.fromhex("00000003 01f5 00")
        assert accepted.counts["refused_relay"] == 1


async def test_stream_credit_is_not_overdrawn():
    async with joined() as (dialled, accepted):
        Taker(accepted)
        room = dialled.connection.bidi_stream_room()
        for _ in range(room):
            dialled.open_stream(HEAD)
        with pytest.raises(NoStream):
            dialled.open_stream(HEAD)
