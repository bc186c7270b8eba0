# SPDX-License-Identifier: MIT OR Apache-2.0
"""KEM keys and prekeys of a node that has been provisioned, opened once.

Imported only then: a node that knows its gateway by HS-S and HS-R alone has better uses for 10 KB
of its heap (custody.py).
"""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.errors import Exhausted
from pqmesh.identity import short

from .credentials import CredentialStore
from .prekeys import PEERS, PrekeyStore
from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.identity import Identity

    from .prekeys import KeyShelf
    from .store import Store
    from .vault import Vault
    from .walltime import WallTime

TAG_BYTES = const(8)  # names one chain of prekeys: random, changed when the chain is
_EPOCHS = "epochs"  # record: the highest number of an epoch of ours, 2 octets
_TAGS = "chain-"  # record per peer: the tag of our chain, then that of the peer's


class KeyCustody:
    """``keyring`` (HS-K) and ``prekeys`` (HS-RP), with everything that was stored.

    :param random: for keys
    :param time: what keys' dates are held against

    Raises store.StoreError when the flash fails. What is damaged is dropped and counted.
    """

    def __init__(
        self,
        store: "Store",
        vault: "Vault",
        identity: "Identity",
        crypto: "Any",
        time: "WallTime",
        random: "Callable[[int], bytes]",
    ) -> None:
        self._credentials = CredentialStore(store, vault)
        self.keyring = self._credentials.open(identity, crypto, time.now_s)
        self._prekeys = PrekeyStore(store, vault)
        self.prekeys = self._prekeys.open()
        self._store = store
        self._identity = identity
        self._crypto = crypto
        self._random = random

    def ensure_epoch(self, now_s: int, floor: int) -> int:
        """The number of our present epoch; a new one begins when there is none above ``floor``.

        Eight key generations and a signature then. Raises StoreError when it cannot be stored.

        :param floor: an epoch of ours that somebody has accepted; one of that number, if we have
            lost it, must not come again
        """
        current = self.keyring.current()
        if current is not None and current.epoch >= floor:
            return current.epoch
        from pqmesh.credentials.own import certify, plan

        stored = self._store.load(_EPOCHS)
        highest = 0 if stored is None else int.from_bytes(stored, "big")
        number = max(highest, floor, 0 if current is None else current.epoch) + 1
        self._store.save(_EPOCHS, number.to_bytes(2, "big"))
        self.keyring.adopt(
            certify(self._identity, self._crypto, self._random, plan(number, now_s))
        )
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
        """Erase a peer's key, its prekeys and ours for it. Raises StoreError."""
        self.prekeys.forget(peer_id)
        self.keyring.forget(peer_id)
        self._store.erase(_TAGS + short(peer_id))

    def counts(self) -> "dict[str, dict[str, int]]":
        """What was damaged, or could not be stored."""
        return {"credentials": self._credentials.counts, "prekeys": self._prekeys.counts}
