# SPDX-License-Identifier: MIT OR Apache-2.0
"""One-time KEM keys: a chain of our own for each peer, and what is left of the peer's.

    S_i+1  = D(S_i, "next")         seed_i = D(S_i, "prekey", 64), d || z of key number i
    block  = SHA-256("pqmesh1 prekeys" || first index 2 || key || key ..), a leaf 8.. of the epoch

The chain goes forward only. What is kept is the present S, 32 bytes however many keys have been
handed out, and the seeds of at most four keys that were passed over: their ciphertexts may still
come. A seed that was used is gone, and with it what was sent to it; a node that is taken gives
away the keys to come, against which help the ways back that HS-RK and HS-K are
(constrained-design 3.2).

Indices have 16 bits and are not used twice. ``on_change`` must be durable when it returns, and
on a board, where it writes, what it replaces must be gone.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import KEM_SEED_BYTES
from ..errors import Exhausted, Malformed, UsageError
from ..kdf import (
    DOMAIN_PREKEYS,
    HASH_BYTES,
    LABEL_PREKEY,
    LABEL_STEP,
    derive,
    domain_hash,
)
from ..wipe import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from ..compat import Buffer
    from ..crypto import Crypto

    class Shelf(Protocol):
        """Where the keys of one peer lie: 1184 bytes each, too many for a board's memory."""

        def put(self, index: int, public: bytes) -> None:
            """Keep a key, durably."""

        def read(self, index: int) -> "bytes | None":
            """Return a key, or None when it is not there."""

        def taken(self, index: int) -> None:
            """Let go of a key, durably. Harmless when it is not there."""


MAX_SKIPPED = const(4)
MAX_AHEAD = const(64)  # steps that one message can make us walk
INDICES = const(65_536)

_FORM = const(1)  # of both stored states
_CHAIN_HEAD = const(36)  # form 1, next index 3, S 32
_SKIPPED_BYTES = const(66)  # index 2, seed 64
_STOCK_BYTES = const(7)  # form 1, next 3, end 3

CHAIN = const(0)  # what on_change of Prekeys is told
STOCK = const(1)


def block_hash(first: int, keys: "Iterable[Buffer]") -> bytes:
    """Return the 32 bytes that stand for keys ``first``, ``first`` + 1, .. in an epoch's tree."""
    digest = domain_hash(DOMAIN_PREKEYS)
    digest.update(first.to_bytes(2, "big"))
    for key in keys:
        digest.update(key)
    return digest.digest()


