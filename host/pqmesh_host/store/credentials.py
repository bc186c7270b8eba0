# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our KEM keys, and those our peers have certified, across restarts: storage behind a Keyring.

What cannot be read is deleted and counted: a peer is then provisioned again, and an epoch of our
own is followed by the next one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pqmesh.credentials import own as own_epochs
from pqmesh.credentials.epoch import BODY_BYTES, parse_body
from pqmesh.credentials.keyring import DROPPED, OWN, PEER, Keyring, PeerState
from pqmesh.crypto import DSA_PUBLIC_BYTES
from pqmesh.errors import ProtocolError, UsageError
from pqmesh.identity import Identity
from pqmesh.wipe import wipe

from .sqlite import Store
from .tickets import wall_clock_s

if TYPE_CHECKING:
    from pqmesh.crypto import Crypto

MAX_CREDENTIALS = 1024
"""Peers whose KEM keys are kept; a further one is refused."""

RENEW_BEFORE_S = 7 * 86_400
"""An epoch is followed by the next one this long before it ends (constrained-design 3.1)."""


class CredentialStore:
    """Fills a Keyring at the start, and keeps every change of it.

    ``unreadable`` counts what was deleted because it could not be read.

    :param clock: returns whole seconds since 1970
    """

    def __init__(self, store: Store, clock: Callable[[], int] = wall_clock_s) -> None:
        self.unreadable = 0
        self._store = store
        self._clock = clock

    def open(self, identity: Identity, crypto: Crypto) -> Keyring:
        """Return a keyring with all that was stored; its changes are stored as they happen.

        :raises StoreError: the database cannot be read
        """
        keyring = Keyring(identity, crypto, MAX_CREDENTIALS, self._clock, self._change)
        own = "SELECT number, public, secret FROM own_epoch ORDER BY number"
        for number, public, secret in self._store.execute(own):
            try:
                restored = own_epochs.restore(identity.peer_id, public, secret)
                keyring.adopt(restored, stored=True)
            except (ProtocolError, UsageError):
                self.unreadable += 1
                self._change(DROPPED, number)
        for peer_id, state in self._store.execute("SELECT peer_id, state FROM credential"):
            try:
                keyring.restore(PeerState.decode(state))
            except ProtocolError:
                self.unreadable += 1
                self._forget(peer_id)
        return keyring

    def renew(self, keyring: Keyring, identity: Identity, crypto: Crypto, floor: int = 0) -> bool:
        """Begin an epoch of ours when there is none, or the newest ends soon; whether it did.

        Its number is above every one that was ever stored, so that no peer takes it for old.

        :param floor: an epoch of ours that somebody has accepted and we have lost: begin a later
        :raises StoreError: it could not be stored; there is no new epoch
        """
        now_s = self._clock()
        if keyring.current() is not None:
            body = keyring.credential()[DSA_PUBLIC_BYTES:][:BODY_BYTES]
            newest = parse_body(body)
            if newest.epoch > floor and newest.end_s - now_s > RENEW_BEFORE_S:
                return False
        rows = self._store.execute("SELECT value FROM counter WHERE name = 'epoch'")
        highest = max(floor, rows[0][0] if rows else 0)
        wanted = own_epochs.plan(highest + 1, now_s)
        keyring.adopt(own_epochs.certify(identity, crypto, secrets.token_bytes, wanted))
        return True

    def _change(self, what: int, value: Any) -> None:
        """The keyring's ``on_change``; durable, and the value before erased, when it returns."""
        if what == OWN:
            self._save_own(value)
        elif what == DROPPED:
            self._store.execute("DELETE FROM own_epoch WHERE number = ?", (value,))
        elif what == PEER:
            self._store.execute(
                "INSERT OR REPLACE INTO credential (peer_id, state) VALUES (?, ?)",
                (value.peer_id, value.encode()),
            )
        else:
            self._forget(value)
        self._store.scrub()

    def _save_own(self, epoch: own_epochs.OwnEpoch) -> None:
        secret = epoch.secret_part()
        with self._store.transaction():
            self._store.execute(
                "INSERT OR REPLACE INTO own_epoch (number, public, secret) VALUES (?, ?, ?)",
                (epoch.number, epoch.public_part(), secret),
            )
            self._store.execute(
                "INSERT INTO counter (name, value) VALUES ('epoch', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = MAX(value, excluded.value)",
                (epoch.number,),
            )
        wipe(secret)

    def _forget(self, peer_id: bytes) -> None:
        self._store.execute("DELETE FROM credential WHERE peer_id = ?", (peer_id,))
