# SPDX-License-Identifier: MIT OR Apache-2.0
"""What was sent and is not acknowledged yet: the back-pressure of ``Peer.send``.

aioquic keeps a message's bytes until they are acknowledged, so this bounds its memory too.
"""

from __future__ import annotations

from .connection import PqConnection
from .limits import QuicLimits


class Outbox:
    """Messages in flight on one connection, by stream."""

    def __init__(self, connection: PqConnection, limits: QuicLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._sizes: dict[int, int] = {}
        self._bytes = 0

    def stream_for(self, size: int, *, bidi: bool = False) -> int | None:
        """The stream for one more message of ``size`` bytes; None while there is no room."""
        connection = self._connection
        if not self._fits(size):
            self._forget_delivered()
            if not self._fits(size):
                return None
        room = connection.bidi_stream_room() if bidi else connection.uni_stream_room()
        if room < 1:
            return None
        return connection.get_next_available_stream_id(is_unidirectional=not bidi)

    def put(self, stream_id: int, data: bytes) -> None:
        """Hand one whole message to the connection."""
        self._connection.send_stream_data(stream_id, data, end_stream=True)
        self._sizes[stream_id] = len(data)
        self._bytes += len(data)

    @property
    def is_empty(self) -> bool:
        """Whether everything sent has been acknowledged."""
        self._forget_delivered()
        return not self._sizes

    def _fits(self, size: int) -> bool:
        if len(self._sizes) >= self._limits.send_streams:
            return False
        # A message longer than the whole buffer goes alone.
        return not self._sizes or self._bytes + size <= self._limits.send_buffer_bytes

    def _forget_delivered(self) -> None:
        delivered = [s for s in self._sizes if self._connection.is_delivered(s)]
        for stream_id in delivered:
            self._bytes -= self._sizes.pop(stream_id)
