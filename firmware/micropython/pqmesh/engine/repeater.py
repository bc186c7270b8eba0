# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sends one frame again and again until its owner hears an answer: HELLO, HS-K's Confirm.

Such a frame is never cut and never acknowledged by a SACK. Each wait is up to a quarter longer
than the rule says, by chance: two nodes that called each other at once would do so for ever.
"""

from ..compat import TYPE_CHECKING, const

if TYPE_CHECKING:
    from .context import Context
    from .stats import Stats, Tally
    from .transmit import TransmitQueue

_SLACK_MS = const(50)  # a peer's driver may look at its clock that late


class Repeater:
    """One frame under way; its owner drops it when it has done its work.

    :param answer_bytes: length of the frame that answers it
    """

    def __init__(
        self, context: "Context", frame: bytes, answer_bytes: int, tally: "Tally"
    ) -> None:
        link = context.link
        exchange = 2 * link.turnaround_ms + link.airtime_ms(answer_bytes)
        self._wait_ms = max(exchange + _SLACK_MS, link.min_rto_ms)
        self._link = link
        self._entropy = context.entropy
        self._frame = frame
        self._tally = tally
        self._timeouts = 0
        self.number = -1  # of no message
        self.digest = b""  # of no head
        self.finished = False
        self.deadline: "int | None" = None

    def start(self, tx: "TransmitQueue", now: int) -> None:
        """Send it, now."""
        self._tally.sent += len(self._frame)
        wait_ms = min(self._wait_ms << self._timeouts, self._link.max_rto_ms)
        self.deadline = tx.put(self._frame, now) + wait_ms + wait_ms * self._entropy(1)[0] // 1024

    def on_timeout(self, tx: "TransmitQueue", now: int, stats: "Stats") -> bool:
        """Send it again, with more patience; returns False when the peer is given up."""
        self._timeouts += 1
        if self._timeouts >= self._link.tries:
            return False
        stats.frames_retransmitted += 1
        self.start(tx, now)
        return True
