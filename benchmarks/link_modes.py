# SPDX-License-Identifier: MIT OR Apache-2.0
"""How two nodes come to a session, one row a mode: what they hold before, and how one begins.

The letters are those of constrained-design 2.2. A mode is a function that gives both engines
what they know of each other; everything else is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pqmesh.credentials.keyring import Keyring
from pqmesh.credentials.own import certify, plan
from pqmesh.engine import Engine
from pqmesh.engine.floors import ALWAYS, Floors, Policy
from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.identity import Identity
from pqmesh.limits import GATEWAY, LinkProfile
from pqmesh.wire.handshake import Params
from pqmesh.wire.resumption import HS_R
from support.model_crypto import CountingEntropy

from .link_crypto import LinkCrypto

_PARAMS = Params(4_096, 8, 0, bytes(4)).encode()
_SECRET = bytes(range(32))
_PREKEY = bytes(range(64))


@dataclass
class End:
    """One node of a run."""

    identity: Identity
    crypto: LinkCrypto
    engine: Engine


@dataclass(frozen=True)
class Mode:
    """One row. ``make(link, seed)`` gives the initiator and the responder."""

    letter: str
    name: str
    make: Callable[[LinkProfile, int], tuple[End, End]]
    named: bool = True
    """Whether the initiator says whom it wants."""
    heal: bool = False
    """Whether it wants a fresh KEM secret."""


_SEEDS = (bytes([1]) * 32, bytes([2]) * 32)
_NAMES = tuple(Identity(seed, LinkCrypto()).peer_id for seed in _SEEDS)


def _ends(link: LinkProfile, seed: int, **held: tuple[object, object]) -> tuple[End, End]:
    """Both nodes; ``held`` are further arguments of Engine, a pair each."""
    made = []
    for side, own in enumerate(_SEEDS):
        crypto = LinkCrypto()
        identity = Identity(own, crypto)
        named = {name: pair[side] for name, pair in held.items()}
        entropy = CountingEntropy(f"{seed}/{side}".encode())
        floors = Floors(link, Policy(ALWAYS, HS_R, {}))  # strangers may meet, also on a radio
        engine = Engine(identity, crypto, entropy, link, limits=GATEWAY, floors=floors, **named)  # type: ignore[arg-type]
        made.append(End(identity, crypto, engine))
    return made[0], made[1]


def _strangers(link: LinkProfile, seed: int) -> tuple[End, End]:
    return _ends(link, seed)


def _credentials(link: LinkProfile, seed: int) -> tuple[End, End]:
    crypto = LinkCrypto()
    identities = tuple(Identity(own, crypto) for own in _SEEDS)
    rings = tuple(Keyring(identity, crypto, 2) for identity in identities)
    for side, identity in enumerate(identities):
        rings[side].adopt(
            certify(identity, crypto, CountingEntropy(f"epoch/{side}".encode()), plan(1, 0))
        )
    for side in (0, 1):
        rings[side].learn(rings[1 - side].credential(), crypto)
    return _ends(link, seed, keyring=(rings[0], rings[1]))


def _kept_tickets() -> tuple[MemoryTickets, MemoryTickets]:
    kept = (MemoryTickets(1), MemoryTickets(1))
    for own, peer in ((0, 1), (1, 0)):
        ticket = Ticket(_NAMES[peer], _SECRET, None, 0, _PARAMS, 0, 0, 0)
        kept[own].save(ticket)
    return kept


def _tickets(link: LinkProfile, seed: int) -> tuple[End, End]:
    return _ends(link, seed, tickets=_kept_tickets())


class _OnePrekey:
    """The port of engine/heals.py: node 0 holds one key of node 1."""

    def __init__(self, side: int) -> None:
        self._stock = [] if side else [(1, LinkCrypto().kem_keypair(_PREKEY))]

    def stocked(self, peer_id: bytes) -> int:
        return len(self._stock)

    def take(self, peer_id: bytes) -> tuple[int, bytes] | None:
        return self._stock.pop() if self._stock else None

    def seed(self, peer_id: bytes, index: int) -> bytearray:
        return bytearray(_PREKEY)

    def used(self, peer_id: bytes, index: int) -> None:
        pass


def _prekeys(link: LinkProfile, seed: int) -> tuple[End, End]:
    prekeys = (_OnePrekey(0), _OnePrekey(1))
    return _ends(link, seed, tickets=_kept_tickets(), prekeys=prekeys)


MODES = {
    mode.letter: mode
    for mode in (
        Mode("a", "HS-S", _strangers, named=False),
        Mode("c", "HS-K", _credentials),
        Mode("dk", "HS-RK", _tickets, heal=True),
        Mode("dp", "HS-RP", _prekeys, heal=True),
        Mode("d", "HS-R", _tickets),
    )
}
