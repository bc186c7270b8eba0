# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board whose program talks with the gateway's program, beside readings and commands.

Set the board up first (docs/board-guide.md), then copy this to it as ``/main.py``.
"""

import asyncio

import pqmesh_node
from pqmesh.errors import MessageExpired, SessionError
from pqmesh_node.tasks import run_together

node = pqmesh_node.make_node()
seconds = 10


async def talk():
    """Report, and take the answer for the new pause. A session that ends is opened again."""
    global seconds
    while True:
        try:
            async with node.session(timeout_ms=60_000) as session:
                while True:
                    report = b"up %d ms" % node.uptime_ms()
                    message = await session.send(report, priority=1, deadline_ms=30_000)
                    try:
                        await message.delivered(60_000)
                        seconds = int(await session.receive(60_000))
                    except MessageExpired:
                        print("nobody took it in time: the next report is a newer one")
                    await asyncio.sleep(seconds)
        except SessionError as error:
            print("%s: %s" % (type(error).__name__, error))
            await asyncio.sleep(1)


asyncio.run(run_together(node.run, talk))