class PrekeyChain:
    """The secrets of the keys that one peer holds of us.

    :param secret: S of key number ``index``, 32 random bytes to begin with
    :param skipped: seeds of earlier keys that may still be used
    """

    def __init__(
        self, secret: "Buffer", index: int = 0, skipped: "dict[int, Buffer] | None" = None
    ) -> None:
        self.index = index  # of the first key that was neither used nor passed over
        self._secret: Buffer = bytearray(secret)
        self._skipped: "dict[int, Buffer]" = skipped or {}

    def publics(self, crypto: "Crypto", first: int, count: int) -> "Iterator[bytes]":
        """Yield ``count`` keys to hand out, one generation each. Nothing here changes.

        :raises UsageError: some of them have been passed already, or have no number
        """
        if first < self.index or count < 0 or first + count > INDICES:
            raise UsageError("keys %d to %d of a chain at %d" % (first, first + count, self.index))
        secret: Buffer = bytearray(self._secret)
        for index in range(self.index, first + count):
            if index >= first:
                seed = _seed_of(secret)
                yield crypto.kem_keypair(seed)
                wipe(seed)
            secret = _next(secret)
        wipe(secret)

    def seed(self, index: int) -> "Buffer | None":
        """Return a copy of a key's seed, 64 bytes; wipe it. Nothing here changes.

        None: it has been used, or passed over too long ago, or is more than MAX_AHEAD ahead.
        """
        if index in self._skipped:
            return bytearray(self._skipped[index])
        if not self.index <= index < min(self.index + MAX_AHEAD, INDICES):
            return None
        secret: Buffer = bytearray(self._secret)
        for _ in range(index - self.index):
            secret = _next(secret)
        seed = _seed_of(secret)
        wipe(secret)
        return seed

    def without(self, index: int) -> "PrekeyChain":
        """Return the chain as it is once key ``index`` has been used; this one stays as it is.

        Keys that it passes over are kept, the newest four of all.

        :raises UsageError: that key is not to be had any more
        """
        skipped = {number: bytearray(self._skipped[number]) for number in self._skipped}
        secret: Buffer = bytearray(self._secret)
        at = self.index
        if index in skipped:
            wipe(skipped.pop(index))
            return PrekeyChain(secret, at, skipped)
        if not at <= index < min(at + MAX_AHEAD, INDICES):
            raise UsageError("prekey %d is not to be had any more" % index)
        while at <= index:
            if index - MAX_SKIPPED <= at < index:
                skipped[at] = _seed_of(secret)
            secret = _next(secret)
            at += 1
        for number in sorted(skipped)[:-MAX_SKIPPED]:
            wipe(skipped.pop(number))
        return PrekeyChain(secret, at, skipped)

    def wipe(self) -> None:
        """Overwrite everything."""
        wipe(self._secret)
        for number in self._skipped:
            wipe(self._skipped[number])
        self._skipped = {}

    def encode(self) -> bytearray:
        """Return the state as it is stored, 36 to 300 bytes, all secret; wipe it after."""
        out = bytearray((_FORM,))
        out.extend(self.index.to_bytes(3, "big"))
        out.extend(self._secret)
        for number in sorted(self._skipped):
            out.extend(number.to_bytes(2, "big"))
            out.extend(self._skipped[number])
        return out

    @staticmethod
    def decode(blob: "Buffer") -> "PrekeyChain":
        """Return what ``encode`` was of.

        :raises Malformed: another form
        """
        size = len(blob)
        rest = size - _CHAIN_HEAD
        if rest < 0 or rest % _SKIPPED_BYTES or rest > MAX_SKIPPED * _SKIPPED_BYTES:
            raise Malformed("a stored chain of %d bytes" % size)
        index = int.from_bytes(bytes(blob[1:4]), "big")
        if blob[0] != _FORM or index > INDICES:
            raise Malformed("a stored chain of form %d at %d" % (blob[0], index))
        skipped: "dict[int, Buffer]" = {}
        for at in range(_CHAIN_HEAD, size, _SKIPPED_BYTES):
            number = int.from_bytes(bytes(blob[at : at + 2]), "big")
            skipped[number] = bytearray(blob[at + 2 : at + _SKIPPED_BYTES])
        return PrekeyChain(blob[4:_CHAIN_HEAD], index, skipped)

    def __repr__(self) -> str:
        """Tell no secret: it may end up in a log."""
        return "PrekeyChain(at %d, %d skipped)" % (self.index, len(self._skipped))


class PeerPrekeys:
    """What is left of the keys that one peer has handed to us: ``next`` up to ``end``.

    :param shelf: where they lie
    """

    def __init__(self, shelf: "Shelf", start: int = 0, end: int = 0) -> None:
        self.next = start
        self.end = end
        self._shelf = shelf

    def __len__(self) -> int:
        return self.end - self.next

    def add(self, first: int, keys: "Iterable[bytes]") -> None:
        """Put keys ``first``, ``first`` + 1, .. on the shelf, behind those that are there.

        :raises UsageError: they do not follow on what is there, or have no number
        """
        if first < self.end or (len(self) and first != self.end):
            raise UsageError("prekeys from %d on top of %d" % (first, self.end))
        at = first
        for key in keys:
            if at >= INDICES:
                raise UsageError("prekeys have 16-bit numbers")
            self._shelf.put(at, key)
            at += 1
        if not len(self):
            self.next = first
        self.end = at

    def take(self) -> "tuple[int, bytes] | None":
        """Return the next key and its number, off the shelf before this returns; None: empty."""
        while self.next < self.end:
            index = self.next
            key = self._shelf.read(index)
            self.next = index + 1
            self._shelf.taken(index)
            if key is not None:
                return index, key
        return None

    def encode(self) -> bytes:
        """Return the state as it is stored, 7 bytes; the keys themselves are the shelf's."""
        return bytes((_FORM,)) + self.next.to_bytes(3, "big") + self.end.to_bytes(3, "big")

    @staticmethod
    def decode(blob: bytes, shelf: "Shelf") -> "PeerPrekeys":
        """Return what ``encode`` was of.

        :raises Malformed: another form
        """
        start, end = (
            int.from_bytes(bytes(blob[1:4]), "big"),
            int.from_bytes(bytes(blob[4:]), "big"),
        )
        if len(blob) != _STOCK_BYTES or blob[0] != _FORM or not start <= end <= INDICES:
            raise Malformed("a stored stock of %d bytes" % len(blob))
        return PeerPrekeys(shelf, start, end)


