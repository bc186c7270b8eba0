# SPDX-License-Identifier: MIT OR Apache-2.0
"""Prekeys: both ends agree on every key, each is used once, and what was used cannot come back."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pqmesh.credentials import prekeys as pk
from pqmesh.credentials.merkle import Tree, check_path
from pqmesh.credentials.prekeys import (
    CHAIN,
    INDICES,
    MAX_AHEAD,
    MAX_SKIPPED,
    STOCK,
    MemoryShelf,
    PeerPrekeys,
    PrekeyChain,
    Prekeys,
    block_hash,
)
from pqmesh.errors import Exhausted, Malformed, UsageError
from support.simulation import CRYPTO

SECRET = bytes(range(32))
ALICE, BOB = b"A" * 32, b"B" * 32


def expand(secret, label, length):
    info = len(b"pqmesh1 " + label).to_bytes(2, "big") + b"pqmesh1 " + label + b"\x00\x00"
    info += length.to_bytes(2, "big")
    out = block = b""
    while len(out) < length:
        text = block + info + bytes([len(out) // 32 + 1])
        block = hmac.new(secret, text, hashlib.sha256).digest()
        out += block
    return out[:length]


def seeds_of(secret, count):
    """The first seeds of a chain, from the formula."""
    found = []
    for _ in range(count):
        found.append(expand(secret, b"prekey", 64))
        secret = expand(secret, b"next", 32)
    return found


SEEDS = seeds_of(SECRET, 80)


def after(*used, chain=None):
    chain = chain or PrekeyChain(SECRET)
    for index in used:
        chain = chain.without(index)
    return chain


# The chain


def test_the_seeds_are_those_of_the_formula():
    chain = PrekeyChain(SECRET)
    assert [bytes(chain.seed(index)) for index in range(MAX_AHEAD)] == SEEDS[:MAX_AHEAD]
    assert chain.index == 0


def test_the_keys_handed_out_are_those_of_the_seeds():
    chain = PrekeyChain(SECRET)
    assert list(chain.publics(CRYPTO, 2, 3)) == [CRYPTO.kem_keypair(s) for s in SEEDS[2:5]]
    assert list(after(0, 1, chain=chain).publics(CRYPTO, 2, 1)) == [CRYPTO.kem_keypair(SEEDS[2])]
    assert list(chain.publics(CRYPTO, 0, 0)) == []
    for first, count in ((-1, 1), (0, -1), (INDICES, 1), (INDICES - 1, 2)):
        with pytest.raises(UsageError):
            list(chain.publics(CRYPTO, first, count))
    with pytest.raises(UsageError):
        list(after(3).publics(CRYPTO, 3, 1))


def test_in_order_nothing_but_the_present_secret_is_kept():
    chain = PrekeyChain(SECRET)
    for index in range(10):
        assert bytes(chain.seed(index)) == SEEDS[index]
        chain = chain.without(index)
        assert len(chain.encode()) == 36
        assert chain.seed(index) is None
    with pytest.raises(UsageError):
        chain.without(9)


def test_four_that_were_passed_over_may_still_come():
    chain = after(6)
    assert [chain.seed(i) is not None for i in range(8)] == [False] * 2 + [True] * 4 + [
        False,
        True,
    ]
    assert [bytes(chain.seed(i)) for i in (2, 3, 4, 5)] == SEEDS[2:6]
    chain = chain.without(3)
    assert chain.seed(3) is None
    assert bytes(chain.seed(4)) == SEEDS[4]
    chain = chain.without(9)  # passes over 7 and 8: of 2, 4, 5, 7, 8 the oldest goes
    assert [i for i in range(10) if chain.seed(i) is not None] == [4, 5, 7, 8]
    with pytest.raises(UsageError):
        chain.without(3)


def test_one_message_makes_us_walk_so_far_and_no_further():
    chain = after(0)
    assert bytes(chain.seed(MAX_AHEAD)) == SEEDS[MAX_AHEAD]
    assert chain.seed(MAX_AHEAD + 1) is None
    with pytest.raises(UsageError):
        chain.without(MAX_AHEAD + 1)
    assert chain.without(MAX_AHEAD).index == MAX_AHEAD + 1


def test_indices_end_at_16_bits():
    chain = PrekeyChain(SECRET, INDICES - 2)
    assert chain.seed(INDICES) is None
    assert chain.seed(INDICES - 1) is not None
    over = chain.without(INDICES - 1)
    assert over.index == INDICES
    assert over.seed(INDICES) is None
    assert PrekeyChain.decode(over.encode()).seed(INDICES - 2) is not None
    with pytest.raises(UsageError):
        over.without(INDICES)


@given(st.lists(st.integers(0, 40), max_size=20))
def test_property_12_a_used_seed_is_in_no_state_and_follows_from_none(order):
    chain, used = PrekeyChain(SECRET), set()
    for index in order:
        seed = chain.seed(index)
        if seed is None:
            continue
        assert index not in used
        assert bytes(seed) == SEEDS[index]
        chain = chain.without(index)
        used.add(index)
        blob = bytes(chain.encode())
        assert 36 <= len(blob) <= 300
        assert not any(SEEDS[done] in blob for done in used)
        assert all(chain.seed(done) is None for done in used)
        assert chain.index > max(used)  # so that S is the hash of every S that made them
        again = PrekeyChain.decode(blob)
        assert [again.seed(i) for i in range(50)] == [chain.seed(i) for i in range(50)]


def test_what_is_replaced_is_overwritten():
    chain = after(4)
    kept = [chain._secret, *chain._skipped.values()]
    chain.without(5)
    assert all(any(secret) for secret in kept)  # the one before stays whole until it is stored
    chain.wipe()
    assert not any(any(secret) for secret in kept)
    assert chain.seed(2) is None


def test_the_chain_is_not_the_callers_buffer():
    mine = bytearray(SECRET)
    chain = PrekeyChain(mine)
    chain.wipe()
    assert bytes(mine) == SECRET


def test_other_forms_of_a_chain_are_malformed():
    blob = bytes(after(6).encode())
    assert len(blob) == 36 + 4 * 66
    for bad in (
        b"",
        blob[:35],
        blob[:-1],
        blob + bytes(66),
        b"\x02" + blob[1:],
        b"\x01\x01\x00\x01" + blob[4:],
    ):
        with pytest.raises(Malformed):
            PrekeyChain.decode(bad)


def test_no_secret_is_printed():
    assert repr(after(6)) == "PrekeyChain(at 7, 4 skipped)"


def test_a_block_is_a_leaf_of_the_epoch():
    keys = list(PrekeyChain(SECRET).publics(CRYPTO, 16, 4))
    want = hashlib.sha256(b"pqmesh1 prekeys" + b"\x00\x10" + b"".join(keys)).digest()
    assert block_hash(16, iter(keys)) == want
    tree = Tree(ALICE, 3, {0: b"ek", 8: want})
    check_path(tree.root, ALICE, 3, 8, block_hash(16, keys), tree.path(8))


# The stock


def stocked(count=5, first=0):
    shelf = MemoryShelf()
    stock = PeerPrekeys(shelf)
    stock.add(first, [b"key %d" % n for n in range(first, first + count)])
    return stock, shelf


def test_keys_are_taken_in_order_once_and_leave_the_shelf():
    stock, shelf = stocked(3, 7)
    assert len(stock) == 3
    for n in (7, 8, 9):
        assert n in shelf.keys
        assert stock.take() == (n, b"key %d" % n)
        assert n not in shelf.keys
    assert (stock.take(), len(stock)) == (None, 0)


def test_a_key_that_the_shelf_lost_is_passed_over():
    stock, shelf = stocked(4)
    for lost in (0, 1, 3):
        del shelf.keys[lost]
    assert stock.take() == (2, b"key 2")
    assert stock.take() is None


def test_more_keys_follow_on_or_begin_anew_when_it_is_empty():
    stock, _ = stocked(2)
    with pytest.raises(UsageError):
        stock.add(5, [b"gap"])
    with pytest.raises(UsageError):
        stock.add(1, [b"again"])
    stock.add(2, [b"key 2"])
    assert [stock.take()[0] for _ in range(3)] == [0, 1, 2]
    stock.add(9, [b"key 9"])
    assert (stock.take(), stock.encode()) == ((9, b"key 9"), bytes.fromhex("01 00000a 00000a"))
    with pytest.raises(UsageError):
        stock.add(9, [b"key 9 again"])
    with pytest.raises(UsageError):
        stock.add(INDICES, [b"beyond"])


def test_a_stored_stock_is_itself_again_or_malformed():
    stock, shelf = stocked(3)
    stock.take()
    again = PeerPrekeys.decode(stock.encode(), shelf)
    assert (again.next, again.end) == (1, 3)
    assert again.take() == (1, b"key 1")
    for bad in ("", "01000001", "02000000000001", "01000002000001", "01000000010001"):
        with pytest.raises(Malformed):
            PeerPrekeys.decode(bytes.fromhex(bad), shelf)


# All peers


class Disk:
    """The newest state of everything, as a board would have it after a power cut."""

    def __init__(self, shelf=None):
        self.state = {}
        self.shelf = shelf or MemoryShelf()
        self.fail = False

    def __call__(self, what, peer_id, value):
        if self.fail:
            raise OSError("power")
        if value is None:
            del self.state[what, peer_id]
        else:
            self.state[what, peer_id] = bytes(value.encode())

    def booted(self):
        again = Prekeys(4, self)
        for (what, peer_id), blob in self.state.items():
            if what == CHAIN:
                again.set_chain(peer_id, PrekeyChain.decode(blob), stored=True)
            else:
                again.set_stock(peer_id, PeerPrekeys.decode(blob, self.shelf), stored=True)
        return again


def test_strangers_have_no_prekeys():
    none = Prekeys(2)
    assert none.seed(ALICE, 0) is none.take(ALICE) is None
    assert none.chain(ALICE) is none.stock(ALICE) is None
    assert none.stocked(ALICE) == 0
    none.forget(ALICE)
    with pytest.raises(UsageError):
        none.used(ALICE, 0)


def test_a_use_is_stored_before_it_counts():
    disk = Disk()
    keys = Prekeys(2, disk)
    keys.set_chain(ALICE, PrekeyChain(SECRET))
    disk.fail = True
    with pytest.raises(OSError, match="power"):
        keys.used(ALICE, 0)
    assert bytes(keys.seed(ALICE, 0)) == SEEDS[0]
    disk.fail = False
    keys.used(ALICE, 0)
    assert keys.seed(ALICE, 0) is disk.booted().seed(ALICE, 0) is None
    assert bytes(disk.booted().seed(ALICE, 1)) == SEEDS[1]


def test_a_new_chain_ends_the_old_one():
    keys = Prekeys(2)
    first = PrekeyChain(SECRET)
    keys.set_chain(ALICE, first)
    keys.set_chain(ALICE, PrekeyChain(SECRET[::-1]))
    assert not any(first._secret)
    assert bytes(keys.seed(ALICE, 0)) != SEEDS[0]
    assert keys.chain(ALICE).index == 0


def test_tables_are_bounded_and_nobody_is_thrown_out():
    disk = Disk()
    keys = Prekeys(1, disk)
    keys.set_chain(ALICE, PrekeyChain(SECRET))
    keys.set_stock(ALICE, stocked()[0])
    with pytest.raises(Exhausted):
        keys.set_chain(BOB, PrekeyChain(SECRET))
    with pytest.raises(Exhausted):
        keys.set_stock(BOB, stocked()[0])
    assert keys.seed(ALICE, 0) is not None
    keys.forget(ALICE)
    assert disk.state == {}
    keys.set_stock(BOB, stocked(3)[0])
    assert (keys.stocked(BOB), keys.stocked(ALICE), keys.seed(ALICE, 0)) == (3, 0, None)
    assert len(keys.stock(BOB)) == 3


class PowerCuts(RuleBasedStateMachine):
    """Two ends of one direction, and a power cut whenever it likes: no key is used twice."""

    def __init__(self):
        super().__init__()
        self.disks = (Disk(), Disk())
        chain = PrekeyChain(SECRET)
        owner = Prekeys(4, self.disks[0])
        owner.set_chain(BOB, chain)
        holder = Prekeys(4, self.disks[1])
        stock = PeerPrekeys(self.disks[1].shelf)
        stock.add(0, [CRYPTO.kem_keypair(seed) for seed in SEEDS[:12]])
        holder.set_stock(ALICE, stock)
        self.ends = [owner, holder]
        self.sent = []
        self.taken = []
        self.opened = []

    @rule()
    def send(self):
        found = self.ends[1].take(ALICE)
        if found is not None:
            index, key = found
            self.taken.append(index)
            self.sent.append((index, *CRYPTO.kem_encapsulate(key, bytes([index]) * 32)))

    @rule(data=st.data())
    def receive(self, data):
        if not self.sent:
            return
        index, ciphertext, shared = data.draw(st.sampled_from(self.sent))
        seed = self.ends[0].seed(BOB, index)
        if seed is not None:
            assert CRYPTO.kem_decapsulate(seed, ciphertext) == shared
            self.ends[0].used(BOB, index)
            self.opened.append(index)

    @rule(index=st.integers(0, 9))
    def lose(self, index):
        self.sent = [frame for at, frame in enumerate(self.sent) if at != index]

    @rule(side=st.integers(0, 1))
    def power_cut(self, side):
        self.ends[side] = self.disks[side].booted()

    @invariant()
    def no_key_is_used_twice(self):
        assert len(set(self.taken)) == len(self.taken)
        assert len(set(self.opened)) == len(self.opened)
        assert self.ends[1].stocked(ALICE) == 12 - len(self.taken)


PowerCuts.TestCase.settings = settings(max_examples=30, stateful_step_count=25)
TestPowerCuts = PowerCuts.TestCase


def test_the_bounds_are_those_of_constrained_design():
    assert MAX_SKIPPED == 4
    assert (CHAIN, STOCK, pk.INDICES) == (0, 1, 1 << 16)
