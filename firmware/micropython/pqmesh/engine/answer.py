# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our R2, and the session that R3 will open: sent, repeated while R3 does not come, forgotten.

R2 of HS-R and HS-RP is one frame, repeated by timer. R2 of HS-RK is a message in fragments with
a MessageSender. Either is given up after some silence; R3 may come all the same until the end.
"""

from ..compat import TYPE_CHECKING, const
from ..wire.handshake import HS_RK, M2
from ..wire.resumption import HS_R, RESUME_BYTES, RESUMED_BYTES
from .sender import MessageSender
from .stats import Tally

if TYPE_CHECKING:
    from ..limits import LinkProfile
    from .context import Context
    from .flows import FlowTable
    from .session import Session

_REPEATS = const(7)  # of the frame by timer; a repeated R1 draws more
_SILENCES = const(6)  # in a row, of the message: a POLL or two, then heads


def patience_ms(link: "LinkProfile", silences: int) -> int:
    """From the end of R1: one round trip, twice as long after every second silence."""
    return min(link.answer_due_ms(RESUMED_BYTES) << silences // 2, link.max_rto_ms)


class Answer:
    """One R2 under way.

    :param mode: HS_R, HS_RK or HS_RP
    :param index: of our prekey that it rests on, in HS_RP
    :param flows: where the R1 came together, if it came in fragments
    """

    def __init__(
        self,
        session: "Session",
        r2: bytes,
        now: int,
        mode: int = HS_R,
        index: int = 0,
        tally: "Tally | None" = None,
        flows: "FlowTable | None" = None,
    ) -> None:
        self.session = session
        self.r2 = r2
        self.mode = mode
        self.index = index
        self.started_at = now
        self.tally = tally or Tally()
        self.repeats = 0
        self.expires_at = now
        self.touched_at = -1  # when the peer last acknowledged some of it
        self.sender: "MessageSender | None" = None
        self._flows = flows
        self._deadline = now
        self._repeated_at = now

    @property
    def deadline(self) -> int:
        """When to repeat R2; once that has been done often enough, of the end."""
        sender = self.sender
        if sender is None or sender.deadline is None:
            return self._deadline
        return sender.deadline

    def due(self, now: int) -> bool:
        """Whether R3 is late, or the end has come."""
        return now >= self.deadline and not (self.sender and self.sender.settle(now))

    def settled(self) -> bool:
        """Whether R2 will not be repeated any more: if the peer is there, it does not go on."""
        return self.repeats >= (_SILENCES if self.mode == HS_RK else _REPEATS)

    def start(self, context: "Context", now: int) -> None:
        """Send R2 for the first time."""
        self.expires_at = now + context.link.handshake_ms
        self.begin(context, now)

    def begin(self, context: "Context", now: int) -> None:
        """Send R2, and repeat it as often as one does."""
        self.repeats = 0
        if self.mode == HS_RK:
            self.sender = MessageSender(self.r2, M2, HS_RK, context.link, self.tally)
            self.sender.start(context.tx, now)
        else:
            self.send(context, now)

    def send(self, context: "Context", now: int) -> None:
        """Send the frame, or send it again."""
        self.tally.sent += RESUMED_BYTES
        left_at = context.tx.put(self.r2, now)
        # The peer's own timer began earlier, and its R1 goes first: it draws R2 all the same.
        link = context.link
        self._deadline = left_at + patience_ms(link, self.repeats) + link.airtime_ms(RESUME_BYTES)

    def repeat(self, context: "Context", now: int) -> None:
        """R3 has not come in time."""
        if self.touched_at > self._repeated_at:
            self.repeats = 0
        self.repeats += 1
        self._repeated_at = now
        if self.sender is None:
            context.stats.frames_retransmitted += 1
            self.send(context, now)
        elif not self.sender.on_timeout(context.tx, now, context.stats):
            self.repeats = _SILENCES
            self.wait(now)

    def wait(self, until: int) -> None:
        """Repeat nothing more: the first frame of the session may still be R3."""
        self.stop()
        self._deadline = until

    def stop(self) -> None:
        """Send nothing more of R2."""
        if self.sender is not None:
            self.sender.finished = True
        self.sender = None

    def drop(self) -> None:
        """R3 is not expected any more; the same R1 is another one from now on."""
        self.stop()
        self.session.discard()
        if self._flows is not None:
            self._flows.forget(self.session.handle)
