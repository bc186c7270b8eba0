# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rungs L1 and L3: the node on MicroPython against a gateway, from the first boot on."""

import asyncio
from pathlib import Path

import pytest

from pqmesh.engine.events import Closed
from pqmesh.engine.tickets import MemoryTickets
from pqmesh.wire.session import REASON_SHUTDOWN
from support.bench_gateway import BenchGateway
from support.firmware_images import image
from support.node_boards import TARGETS, QemuNode, node_board
from tools.firmware.qemu import QemuBoard

pytestmark = pytest.mark.firmware

# One word of a 64-bit port is two of a board's.
HEAP = {"unix64": "256K", "unix32": "128K", "qemu-an386": "128K"}


@pytest.mark.parametrize("target", TARGETS)
async def test_readings_up_commands_down_and_goodbye(target: str, tmp_path: Path) -> None:
    async with node_board(target, tmp_path, HEAP[target]) as board:
        peer_id = await board.peer_id()
        gateway = BenchGateway(expect=peer_id)
        await board.start(expect=gateway.peer_id.hex(), interval_ms=400, name="bench")
        async with gateway.plugged(board.link_address):
            established = await gateway.session()
            assert established.peer_id == peer_id
            readings = await gateway.next_readings(5)
            names = sorted(message.body["n"] for message in readings)
            assert names == ["heap_free", "interval", "link_bytes", "loop_turns", "uptime"]
            assert all(type(message.body["v"]) is int for message in readings)
            assert (await gateway.command("interval", {"ms": 200}))["r"] == 200
            status = (await gateway.command("status", {}))["r"]
            assert (status["name"], status["interval_ms"]) == ("bench", 200)
            assert status["peer_id"] == peer_id.hex()
            unknown = await gateway.command("dance", {})
            assert not unknown["ok"]
            assert "unknown command dance" in unknown["r"]
            await board.interrupt()
            await gateway.until(lambda: isinstance(gateway.events[-1], Closed))
            assert gateway.events[-1].reason == REASON_SHUTDOWN
        assert gateway.repeats == []


@pytest.mark.parametrize("target", ["unix32", "qemu-an386"])
async def test_the_peer_id_and_the_settings_survive_a_power_cut(
    target: str, tmp_path: Path
) -> None:
    async with node_board(target, tmp_path, HEAP[target]) as board:
        peer_id = await board.peer_id()
        gateway = BenchGateway(expect=peer_id)
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        async with gateway.plugged(board.link_address):
            await gateway.command("interval", {"ms": 300})
        await board.kill()
        await board.start()
        async with gateway.plugged(board.link_address):
            assert (await gateway.session()).peer_id == peer_id
            status = (await gateway.command("status", {}))["r"]
            assert (status["interval_ms"], status["pinned"]) == (300, True)


@pytest.mark.parametrize("target", ["unix32", "qemu-an386"])
async def test_a_board_whose_power_was_cut_resumes(target: str, tmp_path: Path) -> None:
    """The second session takes some 100 octets, whoever begins; a garbled ticket costs HS-S."""
    async with node_board(target, tmp_path, HEAP[target]) as board:
        gateway = BenchGateway(expect=await board.peer_id(), tickets=MemoryTickets(2))
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        async with gateway.plugged(board.link_address):
            first = await gateway.session()
            await gateway.command("ping", {})
        for gateway_begins in (True, False):
            await board.kill()
            await board.start()
            gateway.initiates = gateway_begins
            async with gateway.plugged(board.link_address):
                again = await gateway.session()
                status = (await gateway.command("status", {}))["r"]
                assert (status["resumed"], status["tickets"]) == (1, 1)
                assert gateway.resumed == 1
                assert again.sent_bytes + again.received_bytes <= 200
                assert first.sent_bytes + first.received_bytes > 13_000


@pytest.mark.parametrize("core", ["an385", "an386", "an500"])
async def test_a_board_set_up_once_is_a_node_at_every_power_up(core: str, tmp_path: Path) -> None:
    """The frozen main.py on every core: first advice, then a node, the prompt on Ctrl-C."""
    machine, flash = f"mps2-{core}", tmp_path / "flash.img"
    gateway = BenchGateway()
    async with QemuBoard(image(f"qemu-{core}"), machine=machine, flash=flash) as board:
        await board.repl.wait_for("not set up yet")
        setup = f"expect='{gateway.peer_id.hex()}', interval_ms=200"
        await board.repl.exec(f"import pqmesh_node; pqmesh_node.setup({setup})")
        await board.restart()
        await board.repl.wait_for("Ctrl-C gives the REPL")
        async with gateway.plugged(board.link_address):
            await gateway.next_readings(5)
            await gateway.command("ping", {})  # the acknowledgements came before it
            await QemuNode(board).interrupt()
            status = await board.repl.exec("print(pqmesh_node.status()['delivered'])")
            assert int(status.split()[-1]) >= 1


async def test_crossed_connects_from_both_ends_become_one_session(tmp_path: Path) -> None:
    async with node_board("qemu-an386", tmp_path) as board:
        for gateway_begins in (True, False):
            gateway = BenchGateway()
            gateway.initiates = gateway_begins
            await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
            async with gateway.plugged(board.link_address):
                await gateway.session()
                assert (await gateway.command("ping", {}))["ok"]
                await asyncio.sleep(0.3)
                assert (await gateway.command("ping", {}))["ok"]
            await board.kill()


async def test_handshakes_in_a_row_leak_nothing(tmp_path: Path) -> None:
    """Twenty sessions; the heap after the last holds what it held after the third."""
    async with node_board("unix32", tmp_path, HEAP["unix32"]) as board:
        gateway = BenchGateway()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        free = []
        for _ in range(20):
            async with gateway.plugged(board.link_address):
                await gateway.session()
                free.append((await gateway.command("status", {}))["r"]["heap_free"])
        assert min(free[3:]) > free[2] - 2048, free
