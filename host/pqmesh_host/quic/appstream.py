# SPDX-License-Identifier: MIT OR Apache-2.0
"""An application's stream of bytes, both ways (ant-quic-wire §4.5: `ANQAppB1`, then raw bytes).

    sending    OPEN --finish--> FINISHED, or --abort, or the peer stops it--> ABORTED
    receiving  OPEN --FIN--> ENDED, or --the peer resets it--> ABORTED

The halves end separately. What arrived and was not read holds credit of the stream and of
the connection, so a reader that rests makes the writer rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .connection import PqConnection
from .errors import StreamAborted

MAX_UNACKNOWLEDGED_BYTES = 1024 * 1024
"""What ``write`` hands on before it waits for the peer: about a congestion window."""


class AppStream:
    """From ``Peer.open_bi`` or ``Peer.accept_bi``. One reader and one writer at a time."""

    def __init__(
        self,
        connection: PqConnection,
        stream_id: int,
        consumed: Callable[[AppStream, int], None],
        touch: Callable[[], None],
    ) -> None:
        self.stream_id = stream_id
        self.received = 0
        self._connection = connection
        self._consumed = consumed
        self._touch = touch
        self._unread = bytearray()
        self._ended = False
        self._finished = False
        self._receive_error: Exception | None = None
        self._send_error: Exception | None = None
        self._arrived = asyncio.Event()
        self._progress = asyncio.Event()

    async def read(self, most: int = 65_536) -> bytes:
        """The next bytes, at least one and at most ``most``; none at all after the peer's FIN.

        Cancelling loses nothing.

        :raises StreamAborted: the peer reset its half
        :raises PeerClosed: the connection has ended; what arrived before comes first
        """
        while not self._unread:
            if self._receive_error is not None:
                raise self._receive_error
            if self._ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._unread[:most])
        del self._unread[: len(data)]
        self._consumed(self, len(data))
        return data

    async def write(self, data: bytes) -> None:
        """Send all of ``data``; return when it is handed on, at most a window ahead of the peer.

        Cancelled, a part of it may have been sent.

        :raises StreamAborted: the peer stopped our half, or it was finished or aborted here
        :raises PeerClosed: the connection has ended
        """
        view = memoryview(data)
        while True:
            self._check_writable()
            room = MAX_UNACKNOWLEDGED_BYTES - self._connection.backlog_bytes(self.stream_id)
            if room > 0 and view:
                self._connection.send_stream_data(self.stream_id, bytes(view[:room]))
                self._touch()
                view = view[room:]
            if not view:
                return
            await self._progressed()

    def finish(self) -> None:
        """Send FIN after what was written. Idempotent."""
        if self._finished or self._send_error is not None:
            return
        self._finished = True
        self._connection.send_stream_data(self.stream_id, b"", end_stream=True)
        self._touch()

    async def delivered(self) -> None:
        """Wait until the peer has acknowledged everything up to our FIN.

        :raises StreamAborted: our half was aborted on either side
        :raises PeerClosed: the connection has ended before that
        :raises RuntimeError: ``finish`` was not called
        """
        if not self._finished and self._send_error is None:
            raise RuntimeError("finish the stream first")
        while self._send_error is None:
            if self._connection.is_delivered(self.stream_id):
                return
            await self._progressed()
        raise self._send_error

    def abort(self, code: int = 0) -> None:
        """Reset our half, if it is not delivered, and ask the peer to stop its own. Idempotent."""
        if self._send_error is None and not self._connection.is_delivered(self.stream_id):
            self._send_error = StreamAborted(code, by_peer=False)
            self._connection.reset_stream(self.stream_id, code)
        if self._receive_error is None and not self._ended:
            self._receive_error = StreamAborted(code, by_peer=False)
            self._connection.refuse_stream(self.stream_id, code)
            self._drop_unread()
        self._touch()
        self.wake()

    # For the streams of the connection.

    def receive(self, data: bytes, end: bool) -> None:
        """Keep what arrived in order until it is read; after an abort it is dropped."""
        self.received += len(data)
        if self._receive_error is not None:
            self._consumed(self, len(data))
        else:
            self._unread += data
            self._ended |= end
        self._arrived.set()

    def reset(self, code: int) -> None:
        """The peer reset its half."""
        if self._receive_error is None:
            self._receive_error = StreamAborted(code, by_peer=True)
        self._drop_unread()
        self._arrived.set()

    def stopped(self, code: int) -> None:
        """The peer asks us to stop; aioquic answers with the reset (RFC 9000 §3.5)."""
        if self._send_error is None:
            self._send_error = StreamAborted(code, by_peer=True)
        self._progress.set()

    def fail(self, error: Exception) -> None:
        """The connection has ended."""
        self._send_error = self._send_error or error
        if not self._ended:
            self._receive_error = self._receive_error or error
        self.wake()

    def wake(self) -> None:
        """Perhaps there is room, or news."""
        self._arrived.set()
        self._progress.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can arrive."""
        return self._ended or self._receive_error is not None

    def _drop_unread(self) -> None:
        dropped = len(self._unread)
        self._unread.clear()
        self._consumed(self, dropped)

    def _check_writable(self) -> None:
        if self._send_error is not None:
            raise self._send_error
        if self._finished:
            raise StreamAborted(0, by_peer=False)

    async def _progressed(self) -> None:
        self._progress.clear()
        await self._progress.wait()
