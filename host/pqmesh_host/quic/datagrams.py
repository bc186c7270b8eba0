# SPDX-License-Identifier: MIT OR Apache-2.0
"""Unreliable datagrams (RFC 9221) of one connection: whole, unordered, perhaps lost."""

from __future__ import annotations

import asyncio
from collections import deque

from .connection import PqConnection

MAX_UNSENT = 64
MAX_UNREAD = 256


class Datagrams:
    """Bounded both ways: a sender waits at MAX_UNSENT; at MAX_UNREAD the oldest is dropped,
    for a datagram nobody has read yet is the least likely to matter."""

    def __init__(self, connection: PqConnection) -> None:
        self.dropped = 0
        self._connection = connection
        self._unread: deque[bytes] = deque()
        self._changed = asyncio.Event()

    def has_room(self) -> bool:
        """Whether one more may be queued for sending."""
        return self._connection.unsent_datagrams() < MAX_UNSENT

    def queue(self, data: bytes) -> None:
        """Send one when the congestion window allows.

        :raises ValueError: it does not fit a packet, or the peer takes none. aioquic would
            accept it, and then never send anything again (quic-pqc §3)
        """
        most = self._connection.max_datagram_bytes()
        if len(data) > most:
            raise ValueError(f"a datagram to this peer has at most {most} bytes, not {len(data)}")
        self._connection.send_datagram_frame(data)

    def receive(self, data: bytes) -> None:
        """Keep one that arrived."""
        if len(self._unread) >= MAX_UNREAD:
            self._unread.popleft()
            self.dropped += 1
        self._unread.append(data)
        self._changed.set()

    def pop(self) -> bytes | None:
        """Take the oldest, or None."""
        return self._unread.popleft() if self._unread else None

    def wake(self) -> None:
        """Make every waiter look again, because the peer has ended."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait for the next ``receive`` or ``wake``."""
        self._changed.clear()
        await self._changed.wait()
