# SPDX-License-Identifier: MIT OR Apache-2.0
"""Identities with epochs and keyrings, a clock to turn, and what a keyring had stored."""

from pqmesh.credentials import keyring as rings
from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.identity import Identity
from pqmesh.record import replace

from .model_crypto import CountingEntropy
from .simulation import CRYPTO

START = 1_800_000_000
DAY = 86_400


class Clock:
    """Unix seconds that a test sets; None: not known."""

    def __init__(self, now_s=START):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class Disk:
    """Where a keyring's on_change puts things, and a keyring comes back from."""

    def __init__(self):
        self.own = {}
        self.peers = {}
        self.log = []

    def __call__(self, what, value):
        self.log.append((what, value))
        if what == rings.OWN:
            self.own[value.number] = (value.public_part(), bytes(value.secret_part()))
        elif what == rings.DROPPED:
            del self.own[value]
        elif what == rings.PEER:
            self.peers[value.peer_id] = value.encode()
        else:
            del self.peers[value]


class Owner:
    """An identity, its entropy, and the epochs that it certifies."""

    def __init__(self, name, crypto=CRYPTO):
        self.crypto = crypto
        self.entropy = CountingEntropy(name)
        self.identity = Identity(self.entropy(32), crypto)
        self.peer_id = self.identity.peer_id

    def epoch(self, number, start_s=START, **changes):
        wanted = replace(plan(number, start_s), **{"slots": 2, **changes})
        return certify(self.identity, self.crypto, self.entropy, wanted)

    def keyring(self, capacity=4, clock=None, on_change=None):
        return Keyring(self.identity, self.crypto, capacity, clock, on_change)

    def credential(self, own):
        """Public key, epoch object and leaf of one epoch, whatever a keyring says."""
        return self.identity.public_key + own.object + own.leaf(self.crypto)

    def revocation(self, number):
        killed = self.epoch(number, slots=1, flags=0x8000)
        return self.identity.public_key + killed.object
