# SPDX-License-Identifier: MIT OR Apache-2.0
"""Messages waiting for the application. Its bound is the credit given to the peer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Inbox:
    """Many may wait; each message goes to one. Cancelling a wait loses nothing."""

    def __init__(self) -> None:
        self._entries: deque[tuple[bytes, Callable[[], None]]] = deque()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, payload: bytes, taken: Callable[[], None]) -> None:
        """Add a message; ``taken`` runs when the application has it."""
        self._entries.append((payload, taken))
        self._changed.set()

    def pop(self) -> bytes | None:
        """Take the oldest message, or None."""
        if not self._entries:
            return None
        payload, taken = self._entries.popleft()
        taken()
        return payload

    def wake(self) -> None:
        """Make every waiter look again, because the peer has ended."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait for the next ``put`` or ``wake``."""
        self._changed.clear()
        await self._changed.wait()

    def move_to(self, other: Inbox) -> None:
        """Hand everything that waits to another inbox, in order."""
        while self._entries:
            other.put(*self._entries.popleft())
