# SPDX-License-Identifier: MIT OR Apache-2.0
"""Everything secret a node keeps besides its identity, and what goes with it, opened once.

    vault      the secrets themselves         tickets   HS-R, HS-RK, HS-RP
    keyring    KEM keys, ours and our peers'  prekeys   one-time KEM keys, likewise
    random     the board's randomness, mixed with what provisioning gave

An Engine takes ``tickets``, ``keyring`` and ``prekeys`` as they are.
"""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.credentials.own import certify, plan
from pqmesh.errors import Exhausted
from pqmesh.identity import short

from .credentials import CredentialStore
from .entropy import Mixer
from .prekeys import PEERS, PrekeyStore
from .store import StoreError
from .tickets import TicketStore
from .vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.identity import Identity

    from .prekeys import KeyShelf
    from .store import Store
    from .walltime import WallTime

TAG_BYTES = const(8)  # names one chain of prekeys: random, changed when the chain is
_EPOCHS = "epochs"  # record: the highest number of an epoch of ours, 2 octets
_TAGS = "chain-"  # record per peer: the tag of our chain, then that of the peer's


class Custody:
    """
    :param store: for what is public
    :param vault: for what is not
    :param time: what keys' dates are held against
    :param entropy: the board's own randomness

    Raises store.StoreError when the flash fails. What is damaged is dropped and counted.
    """

    def __init__(
        self,
        store: "Store",
        vault: Vault,
        identity: "Identity",
        crypto: "Any",
        time: "WallTime",
        entropy: "Callable[[int], bytes]",
    ) -> None:
        self.vault = vault
        self.random = Mixer(vault, entropy)
        self.tickets = TicketStore(vault, time.seconds)
        self._credentials = CredentialStore(store, vault)
        self.keyring = self._credentials.open(identity, crypto, time.now_s)
        self._prekeys = PrekeyStore(store, vault)
        self.prekeys = self._prekeys.open()
        self._store = store
        self._identity = identity
        self._crypto = crypto

    def ensure_epoch(self, now_s: int, floor: int) -> int:
        """The number of our present epoch; a new one begins when there is none above ``floor``.

        Eight key generations and a signature then. Raises StoreError when it cannot be stored.

        :param floor: an epoch of ours that somebody has accepted; one of that number, if we have
            lost it, must not come again
        """
        current = self.keyring.current()
        if current is not None and current.epoch >= floor:
            return current.epoch
        stored = self._store.load(_EPOCHS)
        highest = 0 if stored is None else int.from_bytes(stored, "big")
        number = max(highest, floor, 0 if current is None else current.epoch) + 1
        self._store.save(_EPOCHS, number.to_bytes(2, "big"))
        self.keyring.adopt(certify(self._identity, self._crypto, self.random, plan(number, now_s)))
        return number

    def tags(self, peer_id: bytes) -> "tuple[bytes, bytes]":
        """The tags of our chain towards a peer and of its chain towards us; empty: none."""
        try:
            value = self._store.load(_TAGS + short(peer_id)) or b""
        except StoreError:  # damaged: both chains begin anew
            self._store.erase(_TAGS + short(peer_id))
            value = b""
        return value[:TAG_BYTES], value[TAG_BYTES:]

    def set_tags(self, peer_id: bytes, ours: bytes, theirs: bytes) -> None:
        """Remember both. Raises Exhausted: no room for another peer; StoreError."""
        name = _TAGS + short(peer_id)
        names = self._store.names(_TAGS)
        if name not in names and len(names) >= PEERS:
            raise Exhausted("this node knows %d peers and has no room for another" % PEERS)
        self._store.save(name, ours + theirs)

    def shelf(self, peer_id: bytes) -> "KeyShelf":
        """Where the prekeys lie that a peer hands us."""
        return self._prekeys.shelf(peer_id)

    def forget(self, peer_id: bytes) -> None:
        """Erase all there is of a peer: ticket, key, prekeys. Raises StoreError."""
        self.tickets.forget(peer_id)
        self.prekeys.forget(peer_id)
        self.keyring.forget(peer_id)
        self._store.erase(_TAGS + short(peer_id))

    def counts(self) -> "dict[str, Any]":
        """What was damaged, displaced, or could not be stored."""
        return {
            "vault_damaged": int(self.vault.damaged),
            "tickets": self.tickets.counts,
            "credentials": self._credentials.counts,
            "prekeys": self._prekeys.counts,
        }
