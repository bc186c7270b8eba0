# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two ends that resume. Tickets and prekeys are in flash; power may fail at any write."""

import random

from pqmesh.credentials.prekeys import (
    CHAIN,
    MemoryShelf,
    PeerPrekeys,
    PrekeyChain,
    Prekeys,
)
from pqmesh.engine import Engine
from pqmesh.engine.events import Established
from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.limits import BOARD, RADIO_LINK
from pqmesh.wire.entry import HELLO, RETRY
from pqmesh.wire.handshake import HS_RK, HS_RP, Params

from .handshakes import same_session
from .model_crypto import CountingEntropy, ModelCrypto
from .simulation import NAMES, OpenHouse, Pair

PEERS = tuple(name.peer_id for name in NAMES)
PARAMS = Params(4096, 8, 0, bytes(4)).encode()
ROOT = b"\x5a" * 32
SMALLER = 0 if PEERS[0] < PEERS[1] else 1
R1, R2 = 0x82, 0x83


def ticket(peer_id, current, candidate=None, resumptions=0, params=PARAMS, healed_s=0, full_s=0):
    """A Ticket of an owner that knows no time, unless told."""
    return Ticket(peer_id, current, candidate, resumptions, params, healed_s, full_s, 0)


class PowerCut(Exception):
    """The node loses power before, or just after, a write."""


class Flash(MemoryTickets):
    """Tickets that survive a reboot. Each write is cut with probability ``cuts``."""

    def __init__(self, dice):
        super().__init__(4)
        self.cuts = 0.0
        self.writes = []
        self._dice = dice

    def save(self, ticket):
        cut = self._dice.random() < self.cuts
        if not cut or self._dice.random() < 0.5:
            super().save(ticket)
            self.writes.append(ticket)
        if cut:
            raise PowerCut


class PrekeyFlash:
    """The prekeys of one end. Each write is cut as those of its ``flash`` are."""

    def __init__(self, flash):
        self._flash = flash
        self._dice = random.Random(flash._dice.random())
        self._stored = {}
        self._shelf = MemoryShelf()

    def boot(self):
        """Return the prekeys as they are after a start."""
        prekeys = Prekeys(4, self._keep)
        for (what, peer_id), blob in self._stored.items():
            if what == CHAIN:
                prekeys.set_chain(peer_id, PrekeyChain.decode(blob), stored=True)
            else:
                stock = PeerPrekeys.decode(blob, self._shelf)
                prekeys.set_stock(peer_id, stock, stored=True)
        return prekeys

    def stock(self, peer_id, first, keys):
        """Take prekeys that a peer has handed out."""
        stock = PeerPrekeys(self._shelf)
        stock.add(first, keys)
        self._stored[(CHAIN + 1, peer_id)] = stock.encode()

    def begin(self, peer_id, secret):
        """Begin a chain of our own towards a peer."""
        self._stored[(CHAIN, peer_id)] = bytes(PrekeyChain(secret).encode())

    def _keep(self, what, peer_id, value):
        cut = self._dice.random() < self._flash.cuts
        if not cut or self._dice.random() < 0.5:
            self._stored[(what, peer_id)] = bytes(value.encode())
        if cut:
            raise PowerCut


class OnceCrypto(ModelCrypto):
    """Refuses to seal twice under one key and nonce, across reboots and both ends."""

    def __init__(self):
        self._used = set()

    def note(self, key, nonce):
        if (bytes(key), nonce) in self._used:
            raise AssertionError("a key and nonce were used twice")
        self._used.add((bytes(key), nonce))

    def seal(self, key, nonce, aad, plaintext, tag_bytes):
        self.note(key, nonce)
        return super().seal(key, nonce, aad, plaintext, tag_bytes)


class Board(Engine):
    """An engine that is gone when the power is: its pair boots another one."""

    def __init__(self, lost_power, *arguments, **named):
        super().__init__(*arguments, **named)
        self._lost_power = lost_power

    def receive(self, frame, now):
        try:
            super().receive(frame, now)
        except PowerCut:
            self._lost_power()

    def handle_timeout(self, now):
        try:
            super().handle_timeout(now)
        except PowerCut:
            self._lost_power()


