# SPDX-License-Identifier: MIT OR Apache-2.0
"""Application streams between two real endpoints: bytes, ends, aborts, back-pressure."""

import asyncio
import random

import pytest

from pqmesh_host.quic import appstreams
from pqmesh_host.quic.appstream import MAX_UNACKNOWLEDGED_BYTES
from pqmesh_host.quic.errors import PeerClosed, StreamAborted
from support.quic_net import eventually, joined

SMALL_WINDOW = {"max_message_bytes": 65_536, "receive_window_bytes": 131_072}


async def both(dialled, accepted):
    """One stream, as each end sees it."""
    mine = await dialled.open_bi()
    return mine, await asyncio.wait_for(accepted.accept_bi(), 2)


async def read_all(stream) -> bytes:
    parts = []
    while part := await asyncio.wait_for(stream.read(), 5):
        parts.append(part)
    return b"".join(parts)


async def test_bytes_go_both_ways_and_each_half_ends_by_itself():
    async with joined() as (dialled, accepted):
        mine, theirs = await both(dialled, accepted)
        await mine.write(b"a question")
        mine.finish()
        assert await read_all(theirs) == b"a question"
        await theirs.write(b"an ans")
        await theirs.write(b"wer")
        theirs.finish()
        assert await read_all(mine) == b"an answer"
        assert await mine.read() == b""
        for stream in (mine, theirs):
            await asyncio.wait_for(stream.delivered(), 2)
        assert accepted.counts["app_stream"] == 1
        await eventually(lambda: not accepted._streams.apps._streams)
        await eventually(lambda: not dialled._streams.apps._streams)


async def test_on_the_wire_it_is_ant_quics():
    """`ANQAppB1`, then raw bytes; what comes in one packet with its end is a stream too."""
    async with joined() as (dialled, accepted):
        stream_id = dialled.connection.get_next_available_stream_id()
        dialled.connection.send_stream_data(stream_id, b"ANQAppB1raw", end_stream=True)
        dialled.flush()
        stream = await asyncio.wait_for(accepted.accept_bi(), 2)
        assert await read_all(stream) == b"raw"


async def test_a_head_in_pieces_is_recognised():
    async with joined() as (dialled, accepted):
        stream_id = dialled.connection.get_next_available_stream_id()
        for piece in (b"ANQ", b"App", b"B1", b"raw"):
            dialled.connection.send_stream_data(stream_id, piece)
            dialled.flush()
            await asyncio.sleep(0)
        stream = await asyncio.wait_for(accepted.accept_bi(), 2)
        assert await asyncio.wait_for(stream.read(), 2) == b"raw"


async def test_a_megabyte_arrives_in_order_in_chunks_of_any_size():
    rnd = random.Random(4)
    async with joined(**SMALL_WINDOW) as (dialled, accepted):
        mine, theirs = await both(dialled, accepted)
        payload = rnd.randbytes(1_000_000)

        async def write():
            at = 0
            while at < len(payload):
                size = rnd.randrange(1, 60_000)
                await mine.write(payload[at : at + size])
                at += size
            mine.finish()

        writing = asyncio.create_task(write())
        received = bytearray()
        while part := await asyncio.wait_for(theirs.read(rnd.randrange(1, 50_000)), 5):
            received += part
        await writing
        assert received == payload


async def test_a_reader_that_rests_makes_the_writer_rest():
    async with joined(**SMALL_WINDOW) as (dialled, accepted):
        mine, theirs = await both(dialled, accepted)
        writing = asyncio.create_task(mine.write(bytes(MAX_UNACKNOWLEDGED_BYTES + 200_000)))
        await eventually(lambda: len(theirs._unread) > 60_000)
        await dialled.probe()  # what was under way before it has arrived
        assert len(theirs._unread) <= SMALL_WINDOW["max_message_bytes"] + 64
        assert not writing.done()
        await dialled.send(b"messages go on")
        assert await asyncio.wait_for(accepted.recv(), 2) == b"messages go on"
        total = 0
        while total < MAX_UNACKNOWLEDGED_BYTES + 200_000:
            total += len(await asyncio.wait_for(theirs.read(), 5))
        await asyncio.wait_for(writing, 2)


async def test_unread_streams_hold_up_nothing_else_below_the_ceiling():
    async with joined(**SMALL_WINDOW) as (dialled, accepted):
        for _ in range(6):  # nearly three windows' worth
            await (await dialled.open_bi()).write(bytes(60_000))
        await eventually(lambda: accepted._streams._assembly.held_bytes == 360_000)
        await dialled.send(bytes(60_000))
        assert await asyncio.wait_for(accepted.recv(), 2) == bytes(60_000)


