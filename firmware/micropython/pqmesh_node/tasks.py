# SPDX-License-Identifier: MIT OR Apache-2.0
"""The one piece of structured concurrency a board needs: tasks that live and die together.

MicroPython has no TaskGroup, and its gather() leaves the other tasks running when one fails
(and forbids waiting for them afterwards).
"""

import asyncio

from pqmesh.compat import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


async def run_together(*functions: "Callable[[], Awaitable[Any]]") -> None:
    """Run the ``async def`` functions as tasks until one returns or raises.

    The others are then cancelled and have ended when this returns. Raises what the first one
    raised. Cancelling it ends them all.
    """
    ended = asyncio.Event()
    failures: "list[Exception]" = []

    async def guard(function: "Callable[[], Awaitable[Any]]") -> None:
        try:
            await function()
        except Exception as error:  # noqa: BLE001 (handed on below, whatever it is)
            failures.append(error)
        ended.set()

    tasks = [asyncio.create_task(guard(function)) for function in functions]
    try:
        await ended.wait()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                pass
    if failures:
        raise failures[0]
