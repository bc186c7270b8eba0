# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams into messages, and the credit that follows from what the application took.

Three places hold received bytes: incomplete messages here, complete ones in the inbox,
and what the application has taken. The peer may send

    taken + window                         while messages wait in the inbox
    taken + window + incomplete            while none do, up to ``taken + ceiling``
    + held                                 for what application streams hold unread, too

so a slow application slows its peer down, and a peer that sends many long messages at
once cannot stall itself: waiting for an application that has nothing to take would be
for ever. An application stream has a window of its own; one that is not read stops
itself, and messages and other streams only at the ceiling. There, while nothing waits for
the application, the newest incomplete message is refused. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .limits import QuicLimits

UNI = 2
"""Bit of a stream id: set on unidirectional streams (RFC 9000 §2.1)."""


HEAD_BYTES = 8
"""As long as the magics are; a peer may send them a byte at a time."""


class TooLong(Exception):
    """The stream now carries more than one message may; its bytes were dropped."""


@dataclass
class _Stream:
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    refused: bool = False


class Assembly:
    """Receives every stream of one connection. A stream is one message, ended by FIN."""

    def __init__(self, limits: QuicLimits, request_header_bytes: int = 0) -> None:
        self._limits = limits
        self._longest_uni = limits.max_message_bytes
        self._longest_bidi = limits.max_message_bytes + request_header_bytes
        self._streams: dict[int, _Stream] = {}
        self._incomplete = 0
        self._waiting = 0
        self._held = 0
        self._taken = 0
        self._ended = 0  # uni streams only: they are what message_credit counts

    def feed(self, stream_id: int, data: bytes, end: bool) -> bytes | None:
        """Take the next bytes of a stream; return the message when they complete it.

        A returned message counts as waiting until ``take`` is called for it.

        :raises TooLong: refuse the stream; more bytes of it are dropped quietly
        """
        stream = self._streams.setdefault(stream_id, _Stream())
        stream.size += len(data)
        if stream.refused:
            self._taken += len(data)
            if end:
                self._forget(stream_id)
            return None
        stream.chunks.append(data)
        self._incomplete += len(data)
        if stream.size > (self._longest_uni if stream_id & UNI else self._longest_bidi):
            self._drop(stream)
            if end:
                self._forget(stream_id)
            raise TooLong
        if not end:
            return None
        del self._streams[stream_id]
        self._incomplete -= stream.size
        self._waiting += stream.size
        return stream.chunks[0] if len(stream.chunks) == 1 else b"".join(stream.chunks)

    def take(self, stream_id: int, size: int) -> None:
        """A message of ``size`` bytes left for the application, or was handled here."""
        self._waiting -= size
        self._taken += size
        self._forget(stream_id)

    def abandon(self, stream_id: int, received: int) -> None:
        """The peer reset a stream whose bytes used ``received`` of the credit."""
        stream = self._streams.get(stream_id, _Stream())
        if not stream.refused:
            self._drop(stream)
        self._taken += max(0, received - stream.size)
        self._forget(stream_id)

    def refuse_newest(self, used: int) -> int | None:
        """Pick the stream to give up when ``used`` bytes leave the peer no credit at all."""
        if self._waiting or self._held or not self._incomplete or used < self.byte_credit:
            return None
        stream_id = max(s for s, stream in self._streams.items() if not stream.refused)
        self._drop(self._streams[stream_id])
        return stream_id

    def head(self, stream_id: int) -> bytes:
        """At least HEAD_BYTES of an incomplete message, or all there is, to see its kind."""
        stream = self._streams.get(stream_id)
        return b"" if stream is None else b"".join(stream.chunks[:HEAD_BYTES])

    def release(self, stream_id: int) -> bytes:
        """Hand over what came of a stream that turned out to be no message."""
        stream = self._streams.pop(stream_id, _Stream())
        if not stream.refused:
            self._incomplete -= stream.size
            self._taken += stream.size
        return b"".join(stream.chunks)

    def lend(self, stream_id: int) -> bytes:
        """Hand over what came of a stream that turned out to be an application's.

        It waits for the application from now on, as ``hold`` says of what follows.
        """
        stream = self._streams.pop(stream_id, _Stream())
        if not stream.refused:
            self._incomplete -= stream.size
            self._held += stream.size
        return b"".join(stream.chunks)

    def keep(self, stream_id: int, size: int) -> None:
        """As ``lend``, for a message that is whole: it was an application's stream."""
        self._waiting -= size
        self._held += size
        self._forget(stream_id)

    def hold(self, size: int) -> None:
        """Bytes wait for the application elsewhere, until ``consumed``."""
        self._held += size

    def consumed(self, size: int) -> None:
        """The application has them."""
        self._held -= size
        self._taken += size

    def passed(self, size: int) -> None:
        """Bytes went by that nothing here holds."""
        self._taken += size

    def refuse(self, stream_id: int) -> None:
        """Drop what came of a stream and what is still to come."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.refused:
            self._drop(stream)

    @property
    def byte_credit(self) -> int:
        """How far the peer may send, in bytes since the start of the connection."""
        ahead = self._limits.receive_window_bytes + self._held
        if not self._waiting:
            ahead += self._incomplete
        return self._taken + min(ahead, self._limits.assembly_ceiling_bytes)

    @property
    def message_credit(self) -> int:
        """How many streams the peer may have opened, since the start."""
        return self._ended + self._limits.max_unread_messages

    @property
    def held_bytes(self) -> int:
        """Bytes held in memory: incomplete, waiting, and unread of streams."""
        return self._incomplete + self._waiting + self._held

    def _forget(self, stream_id: int) -> None:
        self._streams.pop(stream_id, None)
        self._ended += bool(stream_id & UNI)

    def _drop(self, stream: _Stream) -> None:
        stream.refused = True
        stream.chunks.clear()
        self._incomplete -= stream.size
        self._taken += stream.size
