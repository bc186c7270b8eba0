# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L3: the real gateway and a mesh peer around our firmware on a Cortex-M4, on bad days.

The gateway says what happened, keeps running and comes back; what was acknowledged is neither
lost nor doubled at the peer behind it.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pqmesh_host.config import LinkConfig
from pqmesh_host.node import Node
from support import mesh_nodes
from support.mesh_nodes import Watched, joining, make_config, peer_id_in, running, trusting
from support.node_boards import QemuNode, node_board
from tools.firmware.medium import SerialMedium

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]


@dataclass
class Rig:
    """A board, the cable it hangs on, its gateway and a peer, all running."""

    board: QemuNode
    board_id: bytes
    cable: SerialMedium
    gateway: Node
    at_gateway: Watched
    peer: Node
    at_peer: Watched

    async def readings(self, more: int) -> None:
        """Wait until so many further readings are at the peer."""
        self.at_peer.drain()
        await self.at_peer.wait("reading", count=len(self.at_peer.of("reading")) + more)

    async def until_cut(self) -> None:
        """Wait until the cable has been cut where it was to be, and disarm the cutter."""
        async with asyncio.timeout(60):
            while not self.cable.is_cut:
                await asyncio.sleep(0.02)
        self.cable.from_board.cut_at = self.cable.to_board.cut_at = None

    def repeats(self) -> list[str]:
        """Ids of readings that the peer got more than once."""
        self.at_peer.drain()
        ids = Counter(event.details["id"] for event in self.at_peer.of("reading"))
        return [ident for ident, times in ids.items() if times > 1]

    def uptimes(self) -> list[int]:
        self.at_peer.drain()
        return [event.details["value"] for event in self.at_peer.of("reading", name="uptime")]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator shares its core with everything else on the machine."""
    monkeypatch.setattr(mesh_nodes, "SOON_S", 60.0)


@contextlib.asynccontextmanager
async def rig(
    folder: Path, *, interval_ms: int = 250, pinned: bytes | None = None
) -> AsyncIterator[Rig]:
    """``pinned``: another PeerId than the board's, to see it refused."""
    make_config(folder / "peer")
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        board = await enter(node_board("qemu-an386", folder))
        assert isinstance(board, QemuNode)
        cable = await enter(SerialMedium(board.link_address))
        board_id = await board.peer_id()
        config = make_config(
            folder / "gateway",
            quic=trusting(peer_id_in(folder / "peer")),
            link=(
                LinkConfig(
                    device=f"unix://{cable.address}",
                    name="cable",
                    expect=pinned or board_id,
                    wait=True,
                    paced=False,  # the medium paces
                ),
            ),
        )
        gateway_id = peer_id_in(folder / "gateway")
        await board.start(expect=gateway_id.hex(), interval_ms=interval_ms)
        gateway, at_gateway = await enter(running(config))
        peer, at_peer = await enter(running(joining(gateway, folder / "peer")))
        yield Rig(board, board_id, cable, gateway, at_gateway, peer, at_peer)


async def test_the_main_job_over_a_cable_at_115200_baud(tmp_path: Path) -> None:
    async with rig(tmp_path) as bench:
        opened = (await bench.at_gateway.wait("session-open"))[0]
        assert opened.peer == bench.board_id
        await bench.readings(5)
        target = bench.board_id.hex()
        answer = await bench.peer.command(target, "interval", {"ms": 400}, 30)
        assert (answer["ok"], answer["result"]) == (True, 400)
        assert answer["from"] == target
        assert bench.repeats() == []
        # HS-S and all since then went over the cable, and no faster than its rate.
        assert bench.cable.from_board.bytes_passed > 6_500
        assert bench.cable.to_board.bytes_passed > 6_500


