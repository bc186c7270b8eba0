# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pretended cable: silence and loss like a UART, never an error."""

import asyncio
import contextlib

import pytest

from pqmesh_node.cable import CablePort


@contextlib.asynccontextmanager
async def cable(tmp_path):
    path = str(tmp_path / "cable")
    port = CablePort(path)
    try:
        yield port, path
    finally:
        port.close()


async def read(port: CablePort, size: int = 64) -> bytes:
    buffer = bytearray(size)
    async with asyncio.timeout(5):
        return bytes(buffer[: await port.readinto(buffer)])


async def test_octets_pass_both_ways(tmp_path):
    async with cable(tmp_path) as (port, path):
        reading = asyncio.create_task(read(port))
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"up")
        assert await reading == b"up"
        await port.write(b"down")
        assert await reader.read(64) == b"down"
        writer.close()


async def test_octets_sent_with_nothing_plugged_in_are_lost_and_counted(tmp_path):
    async with cable(tmp_path) as (port, _):
        await port.write(b"12345")
        assert port.lost_bytes == 5


async def test_a_pulled_plug_is_silence_and_the_next_one_continues(tmp_path):
    async with cable(tmp_path) as (port, path):
        reading = asyncio.create_task(read(port))
        for word in (b"first", b"second"):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(word)
            assert await reading == word
            reading = asyncio.create_task(read(port))
            writer.close()
            await writer.wait_closed()
        reading.cancel()
        assert port.plugs == 2


async def test_writing_into_a_pulled_plug_loses_and_counts(tmp_path):
    async with cable(tmp_path) as (port, path):
        reading = asyncio.create_task(read(port))
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x")
        await reading
        writer.close()
        await writer.wait_closed()
        for _ in range(3):
            await port.write(b"gone")
        assert port.lost_bytes >= 4


async def test_cancelling_a_read_loses_nothing(tmp_path):
    async with cable(tmp_path) as (port, path):
        reading = asyncio.create_task(read(port))
        _, writer = await asyncio.open_unix_connection(path)
        await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        writer.write(b"kept")
        assert await read(port) == b"kept"
        writer.close()


async def test_a_stale_socket_file_is_replaced_and_removed_at_the_end(tmp_path):
    (tmp_path / "cable").write_bytes(b"")
    async with cable(tmp_path):
        assert (tmp_path / "cable").is_socket()
    assert not (tmp_path / "cable").exists()


def test_a_path_too_long_for_the_kernel_is_refused(tmp_path):
    with pytest.raises(ValueError, match="shorter folder"):
        CablePort(str(tmp_path / ("x" * 120)))


def test_a_path_that_cannot_be_bound_raises_and_leaks_nothing(tmp_path):
    # An unclosed socket would be a ResourceWarning, and so a failure.
    with pytest.raises(OSError):
        CablePort(str(tmp_path / "missing" / "cable"))
