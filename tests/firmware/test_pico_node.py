# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rung L4, the main job: the Pico's own file is a node, and its gateway reads and commands it.

Everything on the board is in the UF2: frozen packages, C crypto, the stock rp2 port. The gateway
is the real one, on UART1's other end. Times are the emulator's, not a board's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pqmesh_host.config import LinkConfig
from support import mesh_nodes
from support.mesh_nodes import make_config, running
from tools.firmware import builder
from tools.firmware.errors import MissingTool
from tools.pico.emulator import PicoBoard

pytestmark = [
    pytest.mark.firmware,
    pytest.mark.pico,
    pytest.mark.timeout(600, func_only=True),  # a fixture may have to build the firmware
]

PATIENCE_S = 120.0  # a handshake is two signatures and two checks at a tenth of the chip's speed


@pytest.fixture(scope="session")
def image() -> Path:
    """firmware.uf2; built when missing, which takes about a minute."""
    try:
        return builder.build("pico")
    except MissingTool as problem:
        pytest.skip(str(problem))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for events as long as this rung needs."""
    monkeypatch.setattr(mesh_nodes, "SOON_S", PATIENCE_S)


async def set_up(board: PicoBoard, gateway: bytes) -> bytes:
    """Do what a board's owner does, then let it start as after power-up. Returns its PeerId."""
    settings = f"name='pico', expect='{gateway.hex()}', interval_ms=1000, led_pin='LED'"
    printed = await board.repl.exec(
        f"import pqmesh_node\nprint(pqmesh_node.peer_id())\npqmesh_node.setup({settings})", 60
    )
    await board.repl.soft_reset()
    await board.repl.wait_for("pqmesh node", 60)
    return bytes.fromhex(printed.split()[0])


async def test_readings_up_a_command_down_and_the_same_node_after_a_power_cut(
    image: Path, tmp_path: Path
) -> None:
    async with PicoBoard(image, flash=tmp_path / "flash.bin") as board:
        link = LinkConfig(device=f"unix://{board.link_address}", name="pico")
        config = make_config(tmp_path / "gateway", link=(link,))
        async with running(config) as (gateway, at_gateway):
            peer_id = await set_up(board, gateway.peer_id)
            opened = (await at_gateway.wait("session-open"))[0]
            assert opened.peer == peer_id
            assert opened.over == "pico"
            readings = await at_gateway.wait("reading", count=3)
            assert {event.peer for event in readings} == {peer_id}
            answer = await gateway.command(peer_id.hex()[:8], "led", {"on": True}, PATIENCE_S)
            assert (answer["ok"], answer["result"]) == (True, True)

            await board.kill()
            await at_gateway.wait("link-lost")
            await board.restart()
            again = (await at_gateway.wait("session-open", count=2))[-1]
            assert again.peer == peer_id
