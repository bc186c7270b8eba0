# SPDX-License-Identifier: MIT OR Apache-2.0
"""A machine.UART as a byte port. MicroPython only."""

import asyncio

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class UartPort:
    """Octets over a UART the caller opened (hardware is handed in, never made here).

    Open it with ``timeout=0`` so that a read takes what is there and never blocks the other
    tasks, and with a receive buffer of at least two frames: while the board signs (hundreds
    of milliseconds) nobody empties it.
    """

    def __init__(self, uart: "Any") -> None:
        self._reader = asyncio.StreamReader(uart)
        self._writer = asyncio.StreamWriter(uart, {})

    async def readinto(self, buffer: bytearray) -> int:
        """At least one octet, at most len(buffer); returns how many."""
        while True:
            count = await self._reader.readinto(buffer)
            if count:
                return count

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
