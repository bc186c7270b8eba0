# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a node that stops says so, once its tasks have ended and nobody else drives the engine."""

import asyncio

from pqmesh.compat import const
from pqmesh.engine.events import Closed
from pqmesh.errors import NoSuchSession, ProtocolError
from pqmesh.wire.session import REASON_SHUTDOWN

from .compat import TYPE_CHECKING, wait_for_ms

if TYPE_CHECKING:
    from typing import Any

    from .driver import Link, LinkDriver

_GOODBYE_MS = const(500)


async def say_goodbye(engine: "Any", session: int, link: "Link", driver: "LinkDriver") -> None:
    """Close ``session`` and let the neighbour answer, for half a second at most."""
    try:
        engine.close(session, driver.engine_ms(), REASON_SHUTDOWN)
        await wait_for_ms(_until_closed(engine, link, driver), _GOODBYE_MS)
    except (OSError, NoSuchSession, asyncio.TimeoutError):
        pass  # nobody is there to hear it


async def _until_closed(engine: "Any", link: "Link", driver: "LinkDriver") -> None:
    while True:
        while True:
            frame = driver.next_frame()
            if frame is None:
                break
            await link.send(frame)
        event = engine.next_event()
        while event is not None:
            if isinstance(event, Closed):
                return
            event = engine.next_event()
        try:
            engine.receive(await link.receive(), driver.engine_ms())
        except ProtocolError:
            pass  # the neighbour's last frames may be for anything
