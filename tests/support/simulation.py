# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two engines, a link between them that misbehaves on order, and a clock that jumps.

Same seed, same run. The link sends one frame at a time per direction, as a UART does, and may
lose, repeat, delay or flip bits of any frame.
"""

import heapq
import itertools
import random

from pqmesh.engine import Engine
from pqmesh.engine.events import Established
from pqmesh.errors import ProtocolError
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, SERIAL_LINK
from pqmesh.wire.handshake import HS_K, HS_S

from .model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
SEEDS = (bytes([0xA1]) * 32, bytes([0xB2]) * 32)
MOST_AT_ONCE = 1000  # steps at one moment; whoever wants more would never end
NAMES = tuple(Identity(seed, CRYPTO) for seed in SEEDS)


class OpenHouse:
    """Floors that let strangers meet by HS-S on any link, and ask nothing of anybody."""

    def strangers(self):
        return True

    def full_mode(self, expect, known):
        return HS_K if known else HS_S

    def objection(self, peer_id, mode, *_):
        return None


class Medium:
    """What may happen to a frame. Probabilities per frame."""

    def __init__(self, loss=0.0, repeat=0.0, jitter_ms=0, flip=0.0, latency_ms=2):
        self.loss = loss
        self.repeat = repeat
        self.jitter_ms = jitter_ms
        self.flip = flip
        self.latency_ms = latency_ms


class Pair:
    """Two ends, 0 and 1. ``events[side]`` collects what each end says."""

    def __init__(
        self,
        seed=0,
        medium=None,
        link=SERIAL_LINK,
        limits=BOARD,
        trust=(None, None),
        keyrings=(None, None),
        **options,  # of both engines
    ):
        self.now = 0
        self.link = link
        self.limits = limits
        self.medium = medium or Medium()
        self.trust = trust
        self.keyrings = keyrings
        self.options = options
        self.boots = [0, 0]
        self.events = ([], [])
        self.errors = ([], [])
        self.sent = ([], [])  # every frame each side put on the link
        self.held = set()  # sides whose timers do not run: too busy with something else
        self.intercept = None  # called with (side, frame); returns the frames that go on
        self._random = random.Random(seed)
        self._flights = []
        self._standing = 0  # steps in a row without time passing
        self._order = itertools.count()
        self._free_at = [0, 0]
        self.ends = [self._boot(0), self._boot(1)]

    def _boot(self, side):
        entropy = CountingEntropy(b"side %d boot %d" % (side, self.boots[side]))
        self.boots[side] += 1
        return Engine(
            NAMES[side],
            CRYPTO,
            entropy,
            self.link,
            trust=self.trust[side],
            limits=self.limits,
            keyring=self.keyrings[side],
            **self.options,
        )

    def reboot(self, side):
        """Replace an end by a fresh one; what is on the wire stays on the wire."""
        self.ends[side] = self._boot(side)

    def connect(self, side=0, expect=None):
        handle = self.ends[side].connect(self.now, expect)
        self.drain()
        return handle

    def establish(self, side=0, limit_ms=120_000):
        """Connect and run until both ends say so; returns the two session handles."""
        seen = [len(self.events[0]), len(self.events[1])]
        self.connect(side)
        self.run_until(
            lambda: all(
                any(isinstance(e, Established) for e in self.events[s][seen[s] :]) for s in (0, 1)
            ),
            limit_ms,
        )
        return tuple(self.last(s, Established).session for s in (0, 1))

    def send(self, side, session, payload):
        number = self.ends[side].send(session, payload, self.now)
        self.drain()
        return number

    def close(self, side, session, reason=0):
        self.ends[side].close(session, self.now, reason)
        self.drain()

    def last(self, side, kind):
        return [event for event in self.events[side] if isinstance(event, kind)][-1]

    def of(self, side, kind):
        return [event for event in self.events[side] if isinstance(event, kind)]

    def run_until(self, done, limit_ms=120_000):
        """Advance until ``done()``; fails the test when that takes over ``limit_ms``."""
        limit = self.now + limit_ms
        self.drain()
        while not done():
            moment = self._next_moment()
            assert moment is not None, "nothing is due and nothing is in flight"
            assert moment <= limit, f"not done after {limit_ms} ms: {self.events}"
            self._step(moment)

    def run_for(self, duration_ms):
        """Advance by exactly ``duration_ms``."""
        until = self.now + duration_ms
        self.drain()
        while (moment := self._next_moment()) is not None and moment <= until:
            self._step(moment)
        self.now = until

    def deliver(self, side, frame):
        """Hand a frame to an end right now; returns the ProtocolError, if it raised one."""
        try:
            self.ends[side].receive(frame, self.now)
        except ProtocolError as error:
            self.errors[side].append(error)
            return error
        finally:
            self.drain()
        return None

    def drain(self):
        """Events first, then frames, as every driver must."""
        for side in (0, 1):
            end = self.ends[side]
            while (event := end.next_event()) is not None:
                self.events[side].append(event)
            while (frame := end.next_transmit()) is not None:
                assert len(frame) <= self.link.mtu
                self.sent[side].append(frame)
                frames = [frame] if self.intercept is None else self.intercept(side, frame)
                for passed in frames:
                    self._fly(side, passed)

    def _fly(self, side, frame):
        begin = max(self._free_at[side], self.now)
        self._free_at[side] = begin + self.link.airtime_ms(len(frame))
        chance = self._random.random
        copies = 0 if chance() < self.medium.loss else 2 if chance() < self.medium.repeat else 1
        for _ in range(copies):
            if chance() < self.medium.flip:
                spoilt = bytearray(frame)
                spoilt[self._random.randrange(len(frame))] ^= 1 << self._random.randrange(8)
                frame = bytes(spoilt)
            jitter = self._random.randint(0, self.medium.jitter_ms)
            at = self._free_at[side] + self.medium.latency_ms + jitter
            heapq.heappush(self._flights, (at, next(self._order), 1 - side, frame))

    def _next_moment(self):
        moments = [self.ends[side].next_deadline() for side in {0, 1} - self.held]
        moments += [flight[0] for flight in self._flights[:1]]
        due = [moment for moment in moments if moment is not None]
        return max(min(due), self.now) if due else None

    def _step(self, moment):
        self._standing = self._standing + 1 if moment == self.now else 0
        assert self._standing < MOST_AT_ONCE, f"due over and over at {moment} ms: {self.events}"
        self.now = moment
        while self._flights and self._flights[0][0] <= self.now:
            _, _, side, frame = heapq.heappop(self._flights)
            self.deliver(side, frame)
        for side in {0, 1} - self.held:
            end = self.ends[side]
            deadline = end.next_deadline()
            if deadline is not None and deadline <= self.now:
                end.handle_timeout(self.now)
                after = end.next_deadline()
                assert after is None or after >= self.now or after == deadline
        self.drain()