async def test_the_ceiling_bounds_what_unread_streams_hold():
    async with joined(**SMALL_WINDOW, assembly_ceiling_bytes=200_000) as (dialled, accepted):
        writers = []
        for _ in range(6):
            stream = await dialled.open_bi()
            writers.append(asyncio.create_task(stream.write(bytes(60_000))))
        assembly = accepted._streams._assembly
        await eventually(lambda: assembly.held_bytes > 199_000)
        sender = dialled.connection
        await eventually(lambda: sender._remote_max_data_used == sender._remote_max_data)
        assert assembly.held_bytes <= 200_000
        assert accepted.counts.get("refused_ceiling", 0) == 0

        async def take_one():
            stream, total = await accepted.accept_bi(), 0
            while total < 60_000:
                total += len(await stream.read())

        async with asyncio.timeout(5):
            await asyncio.gather(*(take_one() for _ in range(6)), *writers)
        assert assembly.held_bytes == 0


async def test_an_abort_reaches_the_other_side_both_ways():
    async with joined() as (dialled, accepted):
        mine, theirs = await both(dialled, accepted)
        await mine.write(b"never mind")
        mine.abort(77)
        with pytest.raises(StreamAborted) as reset:
            await asyncio.wait_for(read_all(theirs), 2)
        assert (reset.value.code, reset.value.by_peer) == (77, True)
        await eventually(lambda: theirs._send_error is not None)
        with pytest.raises(StreamAborted) as stopped:
            await theirs.write(b"too late")
        assert (stopped.value.code, stopped.value.by_peer) == (77, True)
        for late in (mine.read, lambda: mine.write(b"x"), mine.delivered):
            with pytest.raises(StreamAborted):
                await late()
        await eventually(lambda: not accepted._streams.apps._streams)
        await dialled.send(b"the connection goes on")
        assert await asyncio.wait_for(accepted.recv(), 2) == b"the connection goes on"


async def test_an_aborted_stream_gives_its_credit_back():
    async with joined(**SMALL_WINDOW) as (dialled, accepted):
        for _ in range(6):  # three windows' worth
            mine, theirs = await both(dialled, accepted)
            await mine.write(bytes(60_000))
            await eventually(lambda s=theirs: len(s._unread) >= 60_000)
            theirs.abort()
            mine.abort()
        mine, theirs = await both(dialled, accepted)
        await mine.write(b"still open")
        assert await asyncio.wait_for(theirs.read(), 2) == b"still open"


async def test_the_end_of_the_connection_ends_its_streams():
    async with joined() as (dialled, accepted):
        mine, theirs = await both(dialled, accepted)
        await mine.write(b"the last words")
        await eventually(lambda: theirs._unread)
        waiting = asyncio.create_task(mine.read())
        accepting = asyncio.create_task(accepted.accept_bi())
        await asyncio.sleep(0)
        await dialled.close(7, "enough")
        for task in (waiting, accepting):
            with pytest.raises(PeerClosed):
                await asyncio.wait_for(task, 2)
        assert await theirs.read() == b"the last words"
        for late in (theirs.read, lambda: theirs.write(b"x"), dialled.open_bi):
            with pytest.raises(PeerClosed):
                await late()


async def test_streams_nobody_accepts_are_bounded(monkeypatch):
    monkeypatch.setattr(appstreams, "MAX_UNACCEPTED", 2)
    async with joined() as (dialled, accepted):
        mine = [await dialled.open_bi() for _ in range(3)]
        await eventually(lambda: accepted.counts.get("refused_app_stream") == 1)
        with pytest.raises(StreamAborted) as refused:
            await asyncio.wait_for(mine[2].read(), 2)
        assert refused.value.code == 0
        first = await accepted.accept_bi()
        await mine[0].write(b"first come")
        assert await asyncio.wait_for(first.read(), 2) == b"first come"


async def test_misuse_is_told():
    async with joined() as (dialled, accepted):
        mine, _ = await both(dialled, accepted)
        with pytest.raises(RuntimeError, match="finish"):
            await mine.delivered()
        mine.finish()
        mine.finish()
        with pytest.raises(StreamAborted):
            await mine.write(b"after the end")
        mine.abort()
        mine.abort()


async def test_a_cancelled_read_loses_nothing():
    async with joined() as (dialled, accepted):
        mine, theirs = await both(dialled, accepted)
        reading = asyncio.create_task(theirs.read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await mine.write(b"kept")
        assert await asyncio.wait_for(theirs.read(), 2) == b"kept"
