# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a node in the foreground: prints its events, stops it in order on Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import Any

from ..config import Config
from ..events import EventBus, Subscription
from ..node import Node
from .render import console, event_line

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(config: Config, as_json: bool) -> None:
    """Run the node ``config`` describes until it is told to stop.

    :raises OperatorError: it could not start, or failed; everything is closed again
    """
    asyncio.run(_serve(config, as_json))


async def _serve(config: Config, as_json: bool) -> None:
    # What the packages log they also report as events; those are what people see here.
    logging.getLogger("pqmesh_host").addHandler(logging.NullHandler())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_once() -> None:
        stop.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)  # the second Ctrl-C does not wait for anything

    for number in SIGNALS:
        loop.add_signal_handler(number, stop_once)
    bus = EventBus()
    events = bus.subscribe()
    printer = asyncio.create_task(_print_events(events, as_json))
    # A reader of our output that has gone away ends the node, as it would end `cat`.
    printer.add_done_callback(lambda _: stop.set())
    try:
        async with Node.open(config, bus=bus):
            await stop.wait()
    finally:
        events.close()
        await printer


async def _print_events(events: Subscription, as_json: bool) -> None:
    """Print until the subscription is closed and empty.

    In a thread: a stopped terminal or a full pipe must not stop the node.
    """
    printed = console()
    async for event in events:
        await asyncio.to_thread(_print, printed, event.as_json(), as_json)


def _print(printed: Any, event: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(event), flush=True)
    else:
        printed.print(event_line(event))
