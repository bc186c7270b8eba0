# SPDX-License-Identifier: MIT OR Apache-2.0
"""Everything an engine of this node needs to know of its peers, opened once for all links."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pqmesh.credentials.prekeys import PrekeyChain
from pqmesh.identity import Identity

from .credentials import CredentialStore
from .prekeys import PrekeyStore, Shelf
from .sqlite import Store
from .tickets import TicketStore

if TYPE_CHECKING:
    from pqmesh.crypto import Crypto

TAG_BYTES = 8
"""Names one chain of prekeys: random, and changed when the chain is."""


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """A node that was provisioned here, or began to be."""

    peer_id: bytes
    ours: bytes
    """The tag of our chain of prekeys for it."""

    theirs: bytes
    """The tag of its chain for us, of which we hold the keys; empty before it has told."""

    name: str
    finished_s: int
    """Unix time; 0 while it has not been finished."""


class Custody:
    """Tickets, KEM keys and prekeys. ``tickets``, ``keyring`` and ``prekeys`` go into an Engine.

    An epoch of our own is begun, or followed by the next, when it is due.

    :raises StoreError: the database cannot be read or written
    """

    def __init__(self, store: Store, identity: Identity, crypto: Crypto) -> None:
        self.identity = identity
        self.crypto = crypto
        self.tickets = TicketStore(store)
        self._credentials = CredentialStore(store)
        self.keyring = self._credentials.open(identity, crypto)
        self._prekeys = PrekeyStore(store)
        self.prekeys = self._prekeys.open()
        self._store = store

    def renew(self, floor: int = 0) -> bool:
        """Begin an epoch of ours if one is due, and drop those that are over; whether it did.

        :param floor: an epoch of ours that somebody has accepted and we have lost: begin a later
        :raises StoreError: it could not be stored
        """
        self.keyring.tidy()
        return self._credentials.renew(self.keyring, self.identity, self.crypto, floor)

    def unreadable(self) -> int:
        """How many things were deleted at the start because they could not be read."""
        stores = (self.tickets, self._credentials, self._prekeys)
        return sum(store.unreadable for store in stores)

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is stored in one step, or nothing is.

        :raises StoreError: the disk is full or failing; nothing was stored
        """
        return self._store.transaction()

    def shelf(self, peer_id: bytes) -> Shelf:
        """Where the prekeys lie that a peer hands us."""
        return self._prekeys.shelf(peer_id)

    def provisioned(self, peer_id: bytes) -> Provisioned:
        """Return what is known of a node; a chain of prekeys for it is begun without one.

        :raises StoreError: it could not be stored
        """
        rows = self._store.execute(
            "SELECT ours, theirs, name, finished_s FROM provisioned WHERE peer_id = ?", (peer_id,)
        )
        if not rows or self.prekeys.chain(peer_id) is None:
            ours = secrets.token_bytes(TAG_BYTES)
            # The tag first: a crash in between leaves no chain, and so another tag next time.
            self._store.execute(
                "INSERT INTO provisioned (peer_id, ours, theirs) VALUES (?, ?, x'')"
                " ON CONFLICT (peer_id) DO UPDATE SET ours = excluded.ours",
                (peer_id, ours),
            )
            self.prekeys.set_chain(peer_id, PrekeyChain(secrets.token_bytes(32)))
            rows = [(ours, rows[0][1] if rows else b"", *(rows[0][2:] if rows else ("", 0)))]
        ours, theirs, name, finished_s = rows[0]
        return Provisioned(
            peer_id=peer_id, ours=ours, theirs=theirs, name=name, finished_s=finished_s
        )

    def holds_chain(self, peer_id: bytes, theirs: bytes) -> None:
        """Remember of which of the peer's chains we hold keys."""
        self._store.execute(
            "UPDATE provisioned SET theirs = ? WHERE peer_id = ?", (theirs, peer_id)
        )

    def finished(self, peer_id: bytes, name: str) -> None:
        """Remember that a node has been provisioned, and what it is called."""
        self._store.execute(
            "UPDATE provisioned SET name = ?, finished_s = ? WHERE peer_id = ?",
            (name, self.tickets.now_s(), peer_id),
        )

    def nodes(self) -> list[Provisioned]:
        """Return every node that was provisioned here, the latest first."""
        rows = self._store.execute(
            "SELECT peer_id, ours, theirs, name, finished_s FROM provisioned"
            " WHERE finished_s > 0 ORDER BY finished_s DESC, peer_id"
        )
        return [
            Provisioned(peer_id=row[0], ours=row[1], theirs=row[2], name=row[3], finished_s=row[4])
            for row in rows
        ]
