# SPDX-License-Identifier: MIT OR Apache-2.0
"""The receiving half of a session's stream: segments in any order, whole messages in order."""

from ..compat import TYPE_CHECKING, const
from ..errors import Exhausted
from ..wire.session import SEQUENCE_MASK, AckBlock

if TYPE_CHECKING:
    from ..compat import Buffer

_HALF = const(0x4000)
_BITMAP_BITS = const(32)


class ReceiveWindow:
    """Holds at most ``window`` segments out of order and one unfinished message.

    :param message_bytes: the longest message taken; both bounds were told to the peer
    """

    def __init__(self, window: int, message_bytes: int) -> None:
        self._window = window
        self._message_bytes = message_bytes
        self._wanted = 0
        self._held: "dict[int, tuple[bool, bytes]]" = {}
        self._parts: "list[bytes]" = []
        self._size = 0
        self.in_order = True  # whether the last segment was the one wanted

    def ack_block(self) -> AckBlock:
        """Return what has arrived."""
        bitmap = 0
        for sequence in self._held:
            bitmap |= 1 << ((sequence - self._wanted - 1) & SEQUENCE_MASK)
        return AckBlock(self._wanted, bitmap)

    def accept(self, sequence: int, last: bool, data: "Buffer") -> "list[bytes]":
        """Take one segment; return the messages it completes, in order.

        :raises Exhausted: it is beyond the window, or its message is too long
        """
        ahead = (sequence - self._wanted) & SEQUENCE_MASK
        self.in_order = not ahead and not self._held
        if ahead >= _HALF or sequence in self._held:
            return []  # again; the caller acknowledges it again
        if ahead >= self._window:
            raise Exhausted("segment %d ahead of the window" % ahead)
        if not ahead and not self._fits(data):
            raise Exhausted("message over %d bytes" % self._message_bytes)
        self._held[sequence] = last, bytes(data)
        return self._consume()

    def _fits(self, data: "Buffer") -> bool:
        return self._size + len(data) <= self._message_bytes

    def _consume(self) -> "list[bytes]":
        whole: "list[bytes]" = []
        while self._wanted in self._held:
            last, data = self._held[self._wanted]
            if not self._fits(data):
                break  # stays unacknowledged: the peer breaks its word and will time out
            del self._held[self._wanted]
            self._wanted = (self._wanted + 1) & SEQUENCE_MASK
            self._parts.append(data)
            self._size += len(data)
            if last:
                whole.append(b"".join(self._parts))
                self._parts = []
                self._size = 0
        return whole
