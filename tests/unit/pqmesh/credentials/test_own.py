# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our own epoch: one signature, eight slots, and what is left of a seed that is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.credentials.epoch import EPOCH_BYTES, open_epoch, open_leaf
from pqmesh.credentials.ids import credential_id_of
from pqmesh.credentials.merkle import check_path
from pqmesh.credentials.own import OwnEpoch, plan, restore
from pqmesh.errors import Exhausted, Malformed, ProtocolError, Unexpected, UsageError
from support.credentials import START, Owner
from support.simulation import CRYPTO

ALICE = Owner(b"alice")


def test_one_signature_covers_every_slot():
    own = ALICE.epoch(7, slots=8)
    epoch = open_epoch(own.object, ALICE.identity.public_key, CRYPTO)
    assert (epoch, epoch.epoch, own.number) == (own.epoch, 7, 7)
    seen = set()
    for slot in range(8):
        assert own.slot == slot
        found, public = open_leaf(own.leaf(CRYPTO), epoch.root, ALICE.peer_id, 7)
        key = own.keys(CRYPTO)[0]
        assert (found, public) == (slot, key.public) == (key.slot, CRYPTO.kem_keypair(key.seed))
        assert key.credential_id == credential_id_of(ALICE.peer_id, 7, slot, public)
        seen.add(public)
        if slot < 7:
            own.rotate()
    assert len(seen) == 8
    with pytest.raises(Exhausted):
        own.rotate()
    assert own.slot == 7


def test_the_usual_plan():
    usual = plan(3, START, {8: b"block"})
    assert (usual.slots, usual.lifetime_h, usual.flags) == (8, 30 * 24, 0)
    assert usual.leaves == {8: b"block"}
    assert plan(3, START).leaves == {}


def test_property_13_the_slot_before_stays_good_until_the_next_rotation():
    own = ALICE.epoch(1, slots=4)
    first = own.keys(CRYPTO)[0]
    assert [key.slot for key in own.keys(CRYPTO)] == [0]
    own.rotate()
    assert [key.slot for key in own.keys(CRYPTO)] == [1, 0]
    assert own.keys(CRYPTO)[1] is first
    own.rotate()
    assert [key.slot for key in own.keys(CRYPTO)] == [2, 1]
    assert bytes(first.seed) == bytes(64)


def test_a_key_is_made_once(monkeypatch):
    own = ALICE.epoch(1)
    made = []
    real = CRYPTO.kem_keypair
    monkeypatch.setattr(CRYPTO, "kem_keypair", lambda seed: made.append(1) or real(seed), False)
    for _ in range(3):
        own.keys(CRYPTO)
    assert len(made) == 1


def test_other_leaves_are_under_the_signature_too():
    own = ALICE.epoch(2, slots=1, leaves={8: b"a block's hash", 255: b"policy"})
    whole = restore(ALICE.peer_id, own.public_part(), own.secret_part())
    assert whole.epoch == own.epoch
    assert len(own.public_part()) == 3374 + 25 * 3
    bare = ALICE.epoch(2, slots=1)
    assert bare.epoch.root != own.epoch.root
    with pytest.raises(ProtocolError):
        check_path(own.epoch.root, ALICE.peer_id, 2, 8, b"another", bytes(192))


@pytest.mark.parametrize("changes", [{"slots": 0}, {"slots": 9}, {"leaves": {7: b""}}])
def test_a_plan_out_of_range_is_our_own_mistake(changes):
    with pytest.raises(UsageError):
        ALICE.epoch(1, **changes)
    with pytest.raises(UsageError):
        ALICE.epoch(1, leaves={256: b""})


@given(st.integers(1, 8), st.integers(0, 7))
def test_the_stored_parts_give_the_same_epoch(slots, rotations):
    own = ALICE.epoch(5, slots=slots)
    for _ in range(min(rotations, slots - 1)):
        own.rotate()
    again = restore(ALICE.peer_id, own.public_part(), own.secret_part())
    assert (again.object, again.slot) == (own.object, own.slot)
    assert again.keys(CRYPTO) == own.keys(CRYPTO)
    assert again.leaf(CRYPTO) == own.leaf(CRYPTO)
    assert again.public_part() == own.public_part()
    kept = slots - max(own.slot - 1, 0)
    assert len(again.secret_part()) == len(own.secret_part()) == 4 + 65 * kept


def test_property_12_a_seed_that_is_over_is_in_no_part_of_it():
    own = ALICE.epoch(5, slots=4)
    first = bytes(own.keys(CRYPTO)[0].seed)
    assert first in bytes(own.secret_part())
    own.rotate()
    assert first in bytes(own.secret_part())
    own.rotate()
    assert first not in bytes(own.secret_part())
    assert first not in own.public_part()
    kept = [bytes(key.seed) for key in own.keys(CRYPTO)]
    live = own.keys(CRYPTO)[0].seed
    own.wipe()
    assert not any(seed in bytes(own.secret_part()) for seed in kept)
    assert bytes(live) == bytes(64)
    assert own.keys(CRYPTO) == []


def test_parts_that_do_not_belong_together_are_refused():
    one, other = ALICE.epoch(1), ALICE.epoch(2)
    with pytest.raises(Malformed, match="belong"):
        restore(ALICE.peer_id, one.public_part(), other.secret_part())
    public = bytearray(one.public_part())
    public[-1] ^= 1  # a leaf of the tree
    with pytest.raises(Malformed, match="belong"):
        restore(ALICE.peer_id, bytes(public), one.secret_part())


def test_other_forms_are_refused():
    own = ALICE.epoch(1)
    public, secret = own.public_part(), bytes(own.secret_part())
    for bad in (b"", public[:EPOCH_BYTES], public[:-1], public + b"\x00", b"\x02" + public[1:]):
        with pytest.raises(Malformed):
            restore(ALICE.peer_id, bad, secret)
    for bad in (b"", secret[:3], secret[:-1], secret + b"\x00", b"\x02" + secret[1:]):
        with pytest.raises(Malformed):
            restore(ALICE.peer_id, public, bad)
    with pytest.raises(Malformed, match="present slot"):
        restore(ALICE.peer_id, public, secret[:3] + b"\x05" + secret[4:])


def test_no_secret_is_printed():
    own = ALICE.epoch(9)
    assert isinstance(own, OwnEpoch)
    assert repr(own) == "OwnEpoch(9, slot 0)"


def test_an_object_that_was_not_kept_is_read_again_and_checked():
    own, other = ALICE.epoch(5, slots=2), ALICE.epoch(6, slots=2)
    stored = [own.public_part()]
    lean = restore(ALICE.peer_id, stored[0], own.secret_part(), lambda: stored[0])
    assert lean.object == own.object
    assert lean.public_part() == own.public_part()
    assert lean.rotated().object == own.object
    for unreadable in (None, b"", other.public_part(), own.public_part()[:100]):
        stored[0] = unreadable
        with pytest.raises((Malformed, Unexpected)):
            _ = lean.object
