# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rungs L1 and L3: real firmware and simulated nodes on one and the same radio channel.

The firmware of an emulated Cortex-M4 and of the 32-bit unix port, and two simulated nodes, join a
medium that loses frames, and on which the two boards do not hear each other, so that what they
send collides. All of them exchange over sessions: the emulated board begins by a full handshake;
the others resume, or do as it does where a crowded channel left their resumption unanswered. It
runs in real time, so no two runs are alike; what the medium did is recorded, and the record
replayed by its seed gives the same fate of every frame.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pqmesh.airtime.lora import LoraModulation
from pqmesh.engine.floors import FAST, Floors, Policy
from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.errors import SessionError, SessionRefused
from pqmesh.identity import Identity
from pqmesh.links import lora
from pqmesh.wire.handshake import Params
from pqmesh.wire.resumption import HS_R
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.endpoint import Endpoint
from pqmesh_host.medium.radio import open_radio
from pqmesh_host.medium.record import Writer, replay
from pqmesh_host.medium.server import MediumServer
from pqmesh_host.medium.settings import MediumSettings
from support.firmware_images import image
from tools.firmware.qemu import QemuBoard

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(240)]

SUPPORT = Path(__file__).parents[1] / "support"
MODULATION = LoraModulation(7, 500_000)
PROFILE = lora(MODULATION)
COUNT = 8
CRYPTO = HostCrypto()
GATEWAY, SIMULATED, EMULATED, UNIX = 1, 2, 3, 4  # seeds, and radios in the order of joining
SETTINGS = MediumSettings(bandwidth_hz=500_000, seed=11, loss=0.08, apart=((2, 3),))


def name(seed: int) -> Identity:
    return Identity(bytes([seed]) * 32, CRYPTO)


def tickets(*peers: bytes) -> MemoryTickets:
    held, params = MemoryTickets(4), Params(4096, 8, 0, bytes(4)).encode()
    for peer in peers:
        held.save(Ticket(peer, bytes(range(32)), None, 0, params, 0, 0, 0))
    return held


@contextlib.asynccontextmanager
async def node(path: Path, seed: int, *known: int) -> AsyncIterator[Endpoint]:
    """A simulated node on the medium."""
    floors = Floors(PROFILE, Policy(FAST, HS_R, {}))
    held = tickets(*[name(peer).peer_id for peer in known])
    async with (
        open_radio(path, MODULATION) as link,
        Endpoint.open(link, name(seed), profile=PROFILE, tickets=held, floors=floors) as endpoint,
    ):
        yield endpoint


async def echo(endpoint: Endpoint) -> None:
    """Answer everything that anybody says, for ever."""

    async def answer(session: object) -> None:
        with contextlib.suppress(SessionError):
            while True:
                await session.send(b"re " + await session.receive())

    async with asyncio.TaskGroup() as tasks:
        while True:
            session = endpoint.accept()
            tasks.create_task(answer(await session.__aenter__()))


async def talk(endpoint: Endpoint) -> list[str]:
    """What the firmware's program does (support/board_radio.py), on a simulated node."""
    while True:
        with contextlib.suppress(SessionRefused):  # a crowded channel
            async with endpoint.session(name(GATEWAY).peer_id, 100_000) as session:
                for number in range(COUNT):
                    await session.send(b"%d/%d " % (SIMULATED, number) + b"." * 60, number % 3)
                answers = [f"got {(await session.receive(60_000))[:8]}" for _ in range(COUNT)]
                return [f"open {endpoint.engine_stats.handshakes_resumed}", *answers]


async def unix_program(server: MediumServer, folder: str) -> list[str]:
    cable, peer = f"{folder}/cable", name(GATEWAY).peer_id.hex()
    code = f"import board_radio; board_radio.on_cable({cable!r}, {peer!r}, {UNIX}, {COUNT}, True)"
    process = await asyncio.create_subprocess_exec(
        *(str(image("unix32")), "-X", "heapsize=128K", "-c", code),
        env={**os.environ, "MICROPYPATH": f".frozen:{SUPPORT}"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(10):
            while not Path(cable).exists():
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)  # from bind to listen
        await server.plug_in(Path(cable))
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed.decode().splitlines()


async def emulated_program(board: QemuBoard) -> list[str]:
    peer = name(GATEWAY).peer_id.hex()
    printed = await board.repl.exec(f"on_uart({peer!r}, {EMULATED}, {COUNT}, False)", 150)
    return printed.splitlines()


async def test_firmware_and_simulated_nodes_share_a_channel_that_loses_and_collides(
    tmp_path: Path,
) -> None:
    record = tmp_path / "air.jsonl"
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder, record.open("w") as file:
        path = Path(folder) / "air"
        async with (
            MediumServer.open(path, SETTINGS, record=Writer(file, SETTINGS)) as server,
            QemuBoard(image("qemu-an386")) as board,
            node(path, GATEWAY, SIMULATED, UNIX) as gateway,
            node(path, SIMULATED, GATEWAY) as simulated,
        ):
            await board.repl.exec((SUPPORT / "board_radio.py").read_text())
            await server.plug_in(Path(board.link_address))
            echoing = asyncio.create_task(echo(gateway))
            async with asyncio.TaskGroup() as tasks:
                programs = {
                    SIMULATED: tasks.create_task(talk(simulated)),
                    EMULATED: tasks.create_task(emulated_program(board)),
                    UNIX: tasks.create_task(unix_program(server, folder)),
                }
            echoing.cancel()
            fates = server.fates
            print(fates)
    for seed, program in programs.items():
        *_, opened = [line for line in program.result() if line.startswith("open")]
        answers = [line for line in program.result() if line.startswith("got")]
        assert opened in ("open 0", "open 1")[: 1 if seed == EMULATED else 2]
        assert sorted(answers) == [f"got {b're %d/%d .' % (seed, one)}" for one in range(COUNT)]
    assert min(fates["received"], fates["lost"], fates["collided"]) > 0, fates
    with record.open() as file:
        again = replay(file)
    assert again.differs == ""
    assert again.fates == fates
