# SPDX-License-Identifier: MIT OR Apache-2.0
"""Engines on a medium, in virtual time: what a board's driver and radio do, without either.

    World --receptions--> Station --receive--> Engine --next_transmit--> AirGate --> Medium

A station keeps the order of the board's driver (pqmesh_node/driver.py): events are handed over
first, then everything waiting is sent, and only then comes work that has fallen due; while it
works, frames wait. Its radio listens before it talks, and begins to send no earlier than its
turnaround after anything was heard: so nobody talks into the gaps of a burst. Times in us.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from pqmesh.airtime.budget import KNOWN, AirtimeBudget
from pqmesh.airtime.gate import AirGate
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import GENERIC
from pqmesh.engine import Engine
from pqmesh.errors import ProtocolError
from pqmesh.record import Record

from .access import ListenBeforeTalk
from .model import Medium, MediumConfig, Reception


class Unlimited(AirtimeBudget):
    """The account of a link that no duty cycle binds, of frames of any length."""

    def __init__(self) -> None:
        super().__init__(GENERIC[0], LoraModulation(7))

    def next_possible_us(
        self, length: int, now_us: int, kind: int = KNOWN, channel_hz: int = 0
    ) -> int:
        """Now."""
        return now_us

    def spend(self, length: int, now_us: int, kind: int = KNOWN, channel_hz: int = 0) -> int:
        """Nothing is noted."""
        return 0


@dataclass(frozen=True, kw_only=True)
class RadioTimes(ListenBeforeTalk):
    """A radio's habits, in us (constrained-design 2.3)."""

    turnaround_us: int = 80_000
    """From the end of what was heard to the first bit of what is sent."""


class Station:
    """One node. Made by ``World.add``.

    :param work: what the engine's last call cost in CPU time, in us; asked after every call
    """

    def __init__(
        self,
        world: World,
        name: str,
        engine: Engine,
        work: Callable[[], int],
        budget: AirtimeBudget,
        kind_of: Callable[[bytes], int] | None,
    ) -> None:
        self.engine = engine
        self.name = name
        self.number = world.medium.join(name)
        self.events: list[Record] = []
        self.counts: Counter[str] = Counter()
        self.airtime_us = 0
        self.gate = AirGate(budget, engine.next_transmit, kind_of, engine.waits)
        self._world = world
        self._work = work
        self._dice = random.Random(f"{world.seed}/station/{self.number}")
        self._inbox: deque[bytes] = deque()
        self._radio_free_us = 0
        self._quiet_us = 0
        self._busy_until_us = 0

    def connect(self, expect: bytes | None = None, heal: bool = False) -> int:
        """As Engine.connect, now."""
        handle = self.engine.connect(self._engine_ms(), expect, heal)
        self._settle()
        return handle

    def send(self, session: int, payload: bytes) -> int:
        """As Engine.send, now."""
        number = self.engine.send(session, payload, self._engine_ms())
        self._settle()
        return number

    def heard(self, reception: Reception) -> None:
        """A frame ended at this node's antenna, whether or not it could be read."""
        if reception.outcome == "received":
            self._inbox.append(reception.frame)
        self.counts[reception.outcome] += 1
        quiet_us = reception.at_us + self._world.times.turnaround_us
        self._quiet_us = max(self._quiet_us, quiet_us)

    def next_moment_us(self, now_us: int) -> int | None:
        """When ``step`` will do something next."""
        if self._inbox:
            return max(now_us, self._busy_until_us)
        if now_us < self._radio_free_us:
            return max(self._radio_free_us, self._busy_until_us)
        if self.gate.waiting(now_us):
            return max(now_us, self._quiet_us, self._busy_until_us)
        moments: list[int] = []
        possible = self.gate.next_possible_us(now_us)
        if possible is not None:
            moments.append(possible)
        deadline = self.engine.next_deadline()
        if deadline is not None:
            moments.append(self.gate.wall_us(deadline, now_us))
        return max(min(moments), self._busy_until_us, now_us) if moments else None

    def step(self, now_us: int) -> None:
        """Take what has come, send what may go, do what is due: one of each at most."""
        if now_us < self._busy_until_us:
            return
        while self._inbox and now_us >= self._busy_until_us:
            self._receive(self._inbox.popleft())
        if now_us < max(self._busy_until_us, self._radio_free_us):
            return
        if self.gate.waiting(now_us):
            self._talk(now_us)
            return
        deadline = self.engine.next_deadline()
        if deadline is not None and deadline <= self._engine_ms():
            self.engine.handle_timeout(self._engine_ms())
            self._settle()

    def _receive(self, frame: bytes) -> None:
        try:
            self.engine.receive(frame, self._engine_ms())
        except ProtocolError as error:
            self.counts[f"refused: {error}"] += 1
        self._settle()

    def _talk(self, now_us: int) -> None:
        """Take the next frame only when it can go: until then it may become pointless."""
        times = self._world.times
        if now_us < self._quiet_us:
            return
        if not self._world.medium.idle(self.number, now_us):
            self.counts["deferred"] += 1
            self._quiet_us = now_us + times.wait_us(self._dice)
            return
        frame = self.gate.offer(now_us)
        if frame is None:  # the law holds it
            return
        end_us = self._world.medium.transmit(self.number, frame, now_us)
        self.gate.started(now_us)
        self.airtime_us += end_us - now_us
        self.counts["frames"] += 1
        self.counts["octets"] += len(frame)
        self._radio_free_us = end_us + times.gap_us

    def _settle(self) -> None:
        """Hand over events, and be busy for as long as the call before took."""
        while (event := self.engine.next_event()) is not None:
            self.events.append(event)
        self._busy_until_us = max(self._busy_until_us, self._world.now_us) + self._work()

    def _engine_ms(self) -> int:
        return self.gate.engine_ms(self._world.now_us)


class World:
    """A medium, the stations on it, and a clock that jumps from event to event."""

    def __init__(self, config: MediumConfig, times: RadioTimes | None = None) -> None:
        self.medium = Medium(config)
        self.seed = config.seed
        self.times = times or RadioTimes()
        self.now_us = 0
        self.stations: list[Station] = []

    def add(
        self,
        name: str,
        engine: Engine,
        work: Callable[[], int] = lambda: 0,
        budget: AirtimeBudget | None = None,
        kind_of: Callable[[bytes], int] | None = None,
    ) -> Station:
        """Put a node on the medium."""
        station = Station(self, name, engine, work, budget or Unlimited(), kind_of)
        self.stations.append(station)
        return station

    def run_until(self, done: Callable[[], bool], limit_us: int) -> bool:
        """Let time pass until ``done`` or ``limit_us``; returns whether it was ``done``."""
        while not done():
            moment = self._next_moment_us()
            if moment is None or moment > limit_us:
                self.now_us = limit_us
                return False
            self.now_us = moment
            for reception in self.medium.receptions(moment):
                self.stations[reception.receiver].heard(reception)
            for station in self.stations:
                station.step(moment)
        return True

    def _next_moment_us(self) -> int | None:
        moments = [station.next_moment_us(self.now_us) for station in self.stations]
        moments.append(self.medium.next_deadline_us())
        return min((moment for moment in moments if moment is not None), default=None)
