# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two engines and a clock for the scenario scripts: small enough for a board, no luck involved.

Runs on CPython and MicroPython. The link is in order; frames are lost when the script says so,
by their count per side. Nothing is printed but what must be the same on every Python.
"""

import binascii
import hashlib

from pqmesh.engine import Engine
from pqmesh.errors import ProtocolError
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK

from .model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()


def brief(octets):
    """Sixteen hexadecimal digits that stand for any number of octets."""
    return binascii.hexlify(hashlib.sha256(octets).digest()[:8]).decode()


def show(event):
    """An event in one line; octets by length and digest."""
    parts = []
    for name in event.FIELDS:
        value = getattr(event, name)
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = f"{len(value)}:{brief(value)}"
        parts.append(f"{name}={value}")
    return f"{type(event).__name__}({' '.join(parts)})"


class Line:
    """Side 0 and side 1 of a serial line. ``lose[side]`` holds the counts of frames to lose."""

    def __init__(
        self, trust=(None, None), tickets=(None, None), link=SERIAL_LINK, keyrings=(None, None)
    ):
        self.now = 0
        self.link = link
        self.keyrings = keyrings
        self.lose = (set(), set())
        self.counts = [0, 0]
        self.free_at = [0, 0]
        self.digest = b""
        self.flying = []  # (when, order, to, frame)
        self.trust = trust
        self.tickets = tickets
        self.boots = [0, 0]
        self.ends = [None, None]
        self.events = ([], [])
        for side in (0, 1):
            self.boot(side)

    def boot(self, side):
        """Start one side afresh, with its old identity and new randomness."""
        identity = Identity(bytes([side + 1]) * 32, CRYPTO)
        self.boots[side] += 1
        entropy = CountingEntropy(b"%d/%d" % (side, self.boots[side]))
        self.ends[side] = Engine(
            identity,
            CRYPTO,
            entropy,
            self.link,
            trust=self.trust[side],
            tickets=self.tickets[side],
            keyring=self.keyrings[side],
        )

    def run(self, until):
        """Pass frames and run timers until the clock shows ``until``."""
        while True:
            self._drain()
            moments = [flight[0] for flight in self.flying]
            for end in self.ends:
                deadline = end.next_deadline()
                if deadline is not None:
                    moments.append(max(deadline, self.now))
            if not moments or min(moments) > until:
                break
            self.now = min(moments)
            self._deliver()
            for end in self.ends:
                deadline = end.next_deadline()
                if deadline is not None and deadline <= self.now:
                    end.handle_timeout(self.now)
        self.now = until

    def summary(self):
        """One line about every frame that was ever sent."""
        print("frames", self.counts, "digest", binascii.hexlify(self.digest).decode())

    def _drain(self):
        for side in (0, 1):
            end = self.ends[side]
            event = end.next_event()
            while event is not None:
                print(self.now, side, show(event))
                self.events[side].append(event)
                event = end.next_event()
            frame = end.next_transmit()
            while frame is not None:
                self._send(side, frame)
                frame = end.next_transmit()

    def _send(self, side, frame):
        count = self.counts[side]
        self.counts[side] += 1
        # chained: on MicroPython a hash that was read cannot go on
        self.digest = hashlib.sha256(self.digest + frame).digest()
        at = max(self.free_at[side], self.now) + self.link.airtime_ms(len(frame))
        self.free_at[side] = at
        if count in self.lose[side]:
            print(self.now, side, "lost frame", count, "of", len(frame))
        else:
            self.flying.append((at, sum(self.counts), 1 - side, frame))

    def _deliver(self):
        due = [flight for flight in self.flying if flight[0] <= self.now]
        self.flying = [flight for flight in self.flying if flight[0] > self.now]
        for _, _, to, frame in sorted(due):
            try:
                self.ends[to].receive(frame, self.now)
            except ProtocolError as error:
                print(self.now, to, type(error).__name__, error)
