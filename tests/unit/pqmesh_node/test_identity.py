# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board stays who it is: across restarts, torn slots and worn flash."""

import hashlib

import pytest

from pqmesh_node.entropy import EntropyFailure
from pqmesh_node.entropy import entropy as real_entropy
from pqmesh_node.identity import RECORD, load_or_create
from pqmesh_node.store import RecordDamaged, Store


class ToyKeys:
    """Only what Identity asks for: a public key of the right size, one per seed."""

    def dsa_public_key(self, seed: bytes) -> bytes:
        return hashlib.shake_256(seed).digest(1952)


class Medium:
    def __init__(self, writes_left: int = 1000) -> None:
        self.files: dict[str, bytes] = {}
        self.writes_left = writes_left

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.writes_left -= 1
        if self.writes_left < 0:
            self.files[name] = data[:20]
            raise KeyboardInterrupt  # stands for the power cut: nothing may catch it
        self.files[name] = data


def boot(medium: Medium, entropy=real_entropy):
    return load_or_create(Store(medium), ToyKeys(), entropy)


def test_the_first_boot_makes_an_identity_and_later_boots_keep_it():
    medium = Medium()
    first = boot(medium)
    assert boot(medium).peer_id == first.peer_id
    assert Store(medium).slots(RECORD) == 2


def test_two_boards_differ():
    assert boot(Medium()).peer_id != boot(Medium()).peer_id


@pytest.mark.parametrize("writes", [0, 1])
def test_a_cut_during_the_first_boot_leaves_one_identity_in_the_end(writes):
    medium = Medium(writes)
    with pytest.raises(KeyboardInterrupt):
        boot(medium)
    medium.writes_left = 1000
    second = boot(medium)
    assert boot(medium).peer_id == second.peer_id
    assert Store(medium).slots(RECORD) == 2


@pytest.mark.parametrize("slot", ["identity.0", "identity.1"])
def test_a_worn_slot_is_healed_from_the_other(slot):
    medium = Medium()
    peer_id = boot(medium).peer_id
    medium.files[slot] = b"\x00" * 48
    assert boot(medium).peer_id == peer_id
    assert Store(medium).slots(RECORD) == 2


def test_both_slots_worn_is_an_error_not_a_new_identity():
    medium = Medium()
    boot(medium)
    medium.files = dict.fromkeys(medium.files, b"\x00" * 48)
    with pytest.raises(RecordDamaged):
        boot(medium)


def test_a_record_of_the_wrong_size_is_an_error():
    medium = Medium()
    Store(medium).save(RECORD, bytes(31))
    with pytest.raises(RecordDamaged, match="31 bytes"):
        boot(medium)


def test_no_identity_is_made_from_a_stuck_source():
    medium = Medium()
    with pytest.raises(EntropyFailure):
        boot(medium, lambda count: b"\x2a" * count)
    assert medium.files == {}


def test_an_existing_identity_needs_no_randomness():
    medium = Medium()
    peer_id = boot(medium).peer_id
    assert boot(medium, lambda count: b"\x2a" * count).peer_id == peer_id
