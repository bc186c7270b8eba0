# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rungs L1 and L3: each handshake fits the heap that is promised for it, and the C stack.

A board with 64 KB of heap resumes and exchanges; with 96 KB it does HS-K, with 128 KB HS-S. That
is the engine with a board's limits and a small program; the node's own figures are in
docs/board-guide.md.
"""

from pathlib import Path

import pytest

from pqmesh.engine.tickets import MemoryTickets
from support.bench_gateway import BenchGateway
from support.board_modes import ICOUNT, MODES, ROLES, Recording, fits, live_heap, on_board, record
from support.firmware_images import image
from support.node_boards import UnixNode, node_board
from tools.firmware.qemu import QemuBoard

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]

PROMISED_KIB = {"HS-R": 64, "HS-RK": 96, "HS-K": 96, "HS-S": 128}
STACK_BYTES = 6_144
MOST_INSTRUCTIONS = {"HS-R": 60_000_000, "HS-RK": 120_000_000, "HS-K": 130_000_000}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    folder: Path = tmp_path_factory.mktemp("modes")
    return {mode: record(mode, folder / mode) for mode in MODES}


@pytest.mark.parametrize("side", [0, 1], ids=ROLES)
@pytest.mark.parametrize("mode", MODES)
def test_each_mode_fits_the_heap_that_is_promised(
    mode: str, side: int, recordings: dict[str, Recording]
) -> None:
    assert fits(recordings[mode], side, PROMISED_KIB[mode])


def test_a_heap_that_is_too_small_is_noticed(recordings: dict[str, Recording]) -> None:
    assert not fits(recordings["HS-R"], 0, 44)
    assert not fits(recordings["HS-S"], 1, 64)


def test_a_full_handshake_needs_more_than_a_resumption(recordings: dict[str, Recording]) -> None:
    live = {mode: live_heap(recordings[mode], 0) for mode in ("HS-R", "HS-K", "HS-S")}
    assert live["HS-R"] < 53_000  # what is imported for it, most of all
    assert live["HS-R"] < live["HS-S"] < live["HS-K"] < 83_000


@pytest.mark.parametrize("mode", sorted(MOST_INSTRUCTIONS))
async def test_a_cortex_m4_says_the_same_within_its_stack(
    mode: str, recordings: dict[str, Recording]
) -> None:
    async with QemuBoard(image("qemu-an386"), icount=ICOUNT) as board:
        instructions, stack = await on_board(board, recordings[mode], 0)
    assert 1_000_000 < instructions < MOST_INSTRUCTIONS[mode]
    assert 1_000 < stack < STACK_BYTES


async def test_the_node_itself_resumes_in_96_kib(tmp_path: Path) -> None:
    """It met its gateway with 128 KiB; 84 are the least that was seen to resume."""
    async with node_board("unix32", tmp_path) as board:
        assert isinstance(board, UnixNode)
        gateway = BenchGateway(expect=await board.peer_id(), tickets=MemoryTickets(2))
        await board.start(expect=gateway.peer_id.hex(), interval_ms=200)
        async with gateway.plugged(board.link_address):
            await gateway.session()
            await gateway.command("ping", {})
        await board.kill()
        board.heap = "96K"
        await board.start()
        async with gateway.plugged(board.link_address):
            await gateway.session()
            await gateway.next_readings(5)
            assert gateway.resumed == 1
