# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where QUIC peers were reached: the addresses that worked for a PeerId, and how well.

    peer_address (peer_id, host, port, how, successes, failures, success_s)

Only a finished handshake, both sides proved, brings an address in: what a peer says of itself or
of others never does. An address counts for less as it ages and as dialling it fails, and is
forgotten when it has not worked for FORGET_S or has failed MAX_FAILURES times in a row. Rows
that make no sense are passed over: a cache is no reason not to start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .sqlite import MAX_PEERS, Store
from .tickets import wall_clock_s

MAX_ADDRESSES = 8
"""Addresses kept for one peer; the least promising go first."""

MAX_FAILURES = 20
"""Dials in a row without an answer after which an address is forgotten."""

DAY_S = 86_400
HALF_LIFE_S = 7 * DAY_S
"""An address that last worked so long ago counts for half."""

FORGET_S = 60 * DAY_S

Address = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class KnownAddress:
    """An address at which a peer has proved its identity."""

    peer_id: bytes
    address: Address
    how: str
    """``dialled``: it answered there; ``accepted``: it called from there."""

    successes: int
    failures: int
    """Dials without an answer since it last worked."""

    success_s: int
    """Seconds since 1970 when it last worked."""

    def promise(self, now_s: int) -> float:
        """How much is to be expected of dialling it, above 0 and below 1."""
        worked = (self.successes + 1) / (self.successes + 2 * self.failures + 2)
        age_s = max(0, now_s - self.success_s)
        return float(worked * 0.5 ** (age_s / HALF_LIFE_S))


class AddressStore:
    """The cache, in the node's database."""

    def __init__(self, store: Store, clock: Callable[[], int] = wall_clock_s) -> None:
        self._store = store
        self._clock = clock

    def worked(self, peer_id: bytes, address: Address, how: str) -> None:
        """A peer has just proved its identity there. What cannot be dialled is passed over.

        :raises StoreError: the disk is full or failing
        """
        if not _sensible(address):
            return
        with self._store.transaction():
            self._store.execute(
                "INSERT INTO peer_address VALUES (?, ?, ?, ?, 1, 0, ?)"
                " ON CONFLICT (peer_id, host, port) DO UPDATE SET how = excluded.how,"
                " successes = MIN(successes + 1, 1000), failures = 0,"
                " success_s = excluded.success_s",
                (peer_id, address[0], address[1], how, self._clock()),
            )
            for surplus in self.of(peer_id)[MAX_ADDRESSES:]:
                self._remove(surplus)
            self._store.execute(
                "DELETE FROM peer_address WHERE peer_id IN (SELECT peer_id FROM peer_address"
                " GROUP BY peer_id ORDER BY MAX(success_s) DESC, peer_id LIMIT -1 OFFSET ?)",
                (MAX_PEERS,),
            )

    def failed(self, peer_id: bytes, address: Address) -> None:
        """Nobody, or somebody else, answered at ``address``.

        :raises StoreError: the disk is full or failing
        """
        self._store.execute(
            "UPDATE peer_address SET failures = failures + 1"
            " WHERE peer_id = ? AND host = ? AND port = ?",
            (peer_id, *address),
        )

    def of(self, peer_id: bytes) -> list[KnownAddress]:
        """The addresses of one peer, the most promising first. Forgets what has aged out."""
        rows = self._store.execute(
            "SELECT peer_id, host, port, how, successes, failures, success_s"
            " FROM peer_address WHERE peer_id = ?",
            (peer_id,),
        )
        return self._best_first(rows)

    def all(self) -> list[KnownAddress]:
        """Every address, by peer, then the most promising first."""
        rows = self._store.execute(
            "SELECT peer_id, host, port, how, successes, failures, success_s FROM peer_address"
        )
        return sorted(self._best_first(rows), key=lambda known: known.peer_id)

    def forget(self, peer_id: bytes) -> int:
        """Drop what is known of one peer. Returns how many addresses that were."""
        gone = self._store.execute(
            "DELETE FROM peer_address WHERE peer_id = ? RETURNING 1", (peer_id,)
        )
        return len(gone)

    def _best_first(self, rows: list[tuple[Any, ...]]) -> list[KnownAddress]:
        now_s, found = self._clock(), []
        for peer_id, host, port, how, successes, failures, success_s in rows:
            if not (_sensible((host, port)) and isinstance(peer_id, bytes) and len(peer_id) == 32):
                continue
            known = KnownAddress(
                peer_id=peer_id,
                address=(host, port),
                how=str(how),
                successes=int(successes),
                failures=int(failures),
                success_s=int(success_s),
            )
            if now_s - known.success_s > FORGET_S or known.failures >= MAX_FAILURES:
                self._remove(known)
            else:
                found.append(known)
        return sorted(found, key=lambda known: (-known.promise(now_s), known.address))

    def _remove(self, known: KnownAddress) -> None:
        self._store.execute(
            "DELETE FROM peer_address WHERE peer_id = ? AND host = ? AND port = ?",
            (known.peer_id, *known.address),
        )


def _sensible(address: Address) -> bool:
    """Whether it could be dialled: a number, neither multicast nor unspecified, with a port."""
    host, port = address
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65_536:
        return False
    return not (number.is_multicast or number.is_unspecified)
