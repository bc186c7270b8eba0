# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames on their way to the link, and an estimate of when the link will have sent them.

The engine is not told when a frame has left, so timers that began when a frame was queued
would expire while a long burst is still on the wire. ``put`` therefore books the airtime of
each frame after that of those before it and returns when it should be through.

Fragments of a handshake message are queued by number and built when they are pulled: a board
need not hold 6 KB twice.
"""

from collections import deque

from ..compat import TYPE_CHECKING

if TYPE_CHECKING:
    from ..limits import LinkProfile
    from .sender import MessageSender
    from .stats import Stats

    Entry = tuple[bytes | MessageSender, int, bool]


class TransmitQueue:
    """At most ``capacity`` frames; one more is dropped and counted, as the medium might."""

    def __init__(self, link: "LinkProfile", capacity: int, stats: "Stats") -> None:
        self._link = link
        self._capacity = capacity
        self._stats = stats
        self._queue: "deque[Entry]" = deque((), capacity)
        self._free_at = 0  # when the link will have sent what was ever queued

    def put(self, frame: bytes, now: int) -> int:
        """Queue a finished frame; return when it should have left."""
        return self._append((frame, 0, False), len(frame), now)

    def put_fragment(self, sender: "MessageSender", index: int, poll: bool, now: int) -> int:
        """Queue fragment ``index`` of a message; return when it should have left."""
        return self._append((sender, index, poll), sender.frame_bytes(index), now)

    def free_at(self, now: int) -> int:
        """Return when the link will be idle."""
        return max(self._free_at, now)

    def next(self) -> "bytes | None":
        """Return the next frame, skipping fragments that have become pointless."""
        while self._queue:
            item, index, poll = self._queue.popleft()
            if not isinstance(item, (bytes, bytearray)):
                if item.finished or (item.has(index) and not poll):
                    continue
                item = item.frame(index, poll)
            self._stats.frames_sent += 1
            self._stats.bytes_sent += len(item)
            return item
        return None

    def _append(
        self, entry: "tuple[bytes | MessageSender, int, bool]", size: int, now: int
    ) -> int:
        if len(self._queue) >= self._capacity:
            self._stats.frames_overflowed += 1
            return self.free_at(now)
        self._queue.append(entry)
        self._free_at = self.free_at(now) + self._link.airtime_ms(size)
        return self._free_at