@pytest.mark.parametrize("octets", [40, 1_400, 4_000, 6_600])
async def test_a_board_that_dies_within_a_handshake(tmp_path: Path, octets: int) -> None:
    """Power gone after so many octets of its handshake; the gateway reports and reconnects."""
    async with rig(tmp_path) as bench:
        await bench.at_gateway.wait("session-open")
        await bench.board.kill()
        await bench.at_gateway.wait("link-lost")  # or what is still on the way would cut the cable
        bench.cable.from_board.cut_after(octets)
        await bench.board.start()
        await bench.until_cut()
        await bench.board.kill()
        await bench.board.start()
        bench.cable.restore()
        lost = await bench.at_gateway.wait("link-lost", count=2)
        assert {event.over for event in lost} == {"cable"}
        await bench.at_gateway.wait("session-open", count=2)
        await bench.readings(5)
        assert bench.repeats() == []
        assert bench.at_gateway.of("stopped") == []


async def test_a_cable_cut_within_handshakes_and_messages_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """Cuts after random numbers of octets, in either direction; the board keeps running."""
    amounts = random.Random(11)
    async with rig(tmp_path) as bench:
        await bench.readings(5)
        for _ in range(6):
            direction = amounts.choice([bench.cable.from_board, bench.cable.to_board])
            direction.cut_after(amounts.randrange(1, 9_000))
            async with asyncio.timeout(60):
                while not bench.cable.is_cut:
                    await asyncio.sleep(0.02)
            direction.cut_at = None
            bench.at_gateway.drain()  # its queue is bounded, and readings fill it
            await asyncio.sleep(0.2)
            bench.cable.restore()
        await bench.readings(10)
        assert bench.repeats() == []
        uptimes = bench.uptimes()
        assert uptimes == sorted(set(uptimes))
        bench.at_gateway.drain()
        assert len(bench.at_gateway.of("link-lost")) >= 6


async def test_a_command_for_a_board_that_is_off_is_answered_by_its_gateway(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, interval_ms=60_000) as bench:
        await bench.at_gateway.wait("session-open")
        target = bench.board_id.hex()
        assert (await bench.peer.command(target, "ping", {}, 30))["ok"]
        await bench.board.kill()
        await bench.at_gateway.wait("link-lost")
        answer = await bench.peer.command(target, "interval", {"ms": 300}, 30)
        assert not answer["ok"]
        assert "not connected here" in answer["result"]
        await bench.board.start()
        await bench.at_gateway.wait("session-open", count=2)
        answer = await bench.peer.command(target, "status", {}, 30)
        assert answer["result"]["interval_ms"] == 60_000
        answer = await bench.peer.command(target, "interval", {"ms": 300}, 30)
        assert (answer["ok"], answer["result"]) == (True, 300)


async def test_a_garbling_cable_costs_time_and_nothing_else(tmp_path: Path) -> None:
    """One octet in 2,000 arrives changed: frames are lost, messages are not."""
    async with rig(tmp_path) as bench:
        await bench.readings(1)
        for direction in (bench.cable.from_board, bench.cable.to_board):
            direction.garble_probability = 1 / 2_000
        await bench.readings(40)
        answer = await bench.peer.command(bench.board_id.hex(), "ping", {}, 30)
        assert answer["ok"]
        garbled = bench.cable.from_board.bytes_garbled + bench.cable.to_board.bytes_garbled
        assert garbled > 0
        assert bench.repeats() == []
        uptimes = bench.uptimes()
        assert uptimes == sorted(set(uptimes))


async def test_a_board_with_the_wrong_key_is_named_and_refused(tmp_path: Path) -> None:
    async with rig(tmp_path, pinned=bytes(range(32))) as bench:
        found = (await bench.at_gateway.wait("wrong-key"))[0]
        assert found.peer == bench.board_id
        bench.at_peer.drain()
        assert bench.at_peer.of("reading") == []
        assert bench.at_gateway.of("session-open") == []
        await bench.at_peer.wait("peer-open")  # the rest of the gateway goes on
