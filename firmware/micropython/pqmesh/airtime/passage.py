# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a driver asks of one radio: the gate of airtime, bound to its engine and to the radio.

    engine --> AirGate --> Passage.next --> driver --> modem

The driver gives the engine no time but ``engine_ms``: while what is known waits for airtime that
clock stands still. It sends what ``next`` returns at once, asks again at ``wake_us``, and tells
its owner what ``news`` says.
"""

from ..compat import TYPE_CHECKING, const
from .budget import KNOWN, STRANGER
from .gate import AirGate

if TYPE_CHECKING:
    from typing import Protocol

    from .budget import AirtimeBudget

    class Engine(Protocol):
        """What is asked of engine.Engine."""

        @property
        def for_stranger(self) -> bool: ...
        def next_transmit(self, now: "int | None" = None) -> "bytes | None": ...
        def waits(self) -> bool: ...


_NEWS_US = const(1_000_000)  # a shorter wait is not worth a word


class Passage:
    """One engine's; the budget outlives it. Times in us since an arbitrary start.

    :param budget: the radio's account
    """

    def __init__(self, engine: "Engine", budget: "AirtimeBudget") -> None:
        self.gate = AirGate(budget, self._pull, self._kind_of, engine.waits)
        self._engine = engine
        self._now_us = 0
        self._free_us = 0  # when the radio has sent what it was given
        self._told_us = 0  # until when the owner knows that something waits

    def next(self, now_us: int) -> "bytes | None":
        """The frame to send now; its airtime is spent. None: the radio is busy, or must wait."""
        if now_us < self._free_us:
            return None
        self._now_us = now_us
        frame = self.gate.offer(now_us)
        if frame is not None:
            self._free_us = now_us + self.gate.started(now_us)
        return frame

    def wake_us(self, now_us: int) -> "int | None":
        """When ``next`` should be asked again, if the engine has nothing new; None: not before."""
        if now_us < self._free_us:  # then the engine may have more, whatever waits here
            return self._free_us
        return self.gate.next_possible_us(now_us)

    def engine_ms(self, now_us: int) -> int:
        """What time it is for the engine, in ms."""
        return self.gate.engine_ms(now_us)

    def wall_us(self, engine_ms: int, now_us: int) -> int:
        """When it will be ``engine_ms`` for the engine."""
        return self.gate.wall_us(engine_ms, now_us)

    def held_until_us(self, now_us: int) -> "int | None":
        """The next possible moment for what waits for airtime now; None: nothing does."""
        possible = self.gate.next_possible_us(now_us)
        return None if possible is None or possible <= now_us else possible

    def news(self, now_us: int) -> "int | None":
        """The same, once for every moment it names, if it is a second away or more."""
        if now_us < max(self._told_us, self._free_us):
            return None
        possible = self.held_until_us(now_us)
        if possible is None or possible < now_us + _NEWS_US:
            return None
        self._told_us = possible
        return possible

    def _pull(self) -> "bytes | None":
        return self._engine.next_transmit(self.engine_ms(self._now_us))

    def _kind_of(self, _frame: bytes) -> int:
        return STRANGER if self._engine.for_stranger else KNOWN
