# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rungs L1 and L3: a program on a board holds a session, as the guide shows it."""

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.identity import Identity
from pqmesh.wire.handshake import Params
from pqmesh_host.crypto import HostCrypto
from support.bench_gateway import BenchGateway
from support.firmware_images import image
from tools.firmware.qemu import QemuBoard

pytestmark = [pytest.mark.firmware, pytest.mark.timeout(120)]

SUPPORT = Path(__file__).parents[1] / "support"
EXAMPLE = Path(__file__).parents[2] / "firmware/micropython/examples/conversation.py"

# What a program pays in heap for the sessions, in 32-bit words: imported, and one made.
COST = """
import gc
import pqmesh_node.{beneath}
gc.collect()
before = gc.mem_alloc()
import pqmesh_node.{module}
gc.collect()
print(gc.mem_alloc() - before)
"""


async def save_program(board: QemuBoard, source: str) -> None:
    await board.repl.exec("_f = open('/main.py', 'w')")
    for at in range(0, len(source), 256):
        await board.repl.exec(f"_f.write({source[at : at + 256]!r})")
    await board.repl.exec("_f.close()")


async def test_the_guides_example_talks_with_the_gateways_program(tmp_path: Path) -> None:
    """On a Cortex-M4 with 128 KB of heap, beside readings and commands; it resumes, as it will."""
    gateway = BenchGateway(tickets=MemoryTickets(1))
    async with QemuBoard(image("qemu-an386"), flash=tmp_path / "flash.img") as board:
        printed = await board.repl.exec(
            f"import pqmesh_node; pqmesh_node.setup(expect={gateway.peer_id.hex()!r}, "
            "interval_ms=500); print(pqmesh_node.peer_id())"
        )
        gateway.expect = bytes.fromhex(printed.split()[-1])
        await save_program(board, EXAMPLE.read_text())
        await board.restart()
        async with gateway.plugged(board.link_address):
            await gateway.until(lambda: len(gateway.heard) >= 1)
            gateway.say(b"0")
            await gateway.until(lambda: len(gateway.heard) >= 2)
            assert all(report.startswith(b"up ") for report in gateway.heard)
            await gateway.next_readings(5)
            assert (await gateway.command("ping", {}))["ok"]
        # The cable was pulled and put back: another session, and the program opens it again.
        async with gateway.plugged(board.link_address):
            await gateway.until(lambda: len(gateway.heard) >= 3)
            gateway.say(b"0")
            await gateway.until(lambda: len(gateway.heard) >= 4)
            assert gateway.resumed == 1


@pytest.mark.parametrize(
    ("beneath", "module", "most"), [("app", "carrier", 4_000), ("crypto", "endpoint", 52_000)]
)
def test_what_the_sessions_cost_in_heap(beneath: str, module: str, most: int) -> None:
    done = subprocess.run(
        [str(image("unix32")), "-X", "heapsize=1M", "-c", COST.format(**locals())],
        env={**os.environ, "MICROPYPATH": ".frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    cost = int(done.stdout)
    print(f"{module} on {beneath}: {cost} B")
    assert most // 2 < cost < most


async def test_an_endpoint_resumes_and_exchanges_in_80_kib() -> None:
    """70 are the least that was seen to work."""
    identity = Identity(bytes([7]) * 32, HostCrypto())
    tickets, params = MemoryTickets(1), Params(4096, 8, 0, bytes(4)).encode()
    tickets.save(Ticket(identity.peer_id, bytes(range(32)), None, 0, params, 0, 0, 0))
    gateway = BenchGateway(tickets=tickets)
    gateway.initiates = False
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder:
        cable = f"{folder}/cable"
        call = f"board_endpoint.main({cable!r}, {gateway.peer_id.hex()!r}, 7)"
        board = await asyncio.create_subprocess_exec(
            *(str(image("unix32")), "-X", "heapsize=80K", "-c", f"import board_endpoint; {call}"),
            env={**os.environ, "MICROPYPATH": f".frozen:{SUPPORT}"},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with gateway.plugged(cable):
                await gateway.until(lambda: gateway.heard == [b"q" * 100])
                gateway.say(b"r" * 120)
                async with asyncio.timeout(30):
                    printed, _ = await board.communicate()
        finally:
            if board.returncode is None:
                board.kill()
                await board.wait()
    assert printed.decode().split() == ["120", "1"]  # octets received, sessions resumed
