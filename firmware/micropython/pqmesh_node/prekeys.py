# SPDX-License-Identifier: MIT OR Apache-2.0
"""One-time KEM keys across restarts: our chains, and the stocks that peers have handed us.

    our chain towards a peer      vault c<peer>               36 to 300 octets, all secret
    how much of a stock is left   record stock-<peer>         7 octets
    one key of a stock            file key-<peer>-<number>    one slot of a record: 1,200 octets

<peer> is the first 8 octets of its PeerId, in hex; the record's payload holds all 32. A key's
file needs no second slot: a torn one is passed over, and the peer's next key is used.
"""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.credentials.prekeys import CHAIN, PeerPrekeys, PrekeyChain, Prekeys
from pqmesh.errors import Exhausted, Malformed
from pqmesh.identity import PEER_ID_BYTES, short
from pqmesh.wipe import wipe

from .store import StoreError, pack, unpack

if TYPE_CHECKING:
    from typing import Any

    from .store import Store
    from .vault import Vault

PEERS = const(4)
_CHAIN = "c"
_STOCK = "stock-"
_KEY = "key-"


class KeyShelf:
    """The keys of one peer's stock, a file each. Raises StoreError when the medium fails."""

    def __init__(self, files: "Any", peer: str) -> None:
        self._files = files
        self._prefix = "%s%s-" % (_KEY, peer)

    def put(self, index: int, public: bytes) -> None:
        name = self._name(index)
        self._guarded(lambda: self._files.write(name, pack(name, index, public)))

    def read(self, index: int) -> "bytes | None":
        name = self._name(index)
        image = self._guarded(lambda: self._files.read(name))
        parsed = None if image is None else unpack(name, image)
        return None if parsed is None else parsed[1]

    def taken(self, index: int) -> None:
        self._guarded(lambda: self._files.remove(self._name(index)))

    def clear(self) -> None:
        """Let go of every key."""
        for name in self._guarded(self._files.names):
            if name.startswith(self._prefix):
                self._guarded(lambda name=name: self._files.remove(name))

    def _name(self, index: int) -> str:
        return "%s%d" % (self._prefix, index)

    def _guarded(self, action: "Any") -> "Any":
        try:
            return action()
        except OSError as error:
            raise StoreError("prekeys: the medium failed (%r); free some space" % error)


class PrekeyStore:
    """Fills a Prekeys at the start, and keeps every change of it.

    ``counts``: states ``unreadable`` at the start. A change that cannot be stored raises
    StoreError: a prekey must not be used whose use could be forgotten.
    """

    def __init__(self, store: "Store", vault: "Vault") -> None:
        self.counts = {"unreadable": 0}
        self._store = store
        self._vault = vault

    def open(self) -> Prekeys:
        """The prekeys with all that was stored; their changes come back to ``change``."""
        prekeys = Prekeys(PEERS, self.change)
        for name in self._vault.names():
            if name.startswith(_CHAIN):
                self._restore_chain(prekeys, name)
        for name in self._store.names(_STOCK):
            self._restore_stock(prekeys, name)
        return prekeys

    def shelf(self, peer_id: bytes) -> KeyShelf:
        """Where the keys lie that ``peer_id`` hands us."""
        return KeyShelf(self._store.files, short(peer_id))

    def change(self, what: int, peer_id: bytes, value: "PrekeyChain | PeerPrekeys | None") -> None:
        """The prekeys' ``on_change``: durable, and the state before erased, when it returns."""
        if what == CHAIN:
            self._save_chain(peer_id, value)
        elif value is None:
            self._store.erase(_STOCK + short(peer_id))
            self.shelf(peer_id).clear()
        else:
            self._store.save(_STOCK + short(peer_id), peer_id + value.encode())

    def _save_chain(self, peer_id: bytes, chain: "PrekeyChain | PeerPrekeys | None") -> None:
        name = _CHAIN + short(peer_id)
        if chain is None:
            self._vault.forget(name)
            return
        state = chain.encode()
        try:
            self._vault.save(name, peer_id + state)
        finally:
            wipe(state)

    def _restore_chain(self, prekeys: Prekeys, name: str) -> None:
        value = self._vault.load(name) or b""
        try:
            chain = PrekeyChain.decode(value[PEER_ID_BYTES:])
            prekeys.set_chain(value[:PEER_ID_BYTES], chain, stored=True)
        except (Malformed, Exhausted):
            self.counts["unreadable"] += 1
            self._vault.forget(name)

    def _restore_stock(self, prekeys: Prekeys, name: str) -> None:
        try:
            value = self._store.load(name) or b""
            peer_id = value[:PEER_ID_BYTES]
            stock = PeerPrekeys.decode(value[PEER_ID_BYTES:], self.shelf(peer_id))
            prekeys.set_stock(peer_id, stock, stored=True)
        except (Malformed, Exhausted, StoreError):
            self.counts["unreadable"] += 1
            self._store.erase(name)
