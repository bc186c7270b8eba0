# SPDX-License-Identifier: MIT OR Apache-2.0
"""The medium's process: frames in at one socket, out at the others, paced and recorded."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pqmesh.framing.hdlc import Deframer, enframe
from pqmesh_host.medium.modem import ModemConfig
from pqmesh_host.medium.record import Writer, replay
from pqmesh_host.medium.server import MediumServer
from pqmesh_host.medium.settings import MediumSettings

CONFIG = MediumSettings()
SPEED = 100.0


class Client:
    """One radio's cable."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._deframer = Deframer(255)
        self._frames: list[bytes] = []

    @classmethod
    async def join(cls, path: Path) -> "Client":
        return cls(*await asyncio.open_unix_connection(path))

    async def receive(self) -> bytes:
        async with asyncio.timeout(5):
            while not self._frames:
                self._frames += self._deframer.feed(await self._reader.read(4096))
        return self._frames.pop(0)


@contextlib.asynccontextmanager
async def joined(path: Path, server: MediumServer, count: int) -> AsyncIterator[list[Client]]:
    clients = [await Client.join(path) for _ in range(count)]
    try:
        await settle(server, count)
        yield clients
    finally:
        for client in clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


async def settle(server: MediumServer, clients: int) -> None:
    """A connection counts once the server has taken it."""
    async with asyncio.timeout(5):
        while len(server._writers) < clients:
            await asyncio.sleep(0.001)


async def test_a_frame_reaches_the_others_and_the_record(tmp_path: Path) -> None:
    file, path = io.StringIO(), tmp_path / "air"
    async with (
        MediumServer.open(path, CONFIG, speed=SPEED, record=Writer(file, CONFIG)) as server,
        joined(path, server, 3) as (one, two, three),
    ):
        one.writer.write(b"\xff\x00noise" + enframe(b"hello"))
        assert await two.receive() == await three.receive() == b"hello"
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert {(fate["to"], fate["fate"], fate["frame"]) for fate in lines if "fate" in fate} == {
        (1, "received", b"hello".hex()),
        (2, "received", b"hello".hex()),
    }
    assert [line["join"] for line in lines if "join" in line] == [0, 1, 2]
    assert [line["frame"] for line in lines if "send" in line] == [b"hello".hex()]
    assert server.fates == {"received": 2}
    assert not path.exists()


async def test_what_happened_in_real_time_is_worked_out_again(tmp_path: Path) -> None:
    file, path = io.StringIO(), tmp_path / "air"
    settings = MediumSettings(loss=0.3, duplicate=0.2, seed=4, apart=((0, 1),))
    modem = ModemConfig()
    async with (
        MediumServer.open(path, settings, modem, speed=SPEED, record=Writer(file, settings)) as s,
        joined(path, s, 3) as clients,
    ):
        for number in range(60):
            clients[number % 3].writer.write(enframe(bytes([number]) * 40))
            await asyncio.sleep(0.0005 * (number % 4))
        async with asyncio.timeout(20):
            while s._air.next_deadline_us() is not None:
                await asyncio.sleep(0.01)
        fates = s.fates
    again = replay(file.getvalue().splitlines())
    assert (again.frames, again.differs) == (60, "")
    assert again.fates == fates
    assert fates["lost"]
    assert fates["collided"]


async def test_a_board_s_cable_is_plugged_in(tmp_path: Path) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def board(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(enframe(b"from the board"))
        await arrived.put(Deframer(255).feed(await reader.read(4096))[0])
        writer.close()

    path, cable = tmp_path / "air", tmp_path / "cable"
    listening = await asyncio.start_unix_server(board, cable)
    async with (
        listening,
        MediumServer.open(path, CONFIG, speed=SPEED) as server,
        joined(path, server, 1) as (one,),
    ):
        with pytest.raises(OSError, match="No such file"):
            await server.plug_in(tmp_path / "nowhere")
        await server.plug_in(cable)
        assert await one.receive() == b"from the board"
        one.writer.write(enframe(b"to the board"))
        async with asyncio.timeout(5):
            assert await arrived.get() == b"to the board"


async def test_a_full_queue_holds_the_sender_and_loses_nothing(tmp_path: Path) -> None:
    path, sent = tmp_path / "air", [bytes([index]) * 30 for index in range(12)]
    modem = ModemConfig(queue_frames=2)
    async with (
        MediumServer.open(path, CONFIG, modem, speed=SPEED) as server,
        joined(path, server, 2) as (one, two),
    ):
        one.writer.write(b"".join(enframe(frame) for frame in sent))
        assert [await two.receive() for _ in sent] == sent


async def test_frames_take_their_airtime(tmp_path: Path) -> None:
    path, speed = tmp_path / "air", 10.0
    async with (
        MediumServer.open(path, CONFIG, speed=speed) as server,
        joined(path, server, 2) as (one, two),
    ):
        started = asyncio.get_running_loop().time()
        one.writer.write(enframe(bytes(222)))
        await two.receive()
        elapsed = asyncio.get_running_loop().time() - started
    assert elapsed >= CONFIG.modulation().time_on_air_us(222) / 1e6 / speed


async def test_who_leaves_is_missed_by_nobody(tmp_path: Path) -> None:
    path = tmp_path / "air"
    async with (
        MediumServer.open(path, CONFIG, speed=SPEED) as server,
        joined(path, server, 3) as (one, two, gone),
    ):
        gone.writer.close()
        async with asyncio.timeout(5):
            while len(server._writers) > 2:
                await asyncio.sleep(0.001)
        one.writer.write(enframe(b"still here"))
        assert await two.receive() == b"still here"


async def test_a_senseless_speed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positive"):
        async with MediumServer.open(tmp_path / "air", CONFIG, speed=0):
            pass
