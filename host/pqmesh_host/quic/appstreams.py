# SPDX-License-Identifier: MIT OR Apache-2.0
"""The application streams of one connection: who has which, and who waits in ``accept_bi``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from . import messages
from .appstream import AppStream
from .assembly import Assembly
from .connection import PqConnection

MAX_UNACCEPTED = 256
"""ant-quic's queue (ant-quic-wire §4.5); a stream beyond it is reset with code 0."""

MAX_OPEN = 1024
"""Streams in the table, theirs and ours; one of theirs beyond it is reset with code 0."""


class AppStreams:
    """``news`` is called when credit moved or something waits to be sent."""

    def __init__(
        self, connection: PqConnection, assembly: Assembly, news: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._assembly = assembly
        self._news = news
        self._streams: dict[int, AppStream] = {}
        self._unaccepted: deque[AppStream] = deque()
        self._arrival = asyncio.Event()

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._streams

    def opened(self, stream_id: int) -> AppStream:
        """One of ours, on which the head has been sent."""
        return self._enter(stream_id)

    def has_room(self) -> bool:
        """Whether another of the peer's is taken."""
        return len(self._unaccepted) < MAX_UNACCEPTED and len(self._streams) < MAX_OPEN

    def arrived(self, stream_id: int, data: bytes, end: bool) -> None:
        """One of the peer's, with its head; the assembly holds its bytes so far."""
        stream = self._enter(stream_id)
        self._assembly.consumed(messages.MAGIC_BYTES)
        stream.received = messages.MAGIC_BYTES
        stream.receive(data[messages.MAGIC_BYTES :], end)
        self._unaccepted.append(stream)
        self._arrival.set()

    def receive(self, stream_id: int, data: bytes, end: bool) -> None:
        """More of a stream in the table."""
        self._assembly.hold(len(data))
        self._streams[stream_id].receive(data, end)
        if end:
            self._forget_ended(stream_id)

    def reset(self, stream_id: int, code: int) -> None:
        """The peer reset its half; what never arrived used credit too."""
        stream = self._streams[stream_id]
        used = self._connection.received_bytes(stream_id) or stream.received
        self._assembly.passed(max(0, used - stream.received))
        stream.reset(code)
        self._forget_ended(stream_id)

    def stopped(self, stream_id: int, code: int) -> None:
        """The peer wants no more of our half."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.stopped(code)

    def next(self) -> AppStream | None:
        """The oldest that nobody accepted, or None."""
        return self._unaccepted.popleft() if self._unaccepted else None

    async def another(self) -> None:
        """Wait for the next of the peer's, or the end."""
        self._arrival.clear()
        await self._arrival.wait()

    def progressed(self) -> None:
        """Packets arrived: perhaps a writer has room, or its bytes are delivered."""
        for stream in list(self._streams.values()):
            stream.wake()
            if stream.is_over:
                self._forget_ended(stream.stream_id)

    def fail(self, error: Exception) -> None:
        """The connection has ended."""
        for stream in self._streams.values():
            stream.fail(error)
        self._streams.clear()
        self._arrival.set()

    def _enter(self, stream_id: int) -> AppStream:
        stream = AppStream(self._connection, stream_id, self._consumed, self._news)
        self._streams[stream_id] = stream
        return stream

    def _consumed(self, stream: AppStream, size: int) -> None:
        """The application read: its peer may send as much again, on stream and connection."""
        if size:
            self._assembly.consumed(size)
            self._connection.extend_stream(stream.stream_id, size)
            self._news()

    def _forget_ended(self, stream_id: int) -> None:
        """Drop a stream of which neither half has anything to come."""
        stream = self._streams.get(stream_id)
        if stream is not None and stream.is_over and self._connection.is_delivered(stream_id):
            del self._streams[stream_id]
