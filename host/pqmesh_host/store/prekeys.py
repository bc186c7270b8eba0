# SPDX-License-Identifier: MIT OR Apache-2.0
"""One-time KEM keys across restarts: our chains, and the stocks that peers have handed out.

A chain's state is replaced with every key that is used, and the state before is overwritten: what
was sent to a used key cannot be opened with anything that is still on the disk.
"""

from __future__ import annotations

from pqmesh.credentials.prekeys import CHAIN, PeerPrekeys, PrekeyChain, Prekeys
from pqmesh.errors import Malformed
from pqmesh.wipe import wipe

from .sqlite import Store

MAX_PEERS = 1024
"""Peers whose prekeys are kept; a further one is refused."""


class Shelf:
    """The keys of one peer, as PeerPrekeys asks for them."""

    def __init__(self, store: Store, peer_id: bytes) -> None:
        self._store = store
        self._peer_id = peer_id

    def put(self, index: int, public: bytes) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO prekey (peer_id, number, public) VALUES (?, ?, ?)",
            (self._peer_id, index, public),
        )

    def read(self, index: int) -> bytes | None:
        rows = self._store.execute(
            "SELECT public FROM prekey WHERE peer_id = ? AND number = ?", (self._peer_id, index)
        )
        return rows[0][0] if rows else None

    def taken(self, index: int) -> None:
        self._store.execute(
            "DELETE FROM prekey WHERE peer_id = ? AND number = ?", (self._peer_id, index)
        )

    def clear(self) -> None:
        """Let go of every key."""
        self._store.execute("DELETE FROM prekey WHERE peer_id = ?", (self._peer_id,))


class PrekeyStore:
    """Fills a Prekeys at the start, and keeps every change of it.

    ``unreadable`` counts states that were deleted because they could not be read; that peer then
    heals by HS-RK.
    """

    def __init__(self, store: Store) -> None:
        self.unreadable = 0
        self._store = store

    def open(self) -> Prekeys:
        """Return the prekeys with all that was stored; changes are stored as they happen.

        :raises StoreError: the database cannot be read
        """
        prekeys = Prekeys(MAX_PEERS, self._change)
        for peer_id, state in self._store.execute("SELECT peer_id, state FROM prekey_chain"):
            try:
                prekeys.set_chain(peer_id, PrekeyChain.decode(state), stored=True)
            except Malformed:
                self._unreadable("prekey_chain", peer_id)
        for peer_id, state in self._store.execute("SELECT peer_id, state FROM prekey_stock"):
            try:
                stock = PeerPrekeys.decode(state, self.shelf(peer_id))
                prekeys.set_stock(peer_id, stock, stored=True)
            except Malformed:
                self._unreadable("prekey_stock", peer_id)
        return prekeys

    def shelf(self, peer_id: bytes) -> Shelf:
        """Return where the keys of one peer lie."""
        return Shelf(self._store, peer_id)

    def _change(self, what: int, peer_id: bytes, value: PrekeyChain | PeerPrekeys | None) -> None:
        """The prekeys' ``on_change``; durable, and the state before erased, when it returns."""
        table = "prekey_chain" if what == CHAIN else "prekey_stock"
        if value is None:
            self._forget(table, peer_id)
        else:
            state = value.encode()
            self._store.execute(
                f"INSERT OR REPLACE INTO {table} (peer_id, state) VALUES (?, ?)",  # noqa: S608
                (peer_id, state),
            )
            wipe(state)
        if what == CHAIN:
            self._store.scrub()

    def _forget(self, table: str, peer_id: bytes) -> None:
        self._store.execute(f"DELETE FROM {table} WHERE peer_id = ?", (peer_id,))  # noqa: S608
        if table == "prekey_stock":
            self._store.execute("DELETE FROM prekey WHERE peer_id = ?", (peer_id,))

    def _unreadable(self, table: str, peer_id: bytes) -> None:
        self.unreadable += 1
        self._forget(table, peer_id)
