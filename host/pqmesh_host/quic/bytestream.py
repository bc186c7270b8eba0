# SPDX-License-Identifier: MIT OR Apache-2.0
"""A bidirectional stream as bytes, for what is no message: the relay's framing.

What arrives is handed on at once, so it holds nothing; what is sent waits for the peer's
acknowledgement, up to MAX_UNACKNOWLEDGED_BYTES, and no further: who relays datagrams would
rather lose one than deliver it late.
"""

from __future__ import annotations

from collections.abc import Callable

from .connection import PqConnection

MAX_UNACKNOWLEDGED_BYTES = 512 * 1024


class ByteStream:
    """Set ``on_data`` and ``on_end`` before control returns to the event loop."""

    def __init__(
        self, connection: PqConnection, stream_id: int, touch: Callable[[], None]
    ) -> None:
        self.on_data: Callable[[bytes], None] = _ignore
        self.on_end: Callable[[], None] = _nothing
        self.received = 0
        self.ended = False
        self._finished = False
        self._connection = connection
        self._stream_id = stream_id
        self._touch = touch
        connection.byte_streams.add(stream_id)

    def send(self, data: bytes) -> bool:
        """Send all of ``data``, or nothing: False when too much is unacknowledged, or it ended."""
        if self.ended or self._finished:
            return False
        backlog = self._connection.backlog_bytes(self._stream_id)
        if backlog < 0 or backlog + len(data) > MAX_UNACKNOWLEDGED_BYTES:
            return False
        self._connection.send_stream_data(self._stream_id, data)
        self._touch()
        return True

    def finish(self) -> None:
        """Send FIN after what was sent; what still arrives is dropped. Idempotent."""
        if self._finished:
            return
        self._finished = True
        if not self.ended and self._connection.backlog_bytes(self._stream_id) >= 0:
            self._connection.send_stream_data(self._stream_id, b"", end_stream=True)
            self._touch()

    # For the streams of the connection.

    def receive(self, data: bytes, end: bool) -> None:
        """Hand on what arrived in order; after our own FIN it is dropped."""
        self.received += len(data)
        if data and not self._finished:
            self.on_data(data)
        if end:
            self.end()

    def end(self) -> None:
        """The peer finished or reset the stream, or the connection is gone. Idempotent."""
        if self.ended:
            return
        self.finish()
        self.ended = True
        self.on_end()


def _ignore(data: bytes) -> None:
    """Before somebody listens there is nothing to do."""


def _nothing() -> None:
    """As ``_ignore``."""