class MemoryShelf:
    """Keeps keys as long as the process lives."""

    def __init__(self) -> None:
        self.keys: "dict[int, bytes]" = {}

    def put(self, index: int, public: bytes) -> None:
        """Keep a key."""
        self.keys[index] = bytes(public)

    def read(self, index: int) -> "bytes | None":
        """Return a key, or None."""
        return self.keys.get(index)

    def taken(self, index: int) -> None:
        """Let go of a key."""
        self.keys.pop(index, None)


class Prekeys:
    """The prekeys of all peers, as HS-RP asks for them. At most ``capacity`` peers.

    :param on_change: ``on_change(CHAIN or STOCK, peer_id, value)`` is told of a new state, or of
        None when a peer is forgotten; None: nothing outlives this object
    """

    def __init__(
        self,
        capacity: int,
        on_change: "Callable[[int, bytes, PrekeyChain | PeerPrekeys | None], None] | None" = None,
    ) -> None:
        self._capacity = capacity
        self._on_change = on_change
        self._chains: "dict[bytes, PrekeyChain]" = {}
        self._stocks: "dict[bytes, PeerPrekeys]" = {}

    def set_chain(self, peer_id: bytes, chain: PrekeyChain, stored: bool = False) -> None:
        """Begin a chain for a peer; one there was is over, with all keys of it.

        :param stored: it comes from where on_change put it
        :raises Exhausted: no room for another peer
        """
        self._room(self._chains, peer_id)
        if not stored:
            self._tell(CHAIN, peer_id, chain)
        old = self._chains.get(peer_id)
        self._chains[peer_id] = chain
        if old is not None:
            old.wipe()

    def set_stock(self, peer_id: bytes, stock: PeerPrekeys, stored: bool = False) -> None:
        """Take the keys that a peer has handed out; those there were are not used any more.

        :param stored: it comes from where on_change put it
        :raises Exhausted: no room for another peer
        """
        self._room(self._stocks, peer_id)
        if not stored:
            self._tell(STOCK, peer_id, stock)
        self._stocks[peer_id] = stock

    def chain(self, peer_id: bytes) -> "PrekeyChain | None":
        """Return our chain towards a peer, or None."""
        return self._chains.get(peer_id)

    def stock(self, peer_id: bytes) -> "PeerPrekeys | None":
        """Return what is left of a peer's keys, or None when it never handed out any."""
        return self._stocks.get(peer_id)

    def seed(self, peer_id: bytes, index: int) -> "Buffer | None":
        """Return the seed of a key that a peer holds of us, 64 bytes; wipe it. See PrekeyChain."""
        chain = self._chains.get(peer_id)
        return None if chain is None else chain.seed(index)

    def used(self, peer_id: bytes, index: int) -> None:
        """Erase the seed of a key, durably when this returns. What it passes over is kept.

        :raises UsageError: ``seed`` does not have it
        """
        chain = self._chains.get(peer_id)
        if chain is None:
            raise UsageError("no prekeys for this peer")
        after = chain.without(index)
        self._tell(CHAIN, peer_id, after)
        self._chains[peer_id] = after
        chain.wipe()

    def take(self, peer_id: bytes) -> "tuple[int, bytes] | None":
        """Return a key of a peer's and its number, removed durably; None when there is none."""
        stock = self._stocks.get(peer_id)
        found = None if stock is None else stock.take()
        if found is not None:
            self._tell(STOCK, peer_id, stock)
        return found

    def stocked(self, peer_id: bytes) -> int:
        """Return how many keys of a peer's are left."""
        stock = self._stocks.get(peer_id)
        return 0 if stock is None else len(stock)

    def forget(self, peer_id: bytes) -> None:
        """Drop both directions of a peer. Harmless without any."""
        chain = self._chains.pop(peer_id, None)
        if chain is not None:
            self._tell(CHAIN, peer_id, None)
            chain.wipe()
        if self._stocks.pop(peer_id, None) is not None:
            self._tell(STOCK, peer_id, None)

    def _room(
        self, table: "dict[bytes, PrekeyChain] | dict[bytes, PeerPrekeys]", who: bytes
    ) -> None:
        if who not in table and len(table) >= self._capacity:
            raise Exhausted("prekeys for %d peers are all there is room for" % self._capacity)

    def _tell(self, what: int, peer_id: bytes, value: "PrekeyChain | PeerPrekeys | None") -> None:
        if self._on_change is not None:
            self._on_change(what, peer_id, value)


def _seed_of(secret: "Buffer") -> "Buffer":
    return bytearray(derive(secret, LABEL_PREKEY, b"", KEM_SEED_BYTES))


def _next(secret: "Buffer") -> "Buffer":
    """Step on, and overwrite where we were."""
    after = bytearray(derive(secret, LABEL_STEP, b"", HASH_BYTES))
    wipe(secret)
    return after
