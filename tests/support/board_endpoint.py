# SPDX-License-Identifier: MIT OR Apache-2.0
"""A program of a board with little heap: an Endpoint that resumes with a peer and exchanges.

Runs on MicroPython: ``import board_endpoint; board_endpoint.main(CABLE, PEER_HEX, SEED)``. Prints
what it received. The secret is known to the test: what HS-S costs is not asked here.
"""

import gc

gc.threshold(2048)  # as pqmesh_node.compat.keep_heap_compact in a heap that is not roomy

from pqmesh.identity import Identity  # noqa: E402
from pqmesh_node.crypto import BoardCrypto  # noqa: E402

crypto = BoardCrypto(False)
SECRET = bytes(range(32))


def main(cable, peer, seed):
    identity = Identity(bytes([seed]) * 32, crypto)  # 10 KB for a moment: before anything else
    talk_over(cable, bytes.fromhex(peer), identity)


def talk_over(cable, peer, identity):
    import asyncio

    from pqmesh.engine.tickets import MemoryTickets, Ticket
    from pqmesh.wire.handshake import Params
    from pqmesh_node.cable import CablePort
    from pqmesh_node.endpoint import Endpoint
    from pqmesh_node.serial import SerialLink
    from pqmesh_node.tasks import run_together

    tickets = MemoryTickets(1)
    params = Params(4096, 8, 0, bytes(4)).encode()
    tickets.save(Ticket(peer, SECRET, None, 0, params, 0, 0, 0))
    link = SerialLink(CablePort(cable), 512)
    endpoint = Endpoint(link, identity, crypto, tickets=tickets)

    async def talk():
        async with endpoint.session(peer, 60_000) as session:
            await session.send(b"q" * 100)
            print(len(await session.receive(60_000)), endpoint.engine_stats.handshakes_resumed)

    asyncio.run(run_together(endpoint.run, talk))
