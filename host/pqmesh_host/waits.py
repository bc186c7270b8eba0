# SPDX-License-Identifier: MIT OR Apache-2.0
"""The half of a pqmesh.conversation Carrier that waits, on asyncio's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from .driver import now_ms


class Waits:
    """Time, and waiting for something."""

    def now(self) -> int:
        return now_ms()

    def event(self) -> asyncio.Event:
        return asyncio.Event()

    async def within(self, awaitable: Awaitable[Any], ms: int) -> bool:
        """Wait at most ``ms``; whether it came."""
        try:
            async with asyncio.timeout(ms / 1000):
                await awaitable
        except TimeoutError:
            return False
        return True
