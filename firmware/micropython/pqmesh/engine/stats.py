# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counters an operator can read. They only grow; nothing decides by them."""

from ..compat import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import ProtocolError


class Tally:
    """Bytes of one handshake in both directions, retransmissions included, and who causes them."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.stranger = False  # a peer that has proved nothing, an admission key neither


class Stats:
    """What passed through one engine. Bytes are those of frames, before framing octets."""

    def __init__(self) -> None:
        self.frames_sent = 0
        self.bytes_sent = 0
        self.frames_received = 0
        self.bytes_received = 0
        self.frames_retransmitted = 0
        self.frames_overflowed = 0  # not sent because the transmit queue was full
        self.handshakes_started = 0
        self.handshakes_finished = 0
        self.handshakes_resumed = 0  # of the finished ones, those by HS-R
        self.handshakes_failed = 0
        self.dropped: "dict[str, int]" = {}  # by the name of the ProtocolError

    def drop(self, error: "ProtocolError") -> None:
        """Count one frame or message that was refused."""
        cause = type(error).__name__
        self.dropped[cause] = self.dropped.get(cause, 0) + 1
