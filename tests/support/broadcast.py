# SPDX-License-Identifier: MIT OR Apache-2.0
"""Several exchanges of objects on one channel, in virtual time. Runs on CPython and MicroPython.

One speaks at a time and all others hear it, unless ``lose(number of the frame, who)`` says
otherwise: a channel without collisions, and never a radio.
"""

import hashlib

from pqmesh.errors import ProtocolError
from pqmesh.limits import BOARD_OBJECTS, RADIO_LINK
from pqmesh.objects.events import Arrived
from pqmesh.objects.exchange import Exchange

from .model_crypto import CountingEntropy

DTAG = b"about-it"


def octets_of(seed, count):
    """Octets that look random and are the same everywhere."""
    out = b""
    while len(out) < count:
        seed = hashlib.sha256(seed).digest()
        out += seed
    return out[:count]


def lossy(percent, seed=b"dice"):
    """Lose that many of a hundred frames, for each listener on its own."""

    def lose(number, who):
        digest = hashlib.sha256(seed + b"%d/%d" % (number, who)).digest()
        return int.from_bytes(digest[:2], "big") * 100 < percent << 16

    return lose


class Air:
    """``count`` exchanges, 0 to count - 1, on one channel.

    :param wants: what each of them wants; None: everything
    """

    def __init__(self, count, link=RADIO_LINK, lose=None, limits=BOARD_OBJECTS, wants=None):
        self.now = 0
        self.link = link
        self.lose = lose or (lambda number, who: False)
        self.sent = []  # (when, who, frame)
        self.events = [[] for _ in range(count)]
        self.dropped = []  # (when, who, name of the error)
        self.judge = lambda who, arrived: True  # whether an object is accepted
        self.pull = lambda who: self.ends[who].next_event()
        self._busy_until = 0
        self._flying = None
        self.ends = [
            Exchange(
                link,
                CountingEntropy(b"%d" % who),
                b"node%04d" % who,
                wants or (lambda what, dtag, object_id: True),
                limits,
            )
            for who in range(count)
        ]

    def inject(self, frame):
        """A stranger sends a frame that everybody hears."""
        for who in range(len(self.ends)):
            self._hear(who, frame)

    def run(self, until):
        """Pass frames and run timers until the clock shows ``until``."""
        while True:
            self._drain()
            moments = [] if self._flying is None else [self._busy_until]
            for end in self.ends:
                deadline = end.next_deadline()
                if deadline is not None:
                    moments.append(max(deadline, self.now))
            if not moments or min(moments) > until:
                break
            self.now = min(moments)
            if self._flying is not None and self._busy_until <= self.now:
                number, sender, frame = self._flying
                self._flying = None
                for who in range(len(self.ends)):
                    if who != sender and not self.lose(number, who):
                        self._hear(who, frame)
            for end in self.ends:
                deadline = end.next_deadline()
                if deadline is not None and deadline <= self.now:
                    end.handle_timeout(self.now)
        self.now = until

    def of(self, who, kind):
        """The events of one kind that one of them had."""
        return [event for _, event in self.events[who] if isinstance(event, kind)]

    def frames(self, kind, who=None):
        """The frames whose first octet is ``kind``, of one sender or of all."""
        return [f for _, s, f in self.sent if f[0] == kind and who in (None, s)]

    def _hear(self, who, frame):
        try:
            self.ends[who].receive(frame, self.now)
        except ProtocolError as error:
            self.dropped.append((self.now, who, type(error).__name__))

    def _drain(self):
        for who in range(len(self.ends)):
            self._report(who)
        order = range(len(self.ends))
        for who in order:
            if self._flying is not None:
                return
            frame = self.ends[who].next_transmit(self.now)
            if frame is not None:
                self._busy_until = self.now + self.link.airtime_ms(len(frame))
                self._flying = (len(self.sent), who, frame)
                self.sent.append((self.now, who, frame))
                self._report(who)

    def _report(self, who):
        end = self.ends[who]
        event = self.pull(who)
        while event is not None:
            self.events[who].append((self.now, event))
            if isinstance(event, Arrived):
                if self.judge(who, event):
                    end.accept(event.object_id, self.now)
                else:
                    end.reject(event.object_id)
            event = self.pull(who)
