# SPDX-License-Identifier: MIT OR Apache-2.0
"""What stands between a node and the medium: a queue, listening before talking, and the law.

A node hands over frames and gets frames; when to send them is the modem's matter, as on a real
radio with a driver. It listens before it talks, waits a random number of slots while it hears
somebody, leaves a gap between its own frames, and waits out its duty cycle. Virtual time, in us.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass

from pqmesh.airtime.budget import KNOWN, AirtimeExhausted

from .access import ListenBeforeTalk
from .model import Medium, MediumConfig, Reception


@dataclass(frozen=True, kw_only=True)
class ModemConfig(ListenBeforeTalk):
    """How a modem behaves. Times in us."""

    queue_frames: int = 64
    """Frames waiting; beyond it the oldest is not displaced, the new one is refused."""


class QueueFull(Exception):
    """The modem holds as many frames as it may. Wait for one to leave."""


class Modem:
    """One node's radio. Made by ``Air.join``."""

    def __init__(self, medium: Medium, number: int, config: ModemConfig, seed: str) -> None:
        self.number = number
        self.counts: Counter[str] = Counter()
        self._medium = medium
        self._config = config
        self._dice = random.Random(seed)
        self._queue: deque[tuple[bytes, int]] = deque()
        self._not_before_us = 0

    @property
    def waiting(self) -> int:
        """Frames that have not begun to be sent."""
        return len(self._queue)

    def offer(self, frame: bytes, now_us: int, kind: int = KNOWN) -> None:
        """Queue a frame. ``kind``: whose airtime it is (pqmesh.airtime.budget).

        :raises QueueFull: the queue is full
        """
        if len(self._queue) >= self._config.queue_frames:
            self.counts["refused"] += 1
            raise QueueFull(f"{self._config.queue_frames} frames are waiting already")
        if not self._queue:
            self._not_before_us = max(self._not_before_us, now_us)
        self._queue.append((frame, kind))

    def next_deadline_us(self) -> int | None:
        """When ``step`` will do something next; None while nothing is queued."""
        return self._not_before_us if self._queue else None

    def step(self, now_us: int) -> None:
        """Send the next frame if it is due and the channel is free."""
        if not self._queue or now_us < self._not_before_us:
            return
        if not self._medium.idle(self.number, now_us):
            self.counts["deferred"] += 1
            wait = self._config.wait_us(self._dice)
            self._not_before_us = now_us + wait
            return
        frame, kind = self._queue[0]
        try:
            end_us = self._medium.transmit(self.number, frame, now_us, kind)
        except AirtimeExhausted as refusal:
            self.counts["held by duty cycle"] += 1
            self._not_before_us = refusal.next_possible_us
            return
        self._queue.popleft()
        self.counts["sent"] += 1
        self.counts["bytes"] += len(frame)
        self._not_before_us = end_us + self._config.gap_us


class Air:
    """A medium and the modems on it, stepped together in virtual time."""

    def __init__(self, config: MediumConfig, modem: ModemConfig | None = None) -> None:
        self.medium = Medium(config)
        self._seed = config.seed
        self._modem = modem or ModemConfig()
        self._modems: list[Modem] = []

    def join(self, name: str) -> Modem:
        """Add a node."""
        number = self.medium.join(name)
        made = Modem(self.medium, number, self._modem, f"{self._seed}/modem/{number}")
        self._modems.append(made)
        return made

    def next_deadline_us(self) -> int | None:
        """When ``advance`` has something to do; None when all is quiet."""
        moments = [modem.next_deadline_us() for modem in self._modems]
        moments.append(self.medium.next_deadline_us())
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self, now_us: int) -> list[Reception]:
        """Let everything happen that is due by ``now_us``; returns what ended, in order."""
        ended: list[Reception] = []
        while (moment := self.next_deadline_us()) is not None and moment <= now_us:
            # Receptions first: a frame that ends now has left the channel free.
            ended += self.medium.receptions(moment)
            for modem in self._modems:
                modem.step(moment)
        return ended
