# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sends one frame again and again until its owner hears an answer: HELLO, HS-K's Confirm.

Such a frame is never cut and never acknowledged by a SACK. The peer answers it at once, with no
public-key work, so it is soon sent again; twice as late after every second silence. Each wait is
up to half as long again, by chance: two nodes that called each other at once would go on so.
"""

from ..compat import TYPE_CHECKING, const

if TYPE_CHECKING:
    from .context import Context
    from .stats import Stats, Tally
    from .transmit import TransmitQueue

_SLACK_MS = const(150)  # for a peer whose driver looks at its clock late, and for a few HMACs


class Repeater:
    """One frame under way; its owner drops it when it has done its work.

    :param answer_bytes: length of the frame that answers it
    :param to: link address of the peer; empty where there are none, or it is not known
    """

    def __init__(
        self,
        context: "Context",
        frame: bytes,
        answer_bytes: int,
        tally: "Tally",
        to: bytes = b"",
    ) -> None:
        link = context.link
        self._wait_ms = 2 * link.turnaround_ms + link.airtime_ms(answer_bytes) + _SLACK_MS
        self._link = link
        self._entropy = context.entropy
        self._frame = frame
        self._tally = tally
        self._to = to
        self._timeouts = 0
        self.number = -1  # of no message
        self.digest = b""  # of no head
        self.finished = False
        self.deadline: "int | None" = None

    def start(self, tx: "TransmitQueue", now: int) -> None:
        """Send it, now."""
        self._tally.sent += len(self._frame)
        wait_ms = min(self._wait_ms << self._timeouts // 2, self._link.max_rto_ms)
        left_at = tx.put(self._frame, now, self._to, True)
        self.deadline = left_at + wait_ms + wait_ms * self._entropy(1)[0] // 512

    def on_timeout(self, tx: "TransmitQueue", now: int, stats: "Stats") -> bool:
        """Send it again, with more patience; returns False when the peer is given up."""
        self._timeouts += 1
        if self._timeouts >= 2 * self._link.tries:
            return False
        stats.frames_retransmitted += 1
        self.start(tx, now)
        return True
