# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rungs L1 and L3: power cuts, pulled cables, noise and strangers, on a board's real firmware."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from pqmesh.engine.events import Established
from pqmesh.framing.hdlc import enframe
from support.bench_gateway import BenchGateway
from support.node_boards import NodeBoard, QemuNode, node_board

pytestmark = pytest.mark.firmware

# A handshake moves about 6,700 octets from the board to the gateway and as many back. Cuts after
# so many octets, of both directions together, fall into every message and between them.
HANDSHAKE_BYTES = 13_700
CUTS_EVERYWHERE = range(1, HANDSHAKE_BYTES, 620)
CUTS_ON_QEMU = (1, 900, 1_500, 2_600, 4_100, 6_500, 8_300, 10_700, 13_300)

# A board program whose command leaves a mark on flash: how often did it really run?
COUNTING = """
import pqmesh_node
pqmesh_node.setup(expect={expect!r}, interval_ms=60000)
node = pqmesh_node.make_node()
@node.commands.add("mark")
def mark(args):
    with open("/marks", "a") as marks:
        marks.write("%d\\n" % args["n"])
    return args["n"]
pqmesh_node.run()
"""


async def cut_after(octets: int, gateway: BenchGateway, board: NodeBoard) -> bool:
    """Cut the board's power once so many octets have passed; whether that was in a handshake."""
    reached = asyncio.Event()

    def look(bytes_in: int, bytes_out: int) -> None:
        if bytes_in + bytes_out >= octets:
            reached.set()

    start_in, start_out = gateway.bytes_in, gateway.bytes_out
    gateway.on_bytes = lambda came, went: look(came - start_in, went - start_out)
    async with gateway.plugged(board.link_address):
        async with asyncio.timeout(20):
            await reached.wait()
        await board.kill()
        gateway.on_bytes = None
        return gateway._session is None


@pytest.mark.slow
async def test_power_cut_anywhere_in_a_handshake_and_the_next_one_succeeds(
    tmp_path: Path,
) -> None:
    async with node_board("unix32", tmp_path) as board:
        gateway = BenchGateway()
        peer_id = await board.peer_id()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        within = 0
        for octets in CUTS_EVERYWHERE:
            gateway.initiates = octets % 2 == 0
            within += await cut_after(octets, gateway, board)
            await board.start()
            async with gateway.plugged(board.link_address):
                assert (await gateway.session()).peer_id == peer_id
                assert (await gateway.command("ping", {}))["ok"]
            await board.kill()
            await board.start()
        assert within > len(CUTS_EVERYWHERE) // 2, "most cuts must fall into a handshake"


async def test_a_cortex_m4_reset_within_a_handshake_comes_back(tmp_path: Path) -> None:
    async with node_board("qemu-an386", tmp_path) as board:
        gateway = BenchGateway()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        for octets in CUTS_ON_QEMU:
            gateway.initiates = octets % 2 == 0
            await cut_after(octets, gateway, board)
            await board.start()
            async with gateway.plugged(board.link_address):
                await gateway.session()
            await board.kill()
            await board.start()


async def test_power_cut_around_a_command_runs_it_at_most_once_and_answers_once(
    tmp_path: Path,
) -> None:
    """Cuts at random moments around 12 commands; the board's flash says how often each ran."""
    moments = random.Random(7)
    async with node_board("qemu-an386", tmp_path) as board:
        assert isinstance(board, QemuNode)
        gateway = BenchGateway()
        program = COUNTING.format(expect=gateway.peer_id.hex())
        asked: list[bytes] = []
        for number in range(12):
            await board.board.repl.start(program)
            await board.board.repl.wait_for("pqmesh node")
            async with gateway.plugged(board.link_address):
                await gateway.session()
                asked.append(gateway.ask("mark", {"n": number}))
                await asyncio.sleep(moments.uniform(0, 0.03))
                await board.kill()
            await board.board.restart()
        await board.board.repl.start(program)
        async with gateway.plugged(board.link_address):
            await gateway.until(lambda: all(ident in gateway.replies for ident in asked))
        marks = (await board.board.repl.exec("print(open('/marks').read())")).split()

    ran = [int(mark) for mark in marks]
    assert len(ran) == len(set(ran)), f"a command ran twice: {ran}"
    for number, ident in enumerate(asked):
        body = gateway.replies[ident].body
        if body["ok"]:
            assert body["r"] == number
            assert number in ran
        else:
            assert body["r"] == "interrupted by a restart"
    outcomes = [gateway.replies[ident].body["ok"] for ident in asked]
    assert any(outcomes)


