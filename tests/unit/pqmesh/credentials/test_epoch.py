# SPDX-License-Identifier: MIT OR Apache-2.0
"""Epoch objects and KEM leaves: golden layout, real signatures, every refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.credentials.epoch import (
    EPOCH_BYTES,
    FLAG_KILL,
    LEAF_BYTES,
    MAX_LIFETIME_H,
    Epoch,
    make_leaf,
    open_epoch,
    open_leaf,
    sign_epoch,
)
from pqmesh.credentials.merkle import Tree
from pqmesh.errors import BadTag, Malformed, ProtocolError, UnknownKind
from pqmesh.identity import Identity
from pqmesh.record import replace
from pqmesh_host.crypto import HostCrypto

CRYPTO = HostCrypto()
ALICE = Identity(bytes(32), CRYPTO)
MALLORY = Identity(bytes([1]) * 32, CRYPTO)
KEY = CRYPTO.kem_keypair(bytes(64))
TREE = Tree(ALICE.peer_id, 7, {0: KEY, 3: KEY[::-1]})
EPOCH = Epoch(
    version=1,
    suite=1,
    epoch=7,
    start_s=0x65432100,
    lifetime_h=720,
    chain_length=336,
    chain_interval_s=1800,
    flags=2,
    chain_anchor=b"\xaa" * 24,
    root=TREE.root,
)
BLOB = sign_epoch(EPOCH, ALICE, bytes(32))


def test_golden_body() -> None:
    head = bytes.fromhex("01 01 0007 65432100 02d0 0150 0708 0002")
    assert EPOCH.encode() == head + b"\xaa" * 24 + TREE.root
    assert len(BLOB) == EPOCH_BYTES


def test_the_owner_s_signature_opens_it() -> None:
    assert open_epoch(BLOB, ALICE.public_key, CRYPTO) == EPOCH
    assert EPOCH.end_s == 0x65432100 + 30 * 86_400
    assert not EPOCH.killed
    assert replace(EPOCH, flags=FLAG_KILL).killed


def test_nobody_else_s_key_opens_it() -> None:
    with pytest.raises(BadTag):
        open_epoch(BLOB, MALLORY.public_key, CRYPTO)


def test_a_body_signed_by_another_identity_is_refused() -> None:
    forged = EPOCH.encode() + MALLORY.sign(
        b"pqmesh1 epoch" + ALICE.peer_id + EPOCH.encode(), b"pqmesh1-epoch", bytes(32)
    )
    with pytest.raises(BadTag):
        open_epoch(forged, ALICE.public_key, CRYPTO)


@given(st.integers(0, 8 * EPOCH_BYTES - 1))
def test_any_changed_bit_is_noticed(bit: int) -> None:
    blob = bytearray(BLOB)
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        open_epoch(bytes(blob), ALICE.public_key, CRYPTO)


@pytest.mark.parametrize("change", [{"version": 2}, {"suite": 0}])
def test_versions_we_do_not_speak_are_told_apart(change: dict[str, int]) -> None:
    blob = sign_epoch(replace(EPOCH, **change), ALICE, bytes(32))
    with pytest.raises(UnknownKind):
        open_epoch(blob, ALICE.public_key, CRYPTO)


@pytest.mark.parametrize("hours", [0, MAX_LIFETIME_H + 1])
def test_a_senseless_lifetime_is_refused(hours: int) -> None:
    blob = sign_epoch(replace(EPOCH, lifetime_h=hours), ALICE, bytes(32))
    with pytest.raises(Malformed, match="lifetime"):
        open_epoch(blob, ALICE.public_key, CRYPTO)


@pytest.mark.parametrize("blob", [b"", BLOB[:-1], BLOB + b"\x00"])
def test_other_lengths_are_refused(blob: bytes) -> None:
    with pytest.raises(Malformed, match="3373"):
        open_epoch(blob, ALICE.public_key, CRYPTO)


def test_a_leaf_opens_under_its_root() -> None:
    leaf = make_leaf(TREE, 3, KEY[::-1])
    assert len(leaf) == LEAF_BYTES
    assert open_leaf(leaf, EPOCH.root, ALICE.peer_id, 7) == (3, KEY[::-1])


def test_a_leaf_does_not_open_for_another_identity_or_epoch() -> None:
    leaf = make_leaf(TREE, 0, KEY)
    with pytest.raises(BadTag):
        open_leaf(leaf, EPOCH.root, MALLORY.peer_id, 7)
    with pytest.raises(BadTag):
        open_leaf(leaf, EPOCH.root, ALICE.peer_id, 8)


def test_a_leaf_of_another_form_is_refused() -> None:
    leaf = make_leaf(TREE, 0, KEY)
    with pytest.raises(Malformed, match="1378"):
        open_leaf(leaf[:-1], EPOCH.root, ALICE.peer_id, 7)
    with pytest.raises(Malformed, match="slot 8"):
        open_leaf(b"\x00\x08" + leaf[2:], EPOCH.root, ALICE.peer_id, 7)
