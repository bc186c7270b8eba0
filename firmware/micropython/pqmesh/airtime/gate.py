# SPDX-License-Identifier: MIT OR Apache-2.0
"""Between an engine and its radio: lets a frame go when the airtime budget has room for it.

    engine.next_transmit --> AirGate.offer --> listen before talk --> radio.send, AirGate.started

What is known waits, in order: nothing overtakes it, and while it waits the engine's clock stands
still (``engine_ms``), so that no timer expires for want of an answer to what was never said.
What is for strangers waits beside it, in a short queue: a fifth of the budget is theirs, and when
it is used up they must not keep the others from theirs. The two classes are those of budget.py.

An owner that is about to begin something long asks ``check`` first, and tells its user the time
the refusal carries.
"""

from collections import deque

from ..compat import TYPE_CHECKING, const
from ..errors import UsageError
from .budget import KNOWN, STRANGER, AirtimeExhausted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .budget import AirtimeBudget

HELD_FRAMES = const(4)  # of strangers; one more is dropped, as the medium might


class AirGate:
    """One radio's. Times in us, as in AirtimeBudget.

    :param pull: gives the next frame, or None: ``Engine.next_transmit``
    :param kind_of: whose airtime the frame just pulled is, KNOWN or STRANGER; None: all is known
    :param waits: whether ``pull`` has a frame: ``Engine.waits``; None: only pulling tells
    """

    def __init__(
        self,
        budget: "AirtimeBudget",
        pull: "Callable[[], bytes | None]",
        kind_of: "Callable[[bytes], int] | None" = None,
        waits: "Callable[[], bool] | None" = None,
    ) -> None:
        self.dropped = 0  # frames for which there was no room, or no budget is large enough
        self.held_us = 0  # how long known frames have waited, all in all
        self._budget = budget
        self._pull = pull
        self._kind_of = kind_of
        self._waits = waits
        self._offered: "tuple[bytes, int] | None" = None  # may start; the radio has not begun
        self._held: "bytes | None" = None  # known, and may not start yet
        self._held_since = 0
        self._strangers: "deque[bytes]" = deque((), HELD_FRAMES)

    def waiting(self, now_us: int) -> bool:
        """Whether ``offer`` may have a frame now, and nothing is pulled to find out.

        A radio asks this while it must not talk: a question pulled before the channel is free
        may have been answered by then.
        """
        if self._offered is not None:
            return True
        if self._strangers and self._may(self._strangers[0], STRANGER, now_us):
            return True
        if self._held is not None:
            return self._may(self._held, KNOWN, now_us)
        return self.offer(now_us) is not None if self._waits is None else self._waits()

    def offer(self, now_us: int) -> "bytes | None":
        """Return the frame to send next if it may start now: the same one until ``started``.

        Asked only while the radio is free: what it still sends is not airtime to wait for.
        """
        if self._offered is None:
            self._offered = self._choose(now_us)
        return None if self._offered is None else self._offered[0]

    def started(self, now_us: int) -> int:
        """The radio begins to send what was offered; returns its time on air.

        :raises UsageError: nothing was offered
        """
        if self._offered is None:
            raise UsageError("nothing was offered")
        frame, kind = self._offered
        self._offered = None
        return self._budget.spend(len(frame), now_us, kind)

    def next_possible_us(self, now_us: int) -> "int | None":
        """When ``offer`` will have a frame that waits here now; None: none does."""
        if self._offered is not None:
            return now_us
        moments = []
        if self._held is not None:
            moments.append(self._when(self._held, KNOWN, now_us))
        if self._strangers:
            moments.append(self._when(self._strangers[0], STRANGER, now_us))
        return min(moments) if moments else None

    def engine_ms(self, now_us: int) -> int:
        """The engine's clock: ms that stand still while a known frame waits for airtime."""
        waited = self.held_us
        if self._held is not None:
            waited += now_us - self._held_since
        return (now_us - waited) // 1000

    def wall_us(self, engine_ms: int, now_us: int) -> int:
        """When the engine's clock will show ``engine_ms`` if nothing more has to wait."""
        waited = self.held_us
        if self._held is not None:
            waited += self._when(self._held, KNOWN, now_us) - self._held_since
        return engine_ms * 1000 + waited

    def check(self, lengths: "Iterable[int]", now_us: int, kind: int = KNOWN) -> None:
        """Whether frames of these lengths could go one after the other, beginning now.

        :raises AirtimeExhausted: not now; carries the moment from which on they could
        :raises UsageError: never in one go; the budget as a whole is smaller
        """
        start = self._budget.burst_possible_us(lengths, now_us, kind)
        if start > now_us:
            raise AirtimeExhausted(start, now_us)

    def _choose(self, now_us: int) -> "tuple[bytes, int] | None":
        if self._strangers and self._may(self._strangers[0], STRANGER, now_us):
            return self._strangers.popleft(), STRANGER
        if self._held is not None:
            if not self._may(self._held, KNOWN, now_us):
                return None
            frame, self._held = self._held, None
            self.held_us += now_us - self._held_since
            return frame, KNOWN
        while True:
            pulled = self._pull()
            if pulled is None:
                return None
            kind = KNOWN if self._kind_of is None else self._kind_of(pulled)
            if self._take(pulled, kind, now_us):
                return pulled, kind
            if self._held is not None:
                return None

    def _take(self, frame: bytes, kind: int, now_us: int) -> bool:
        """Whether ``frame`` may go at once; else it is put where it waits, or dropped."""
        try:
            if self._may(frame, kind, now_us) and not (kind == STRANGER and self._strangers):
                return True
        except UsageError:  # longer than the whole budget: no time will do
            self.dropped += 1
            return False
        if kind == KNOWN:
            self._held = frame
            self._held_since = now_us
        elif len(self._strangers) < HELD_FRAMES:
            self._strangers.append(frame)
        else:
            self.dropped += 1
        return False

    def _may(self, frame: bytes, kind: int, now_us: int) -> bool:
        return self._when(frame, kind, now_us) <= now_us

    def _when(self, frame: bytes, kind: int, now_us: int) -> int:
        return self._budget.next_possible_us(len(frame), now_us, kind)
