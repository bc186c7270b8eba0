# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's KEM keys, and those of its peers, across restarts: storage behind a Keyring.

    own epoch n    record own<n> (object and leaf hashes, public), vault o<n> (seeds)
    a peer's key   record peer-<first 8 octets of its PeerId, in hex>

A record is written before the vault names it, so a cut between the two leaves an epoch that was
never used. What cannot be read is dropped and counted: HS-K is then off until the next
provisioning, and the other handshakes go on.
"""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.credentials import own as own_epochs
from pqmesh.credentials.keyring import DROPPED, OWN, PEER, Keyring, PeerState
from pqmesh.errors import ProtocolError, UsageError
from pqmesh.identity import short
from pqmesh.wipe import wipe

from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.identity import Identity

    from .store import Store
    from .vault import Vault

PEERS = const(4)  # a gateway and a neighbour or two; 1.3 KB of RAM each
_OWN = "o"
_PEER = "peer-"


class CredentialStore:
    """Fills a Keyring at the start, and keeps every change of it.

    ``counts``: parts ``unreadable`` at the start, changes that ``failed`` to be stored since. A
    peer's key that cannot be stored is used until the next restart; an epoch of our own that
    cannot be stored is not used at all, and ``change`` raises StoreError.
    """

    def __init__(self, store: "Store", vault: "Vault") -> None:
        self.counts = {"unreadable": 0, "failed": 0}
        self.last_error = ""
        self._store = store
        self._vault = vault

    def open(
        self,
        identity: "Identity",
        crypto: "Any",
        clock: "Callable[[], int | None] | None" = None,
    ) -> Keyring:
        """A keyring with all that was stored; its changes come back to ``change``."""
        keyring = Keyring(identity, crypto, PEERS, clock, self.change)
        for name in self._own_names() + self._store.names(_PEER):
            self._restore(keyring, identity, name)
        return keyring

    def change(self, what: int, value: "Any") -> None:
        """The keyring's ``on_change``: durable when it returns."""
        if what == OWN:
            self._save_own(value)
            return
        try:
            if what == DROPPED:
                self._drop_own(value)
            elif what == PEER:
                self._store.save(_peer_name(value.peer_id), value.encode())
            else:
                self._store.erase(_peer_name(value))
        except StoreError as error:
            self._failed(error)

    def _save_own(self, epoch: "Any") -> None:
        self._store.save(_record_of(epoch.number), epoch.public_part())
        secret = epoch.secret_part()
        try:
            self._vault.save("%s%d" % (_OWN, epoch.number), secret)
        finally:
            wipe(secret)

    def _drop_own(self, number: int) -> None:
        self._vault.forget("%s%d" % (_OWN, number))  # the secret first
        self._store.erase(_record_of(number))

    def _own_names(self) -> "list[str]":
        """The vault's names of our epochs, the oldest first."""
        numbers = [int(name[1:]) for name in self._vault.names() if name.startswith(_OWN)]
        return ["%s%d" % (_OWN, number) for number in sorted(numbers)]

    def _restore(self, keyring: Keyring, identity: "Identity", name: str) -> None:
        """Take one thing from storage; what cannot be taken is erased."""
        try:
            if name.startswith(_PEER):
                keyring.restore(PeerState.decode(self._store.load(name) or b""))
            else:
                public = self._store.load(_record_of(int(name[1:]))) or b""
                secret = self._vault.load(name) or b""
                again = self._reader(_record_of(int(name[1:])))
                own = own_epochs.restore(identity.peer_id, public, secret, again)
                keyring.adopt(own, stored=True)
            return
        except (ProtocolError, StoreError, UsageError) as error:
            self.counts["unreadable"] += 1
            self.last_error = "%s: %s" % (name, error)
        try:
            if name.startswith(_PEER):
                self._store.erase(name)
            else:
                self._drop_own(int(name[1:]))
        except StoreError as error:
            self._failed(error)

    def _reader(self, record: str) -> "Callable[[], bytes | None]":
        """Return what reads a record again, when an epoch is shown to somebody."""

        def read() -> "bytes | None":
            try:
                return self._store.load(record)
            except StoreError as error:
                self._failed(error)
                return None

        return read

    def _failed(self, error: StoreError) -> None:
        self.counts["failed"] += 1
        self.last_error = str(error)


def _record_of(number: int) -> str:
    return "own%d" % number


def _peer_name(peer_id: bytes) -> str:
    return _PEER + short(peer_id)
