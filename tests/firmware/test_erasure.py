# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is said to be erased is searched for: in the whole flash, with a control that is found."""

from pathlib import Path

import pytest

from pqmesh.engine.tickets import MemoryTickets
from support.bench_gateway import BenchGateway
from support.node_boards import node_board

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(300)]


async def test_of_all_generations_only_the_present_one_is_on_the_flash(tmp_path: Path) -> None:
    flash = tmp_path / "flash.img"
    async with node_board("qemu-an386", tmp_path) as board:
        peer_id = await board.peer_id()
        tickets = MemoryTickets(2)
        gateway = BenchGateway(expect=peer_id, tickets=tickets)
        await board.start(expect=gateway.peer_id.hex(), interval_ms=60_000)
        generations: list[bytes] = []
        for _ in range(4):
            async with gateway.plugged(board.link_address):
                await gateway.session()
                await gateway.command("ping", {})  # so both have heard the other
                ticket = tickets.load(peer_id)
                assert ticket is not None
                assert ticket.candidate is None
                generations.append(ticket.current)
            await board.kill()
            image = flash.read_bytes()
            found = [generation in image for generation in generations]
            assert found == [False] * (len(generations) - 1) + [True]
            await board.start()
        assert len(set(generations)) == 4
