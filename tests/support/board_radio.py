# SPDX-License-Identifier: MIT OR Apache-2.0
"""The program of a board on a radio: asks its peer, and prints what it was answered.

Runs on MicroPython, frozen firmware beneath it; self-contained, so that it can be typed to a
board's prompt. ``main(port, peer, seed, count)``; without a secret of an earlier session the
board meets its peer by a full handshake (HS-S).
"""

import asyncio
import gc

gc.threshold(4096)

from pqmesh.identity import Identity  # noqa: E402
from pqmesh_node.crypto import BoardCrypto  # noqa: E402

crypto = BoardCrypto()


def tickets_for(peer):
    """What both sides hold of an earlier session."""
    from pqmesh.engine.tickets import MemoryTickets, Ticket
    from pqmesh.wire.handshake import Params

    tickets = MemoryTickets(1)
    params = Params(4096, 8, 0, bytes(4)).encode()
    tickets.save(Ticket(peer, bytes(range(32)), None, 0, params, 0, 0, 0))
    return tickets


def main(port, peer, seed, count, known):
    identity = Identity(bytes([seed]) * 32, crypto)
    from pqmesh.airtime.lora import LoraModulation
    from pqmesh.engine.floors import FAST, Floors, Policy
    from pqmesh.errors import SessionRefused
    from pqmesh.links import lora
    from pqmesh.wire.resumption import HS_R
    from pqmesh_node.endpoint import Endpoint
    from pqmesh_node.modem import ModemLink
    from pqmesh_node.tasks import run_together

    profile = lora(LoraModulation(7, 500_000))
    floors = Floors(profile, Policy(FAST, HS_R, {}))
    link = ModemLink(port, profile)
    tickets = tickets_for(peer) if known else None
    endpoint = Endpoint(link, identity, crypto, profile=profile, tickets=tickets, floors=floors)

    async def talk():
        while True:
            try:
                return await exchange()
            except SessionRefused as error:  # a crowded channel
                print("again:", error)

    async def exchange():
        async with endpoint.session(peer, 100_000) as session:
            print("open", endpoint.engine_stats.handshakes_resumed)
            for number in range(count):
                await session.send(b"%d/%d " % (seed, number) + b"." * 60, number % 3)
            for _ in range(count):
                print("got", (await session.receive(60_000))[:8])

    asyncio.run(run_together(endpoint.run, talk))


def on_cable(path, peer, seed, count, known):
    """On the unix port, whose serial line is a unix socket."""
    from pqmesh_node.cable import CablePort

    main(CablePort(path), bytes.fromhex(peer), seed, count, known)


def on_uart(peer, seed, count, known):
    """On a board."""
    from pqmesh_node.board import uart_port

    main(uart_port(), bytes.fromhex(peer), seed, count, known)
