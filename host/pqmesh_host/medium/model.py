# SPDX-License-Identifier: MIT OR Apache-2.0
"""N half-duplex radios on one channel, in virtual time. Same seed and inputs, same run.

    transmit(node, frame, now) --airtime--> the frame ends --> one Reception per node in range

A node receives a frame when, for the whole of it, it is not sending itself and nothing it hears
overlaps within ``capture_db`` of it; then the path's loss process decides. A reception may be
repeated or delayed, as relays and buffers do. Time is in microseconds.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pqmesh.airtime.budget import KNOWN, AirtimeBudget
from pqmesh.airtime.lora import MAX_PAYLOAD

from .loss import Independent, LossModel, PathLoss

Hears = Callable[[int, int], float | None]
"""(sender, receiver) -> signal strength in dBm at the receiver, or None when out of range."""


class Airtime(Protocol):
    """How long a frame occupies the channel: a pqmesh.airtime.lora.LoraModulation, say."""

    def time_on_air_us(self, length: int) -> int:
        """Microseconds of a frame of ``length`` octets."""
        ...


class RadioBusy(Exception):
    """The node is sending already; a radio is half duplex. Try again at ``until_us``."""

    def __init__(self, until_us: int) -> None:
        super().__init__(f"this radio sends until {until_us} us")
        self.until_us = until_us


@dataclass(frozen=True, kw_only=True)
class MediumConfig:
    """What the medium does to frames. Probabilities are per reception, 0..1."""

    modulation: Airtime
    max_frame: int = MAX_PAYLOAD
    full_duplex: bool = False
    """A cable rather than a channel: one may send and hear at once, and nothing collides."""
    seed: int = 0
    loss: LossModel = field(default_factory=Independent)
    capture_db: float = 6.0
    """A frame survives an overlapping one that is weaker by at least this much."""
    duplicate: float = 0.0
    delay: float = 0.0
    """Chance that a reception is late, and so out of order."""
    delay_us: int = 500_000
    hears: Hears = lambda sender, receiver: -80.0
    budget: Callable[[], AirtimeBudget] | None = None
    """Makes the duty-cycle account of one node; None when nothing bounds it."""


@dataclass(frozen=True, order=True)
class Reception:
    """One frame at one receiver, at ``at_us``. ``outcome`` is "received", or why it was not."""

    at_us: int
    serial: int
    receiver: int
    sender: int = field(compare=False)
    outcome: str = field(compare=False)
    frame: bytes = field(compare=False, repr=False)


@dataclass
class _Transmission:
    sender: int
    frame: bytes
    start_us: int
    end_us: int

    def overlaps(self, other: _Transmission) -> bool:
        return self.start_us < other.end_us and other.start_us < self.end_us


@dataclass
class _Radio:
    name: str
    budget: AirtimeBudget | None
    sending_until_us: int = 0


class Medium:
    """The shared channel. Inputs change state, ``receptions`` is pulled."""

    def __init__(self, config: MediumConfig) -> None:
        self._config = config
        self._radios: list[_Radio] = []
        self._paths: dict[tuple[int, int], PathLoss] = {}
        self._dice = random.Random(config.seed)
        self._recent: list[_Transmission] = []
        self._pending: list[_Transmission] = []
        self._due: list[Reception] = []
        self._serial = 0

    def join(self, name: str) -> int:
        """Add a radio; returns its number, counting from 0."""
        budget = self._config.budget() if self._config.budget else None
        self._radios.append(_Radio(name, budget))
        return len(self._radios) - 1

    def transmit(self, node: int, frame: bytes, now_us: int, kind: int = KNOWN) -> int:
        """Start sending; returns the moment the frame ends, in us.

        :raises ValueError: the frame is empty or longer than ``max_frame``
        :raises RadioBusy: the node is sending already
        :raises AirtimeExhausted: its duty cycle forbids it now; carries the next possible time
        """
        if not 0 < len(frame) <= self._config.max_frame:
            raise ValueError(f"a frame has 1..{self._config.max_frame} bytes, not {len(frame)}")
        radio = self._radios[node]
        if radio.sending_until_us > now_us:
            raise RadioBusy(radio.sending_until_us)
        if radio.budget is not None:
            radio.budget.spend(len(frame), now_us, kind)
        end_us = now_us + self._config.modulation.time_on_air_us(len(frame))
        radio.sending_until_us = end_us
        sent = _Transmission(node, frame, now_us, end_us)
        self._recent.append(sent)
        self._pending.append(sent)
        return end_us

    def idle(self, node: int, now_us: int) -> bool:
        """Whether ``node`` neither sends nor hears anybody: channel activity detection."""
        if self._radios[node].sending_until_us > now_us:
            return False
        if self._config.full_duplex:
            return True
        return not any(
            sent.start_us <= now_us < sent.end_us and self._level(sent.sender, node) is not None
            for sent in self._recent
        )

    def next_deadline_us(self) -> int | None:
        """When ``receptions`` will next have something; None when nothing is in the air."""
        moments = [sent.end_us for sent in self._pending]
        if self._due:
            moments.append(self._due[0].at_us)
        return min(moments, default=None)

    def receptions(self, now_us: int) -> list[Reception]:
        """Everything that ended by ``now_us``, in order of time."""
        ended = sorted(
            (sent for sent in self._pending if sent.end_us <= now_us),
            key=lambda sent: (sent.end_us, sent.sender),
        )
        self._pending = [sent for sent in self._pending if sent.end_us > now_us]
        for sent in ended:
            self._end(sent)
        self._forget(now_us)
        done = []
        while self._due and self._due[0].at_us <= now_us:
            done.append(heapq.heappop(self._due))
        return done

    def _end(self, sent: _Transmission) -> None:
        for receiver in range(len(self._radios)):
            if receiver == sent.sender or self._level(sent.sender, receiver) is None:
                continue
            outcome = self._outcome(sent, receiver)
            late = self._config.delay_us if self._chance(outcome, self._config.delay) else 0
            self._schedule(sent, receiver, outcome, sent.end_us + late)
            if self._chance(outcome, self._config.duplicate):
                self._schedule(sent, receiver, outcome, sent.end_us + self._config.delay_us)

    def _outcome(self, sent: _Transmission, receiver: int) -> str:
        # One draw per frame, whatever else happens to it.
        lost = self._path(sent.sender, receiver).lost()
        level = self._level(sent.sender, receiver) or 0.0
        for other in () if self._config.full_duplex else self._recent:
            if other is sent or not other.overlaps(sent):
                continue
            if other.sender == receiver:
                return "was sending"
            heard = self._level(other.sender, receiver)
            if heard is not None and heard > level - self._config.capture_db:
                return "collided"
        return "lost" if lost else "received"

    def _chance(self, outcome: str, probability: float) -> bool:
        return self._dice.random() < probability and outcome == "received"

    def _schedule(self, sent: _Transmission, receiver: int, outcome: str, at_us: int) -> None:
        self._serial += 1
        reception = Reception(at_us, self._serial, receiver, sent.sender, outcome, sent.frame)
        heapq.heappush(self._due, reception)

    def _forget(self, now_us: int) -> None:
        # A transmission matters until everything it may have overlapped has ended.
        oldest = min((sent.start_us for sent in self._pending), default=now_us)
        self._recent = [
            sent for sent in self._recent if sent.end_us > oldest or sent.end_us > now_us
        ]

    def _level(self, sender: int, receiver: int) -> float | None:
        return self._config.hears(sender, receiver)

    def _path(self, sender: int, receiver: int) -> PathLoss:
        key = (sender, receiver)
        if key not in self._paths:
            source = random.Random(f"{self._config.seed}/{sender}/{receiver}")
            self._paths[key] = self._config.loss.path(source)
        return self._paths[key]
