# SPDX-License-Identifier: MIT OR Apache-2.0
"""A Pair whose ends have certified KEM keys: what tests of HS-K in the engine begin with."""

from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.engine.events import Established
from pqmesh.limits import RADIO_LINK

from .model_crypto import CountingEntropy
from .simulation import CRYPTO, NAMES, Pair

PEERS = tuple(name.peer_id for name in NAMES)


def keyring(side, epoch=1):
    """The keys of one end: its own, nobody else's."""
    own = Keyring(NAMES[side], CRYPTO, 8)
    own.adopt(certify(NAMES[side], CRYPTO, CountingEntropy(b"epoch %d" % epoch), plan(epoch, 0)))
    return own


def keyrings(known=(True, True)):
    """The keys of both ends. ``known[side]``: whether that end holds the other's."""
    rings = keyring(0), keyring(1)
    for side in (0, 1):
        if known[side]:
            rings[side].learn(rings[1 - side].credential(), CRYPTO)
    return rings


class KnownPair(Pair):
    """Two ends that hold each other's credentials, on a radio if nothing else is said."""

    def __init__(self, seed=0, medium=None, link=RADIO_LINK, known=(True, True), **options):
        options.setdefault("keyrings", keyrings(known))
        super().__init__(seed, medium, link, **options)

    def call(self, side=0):
        """Connect to the other end by its name."""
        return self.connect(side, PEERS[1 - side])

    def meet(self, side=0, limit_ms=400_000):
        """Connect, and run until both ends say so; returns the session handles."""
        seen = [len(self.of(s, Established)) for s in (0, 1)]
        self.call(side)
        self.run_until(
            lambda: all(len(self.of(s, Established)) > seen[s] for s in (0, 1)), limit_ms
        )
        return tuple(self.last(s, Established).session for s in (0, 1))