async def test_pulled_cable_loses_and_doubles_no_reading(tmp_path: Path) -> None:
    """The cable is pulled twenty times while readings flow; uptimes arrive once, in order."""
    moments = random.Random(3)
    async with node_board("qemu-an386", tmp_path) as board:
        gateway = BenchGateway()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=100)
        for _ in range(20):
            async with gateway.plugged(board.link_address):
                await gateway.session()
                await asyncio.sleep(moments.uniform(0.0, 0.25))
        async with gateway.plugged(board.link_address):
            await gateway.next_readings(6)
        uptimes = [m.body["v"] for m in gateway.readings if m.body["n"] == "uptime"]
        assert uptimes == sorted(set(uptimes))
        assert len({m.id for m in gateway.readings}) == len(gateway.readings)


@pytest.mark.parametrize("target", ["unix32", "qemu-an386"])
async def test_noise_half_frames_and_a_flood_leave_the_session_alone(
    target: str, tmp_path: Path
) -> None:
    async with node_board(target, tmp_path) as board:
        gateway = BenchGateway()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=200)
        async with gateway.plugged(board.link_address):
            await gateway.put(os.urandom(3_000))  # before there is a session at all
            await gateway.session()
            sessions = sum(isinstance(event, Established) for event in gateway.events)
            for _ in range(30):
                await gateway.put(os.urandom(200))
                await gateway.put(b"\x7e" + enframe(os.urandom(300))[:-40])
                await gateway.put(b"\x7e" + enframe(os.urandom(600)))
                await gateway.put(b"\x7e" + enframe(os.urandom(40)) * 40)
            await gateway.put(b"\x7e")
            assert (await gateway.command("ping", {}))["ok"]
            await gateway.next_readings(5)
            status = (await gateway.command("status", {}))["r"]
            assert status["heap_free"] > 30_000
            assert sum(isinstance(event, Established) for event in gateway.events) == sessions
            assert gateway.repeats == []


@pytest.mark.parametrize("flooding", ["handshakes", "data"])
async def test_a_flood_of_well_formed_strangers_does_not_keep_the_gateway_out(
    flooding: str, tmp_path: Path
) -> None:
    """Frames that look like ours, from nobody: the board stays up and serves its gateway."""
    first = b"\x20" if flooding == "handshakes" else b"\x00"
    async with node_board("qemu-an386", tmp_path) as board:
        gateway = BenchGateway()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        async with gateway.plugged(board.link_address):
            for _ in range(200):
                await gateway.put(enframe(first + os.urandom(120)))
            await gateway.session(60)
            assert (await gateway.command("ping", {}, 60))["ok"]


async def test_a_gateway_with_another_key_is_refused_until_the_right_one_comes(
    tmp_path: Path,
) -> None:
    async with node_board("qemu-an386", tmp_path) as board:
        gateway, stranger = BenchGateway(), BenchGateway()
        await board.start(expect=gateway.peer_id.hex(), interval_ms=100)
        async with stranger.plugged(board.link_address):
            await asyncio.sleep(2.5)
            assert stranger._session is None
            assert stranger.readings == []
        async with gateway.plugged(board.link_address):
            await gateway.next_readings(5)


async def test_a_board_with_another_key_is_refused_where_one_is_pinned(tmp_path: Path) -> None:
    async with node_board("qemu-an386", tmp_path) as board:
        gateway = BenchGateway(expect=bytes(32))
        await board.start(expect=gateway.peer_id.hex(), interval_ms=100)
        async with gateway.plugged(board.link_address):
            await asyncio.sleep(2.5)
            assert gateway._session is None
            assert gateway.readings == []
        # What the refused handshake proved is what the operator pins next.
        proved = [getattr(event, "peer_id", None) for event in gateway.events]
        assert any(proved)
        right = BenchGateway(gateway.identity.seed, expect=next(filter(None, proved)))
        async with right.plugged(board.link_address):
            await right.next_readings(5)