class ResumePair(Pair):
    """A Pair whose ends keep tickets; ``provision`` gives both generation 0."""

    def __init__(
        self,
        seed=0,
        medium=None,
        link=RADIO_LINK,
        trust=(None, None),
        limits=BOARD,
        crypto=OnceCrypto,
    ):
        self.crypto = crypto()
        self.flash = tuple(Flash(random.Random(2 * seed + side)) for side in (0, 1))
        self.prekeys = tuple(PrekeyFlash(flash) for flash in self.flash)
        super().__init__(seed, medium, link, limits, trust)

    def _boot(self, side):
        entropy = CountingEntropy(b"side %d boot %d" % (side, self.boots[side]))
        self.boots[side] += 1
        return Board(
            lambda: self.reboot(side),
            NAMES[side],
            self.crypto,
            entropy,
            self.link,
            trust=self.trust[side],
            limits=self.limits,
            tickets=self.flash[side],
            prekeys=self.prekeys[side].boot(),
            floors=OpenHouse(),
        )

    def provision(self, sides=(0, 1), resumptions=0, secret=ROOT):
        for side in sides:
            self.flash[side].save(ticket(PEERS[1 - side], secret, None, resumptions))

    def stock(self, side, count, secret=b"\x3c" * 32):
        """Give ``side`` prekeys of the other end, as a full handshake's session would; reboots."""
        chain = PrekeyChain(secret)
        self.prekeys[1 - side].begin(PEERS[side], secret)
        self.prekeys[side].stock(PEERS[1 - side], 0, chain.publics(self.crypto, 0, count))
        for end in (0, 1):
            self.reboot(end)

    def resume(self, side=0, heal=False):
        """``side`` connects to the other one by name; returns the handle."""
        handle = self.ends[side].connect(self.now, PEERS[1 - side], heal)
        self.drain()
        return handle

    def stocked(self, side):
        """How many prekeys of the other end are left."""
        return self.ends[side]._resumes._prekeys.stocked(PEERS[1 - side])

    def seed(self, side, index):
        """The seed of one of the prekeys that ``side`` has handed out, if it is still there."""
        return self.ends[side]._resumes._prekeys.seed(PEERS[1 - side], index)

    def ticket(self, side):
        return self.flash[side].load(PEERS[1 - side])

    def in_step(self):
        """Whether a resume can succeed: one's current generation is one of the other's two."""
        ours, theirs = self.ticket(0), self.ticket(1)
        return ours.current in (theirs.current, theirs.candidate) or theirs.current in (
            ours.current,
            ours.candidate,
        )

    def kinds(self, side, since=0):
        """First octets of what ``side`` has sent."""
        return [frame[0] for frame in self.sent[side][since:]]

    def joined(self):
        """Whether both ends have a session, the same one, and have said so."""
        return all(self.of(side, Established) for side in (0, 1)) and same_session(self)


def ready(link=RADIO_LINK, **named):
    """A ResumePair whose ends both have generation 0."""
    pair = ResumePair(link=link, **named)
    pair.provision()
    return pair


def losing(pair, wanted):
    """Let the link lose the frames that ``wanted`` says True to; returns those it lost."""
    lost = []

    def intercept(side, frame):
        if wanted(side, frame):
            lost.append(frame)
            return []
        return [frame]

    pair.intercept = intercept
    return lost


def established(pair, times=1):
    pair.run_until(
        lambda: all(len(pair.of(side, Established)) >= times for side in (0, 1)) and pair.joined()
    )


def cut(frame):
    """An intercept for links on which no full handshake gets through."""
    full = frame[0] >> 6 == 1 and frame[0] & 7 not in (HS_RK, HS_RP)
    return [] if full or frame[0] in (HELLO, RETRY) else [frame]
