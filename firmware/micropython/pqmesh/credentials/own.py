# SPDX-License-Identifier: MIT OR Apache-2.0
"""One epoch of our own: the KEM seeds, the tree over their keys, the signature over the tree.

The tree holds all the keys of the epoch, so moving on to the next of them, its next *slot*, needs
no signature. The key of the slot before stays good until the one after it is moved to; then its
seed is overwritten. The seeds of slots to come are kept: they are what was signed.

    public part   1 | object 3373 | (leaf index 1, hash 24) ..          3,374 + 25 a leaf
    secret part   1 | epoch 2 | present slot 1 | (slot 1, seed 64) ..       4 + 65 a slot

The two are stored apart: the one may lie anywhere, the other where what is erased is gone.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import DSA_RANDOM_BYTES, KEM_SEED_BYTES
from ..errors import Exhausted, Malformed, Unexpected, UsageError
from ..record import Record
from ..wipe import wipe
from .epoch import (
    BODY_BYTES,
    EPOCH_BYTES,
    SUITE,
    VERSION,
    Epoch,
    make_leaf,
    parse_body,
    sign_epoch,
)
from .ids import OwnKey, credential_id_of
from .merkle import KEM_SLOTS, LEAVES, NODE_BYTES, Tree, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..crypto import Crypto
    from ..identity import Identity

_FORM = const(1)  # of both stored parts
_LEAF_ENTRY = const(25)  # NODE_BYTES + 1
_SEED_ENTRY = const(65)  # KEM_SEED_BYTES + 1
_SECRET_HEAD = const(4)


class Plan(Record):
    """What an epoch is to be. See Epoch for the fields that go into it as they are."""

    FIELDS = ("number", "start_s", "lifetime_h", "slots", "flags", "leaves")

    number: int
    start_s: int
    lifetime_h: int
    slots: int  # KEM keys, 1..8
    flags: int
    leaves: "dict[int, bytes]"  # further leaves, 8..255: hashes of prekey blocks, for one


def plan(number: int, start_s: int, leaves: "dict[int, bytes] | None" = None) -> Plan:
    """Return the usual plan: 30 days and all eight slots (constrained-design 3.1)."""
    return Plan(number, start_s, 720, KEM_SLOTS, 0, leaves or {})


class OwnEpoch:
    """One epoch of ``peer_id``, our own. Made by ``certify`` or ``restore``."""

    def __init__(
        self,
        peer_id: bytes,
        blob: bytes,
        hashes: "dict[int, bytes]",
        slot: int,
        seeds: "dict[int, Buffer]",
        reload: "Callable[[], bytes | None] | None" = None,
    ) -> None:
        self.peer_id = peer_id
        self._blob = blob if reload is None else b""
        self._reload = reload
        self.epoch = parse_body(blob[:BODY_BYTES])
        self.slot = slot
        self._hashes = hashes
        self._seeds = seeds
        self._keys: "dict[int, OwnKey]" = {}

    @property
    def object(self) -> bytes:
        """The signed object, 3373 bytes: from memory, or read again from where it is stored.

        :raises Unexpected: it cannot be read any more
        """
        if self._reload is None:
            return self._blob
        blob = bytes((self._reload() or b"")[1 : 1 + EPOCH_BYTES])
        if len(blob) != EPOCH_BYTES or parse_body(blob[:BODY_BYTES]) != self.epoch:
            raise Unexpected("the epoch that was stored is not there any more")
        return blob

    @property
    def number(self) -> int:
        """Which epoch it is."""
        return self.epoch.epoch

    def keys(self, crypto: "Crypto") -> "list[OwnKey]":
        """Return the keys that may be used, the present one first. A key generation each, once."""
        return [self._key(slot, crypto) for slot in (self.slot, self.slot - 1) if self._has(slot)]

    def rotated(self) -> "OwnEpoch":
        """Return what ``rotate`` will make of it, to be stored before that.

        :raises Exhausted: the present slot is the last of this epoch
        """
        if self.slot + 1 not in self._seeds:
            raise Exhausted("epoch %d has no further slot" % self.number)
        seeds = {slot: self._seeds[slot] for slot in self._seeds if slot >= self.slot}
        return OwnEpoch(self.peer_id, self.object, self._hashes, self.slot + 1, seeds)

    def rotate(self) -> None:
        """Move on to the next slot; the seed of the one before the present is overwritten.

        :raises Exhausted: the present slot is the last of this epoch
        """
        after = self.rotated()
        self._erase(self.slot - 1)
        self.slot = after.slot

    def leaf(self, crypto: "Crypto") -> bytes:
        """Return the 1378-byte KEM leaf of the present slot."""
        tree = Tree(self.peer_id, self.number, {}, self._hashes)
        return make_leaf(tree, self.slot, self.keys(crypto)[0].public)

    def wipe(self) -> None:
        """Overwrite all seeds: this epoch is over."""
        for slot in list(self._seeds):
            self._erase(slot)

    def public_part(self) -> bytes:
        """Return what of it may be read by anybody, to be stored."""
        out = bytearray((_FORM,))
        out.extend(self.object)
        for index in sorted(self._hashes):
            out.append(index)
            out.extend(self._hashes[index])
        return bytes(out)

    def secret_part(self) -> bytearray:
        """Return what of it is secret, to be stored; wipe it when that is done."""
        out = bytearray((_FORM,))
        out.extend(self.number.to_bytes(2, "big"))
        out.append(self.slot)
        for slot in sorted(self._seeds):
            out.append(slot)
            out.extend(self._seeds[slot])
        return out

    def __repr__(self) -> str:
        """Tell no secret: it may end up in a log."""
        return "OwnEpoch(%d, slot %d)" % (self.number, self.slot)

    def _has(self, slot: int) -> bool:
        return slot in self._seeds

    def _key(self, slot: int, crypto: "Crypto") -> OwnKey:
        if slot not in self._keys:
            seed = self._seeds[slot]
            public = crypto.kem_keypair(seed)
            name = credential_id_of(self.peer_id, self.number, slot, public)
            self._keys[slot] = OwnKey(slot, self.number, seed, public, name)
        return self._keys[slot]

    def _erase(self, slot: int) -> None:
        self._keys.pop(slot, None)
        wipe(self._seeds.pop(slot, bytearray()))


def certify(
    identity: "Identity", crypto: "Crypto", entropy: "Callable[[int], bytes]", wanted: Plan
) -> OwnEpoch:
    """Begin an epoch: one key generation for each slot, one signature.

    :raises UsageError: a number of slots or a leaf that is out of range
    """
    if not 1 <= wanted.slots <= KEM_SLOTS:
        raise UsageError("an epoch has 1..%d slots" % KEM_SLOTS)
    if [index for index in wanted.leaves if not KEM_SLOTS <= index < LEAVES]:
        raise UsageError("leaves beside the slots are %d..%d" % (KEM_SLOTS, LEAVES - 1))
    peer_id, number = identity.peer_id, wanted.number
    seeds: "dict[int, Buffer]" = {}
    hashes: "dict[int, bytes]" = {}
    for slot in range(wanted.slots):  # one key at a time: a board has no room for eight
        seeds[slot] = bytearray(entropy(KEM_SEED_BYTES))
        hashes[slot] = leaf_hash(peer_id, number, slot, crypto.kem_keypair(seeds[slot]))
    for index in wanted.leaves:
        hashes[index] = leaf_hash(peer_id, number, index, wanted.leaves[index])
    epoch = Epoch(
        version=VERSION,
        suite=SUITE,
        epoch=number,
        start_s=wanted.start_s,
        lifetime_h=wanted.lifetime_h,
        chain_length=0,
        chain_interval_s=0,
        flags=wanted.flags,
        chain_anchor=bytes(NODE_BYTES),
        root=Tree(peer_id, number, {}, hashes).root,
    )
    blob = sign_epoch(epoch, identity, entropy(DSA_RANDOM_BYTES))
    return OwnEpoch(peer_id, blob, hashes, 0, seeds)


def restore(
    peer_id: bytes,
    public: bytes,
    secret: "Buffer",
    reload: "Callable[[], bytes | None] | None" = None,
) -> OwnEpoch:
    """Return the epoch whose two stored parts these are.

    :param reload: returns the public part again, None if it cannot: a board has better use for
        3.3 KB than an object it shows once a month. None: the object stays in memory
    :raises Malformed: they are not, or do not belong together
    """
    hashes = _read_leaves(public)
    slot, number, seeds = _read_seeds(secret)
    own = OwnEpoch(peer_id, bytes(public[1 : 1 + EPOCH_BYTES]), hashes, slot, seeds, reload)
    if own.number != number or Tree(peer_id, number, {}, hashes).root != own.epoch.root:
        raise Malformed("the two parts of a stored epoch do not belong together")
    return own


def _read_leaves(public: bytes) -> "dict[int, bytes]":
    at = 1 + EPOCH_BYTES
    if len(public) < at or public[0] != _FORM or (len(public) - at) % _LEAF_ENTRY:
        raise Malformed("a stored epoch of %d bytes" % len(public))
    return {
        public[begin]: bytes(public[begin + 1 : begin + _LEAF_ENTRY])
        for begin in range(at, len(public), _LEAF_ENTRY)
    }


def _read_seeds(secret: "Buffer") -> "tuple[int, int, dict[int, Buffer]]":
    size = len(secret)
    if size < _SECRET_HEAD or secret[0] != _FORM or (size - _SECRET_HEAD) % _SEED_ENTRY:
        raise Malformed("stored seeds of %d bytes" % size)
    number = int.from_bytes(bytes(secret[1:3]), "big")
    seeds: "dict[int, Buffer]" = {
        secret[begin]: bytearray(secret[begin + 1 : begin + _SEED_ENTRY])
        for begin in range(_SECRET_HEAD, size, _SEED_ENTRY)
    }
    if secret[3] not in seeds:
        raise Malformed("stored seeds without that of the present slot")
    return secret[3], number, seeds
