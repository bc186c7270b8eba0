# SPDX-License-Identifier: MIT OR Apache-2.0
"""The serial link: whole frames or nothing, bounded, whatever the line brings."""

import asyncio
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.framing.hdlc import enframe
from pqmesh_node.serial import CHUNK_BYTES, SerialLink

MTU = 512


class Line:
    """A port that plays back what a test puts on it, ``grain`` octets at a time."""

    def __init__(self, octets: bytes = b"", grain: int = CHUNK_BYTES) -> None:
        self.sent = bytearray()
        self._octets = deque([octets[at : at + grain] for at in range(0, len(octets), grain)])

    async def readinto(self, buffer: bytearray) -> int:
        if not self._octets:
            await asyncio.Event().wait()  # silence
        piece = self._octets.popleft()
        buffer[: len(piece)] = piece
        return len(piece)

    async def write(self, data: bytes) -> None:
        self.sent.extend(data)


async def frames(line: Line, link: SerialLink) -> list[bytes]:
    """Everything the link hands up until the line falls silent."""
    got = []
    while True:
        try:
            got.append(await asyncio.wait_for(link.receive(), 0.02))
        except TimeoutError:
            return got


@pytest.mark.parametrize("grain", [1, 7, CHUNK_BYTES])
async def test_frames_arrive_whole_and_in_order(grain):
    wanted = [b"a", b"\x7e\x7d" * 20, bytes(MTU)]
    line = Line(b"".join(map(enframe, wanted)), grain)
    assert await frames(line, SerialLink(line, MTU)) == wanted


async def test_a_burst_of_tiny_frames_in_one_chunk_loses_none():
    wanted = [bytes([n]) for n in range(1, 43)]
    shared_flags = b"\x7e" + b"".join(enframe(frame)[1:] for frame in wanted)
    line = Line(shared_flags)
    assert await frames(line, SerialLink(line, MTU)) == wanted


async def test_noise_half_frames_and_long_frames_are_counted_and_forgotten():
    good = enframe(b"good")
    bad = bytearray(enframe(b"damaged"))
    bad[3] ^= 1
    octets = b"noise" + good + bytes(bad) + enframe(bytes(MTU + 1)) + enframe(b"half")[:-4] + good
    line = Line(octets)
    link = SerialLink(line, MTU)
    assert await frames(line, link) == [b"good", b"good"]
    assert link.dropped == 3
    assert link.bytes_in == len(octets)


async def test_sending_frames_and_counting():
    line = Line()
    link = SerialLink(line, MTU)
    await link.send(b"\x7e")
    assert bytes(line.sent) == enframe(b"\x7e")
    assert link.bytes_out == len(line.sent)


async def test_an_oversized_frame_is_refused():
    link = SerialLink(Line(), MTU)
    with pytest.raises(ValueError, match="513 bytes on a link of 512"):
        await link.send(bytes(MTU + 1))


async def test_cancelling_receive_loses_nothing():
    line = Line()
    link = SerialLink(line, MTU)
    waiting = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    line._octets.append(enframe(b"kept"))
    assert await asyncio.wait_for(link.receive(), 1) == b"kept"


@given(noise=st.binary(max_size=600), grain=st.integers(1, CHUNK_BYTES))
def test_any_octets_then_a_frame_and_the_frame_still_arrives(noise, grain):
    async def scenario() -> None:
        line = Line(noise + b"\x7e\x7e" + enframe(b"after the storm"), grain)
        assert (await frames(line, SerialLink(line, MTU)))[-1] == b"after the storm"

    asyncio.run(scenario())
