# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two-slot records: a cut at any octet of a write leaves the old value or the new one."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pqmesh_node.store import (
    MAX_RECORD_BYTES,
    Directory,
    RecordDamaged,
    Store,
    StoreError,
)

HEADER_BYTES = 16


class PowerCut(Exception):
    """The world ends here; nothing after this point ran."""


class Medium:
    """Files in RAM whose next write can be cut after ``cut`` octets.

    ``tail`` says what the medium holds behind the cut: nothing (a truncated file), the
    octets that were there before (FAT, raw flash), or erased flash (0xFF).
    """

    def __init__(self, tail: str = "nothing") -> None:
        self.files: dict[str, bytes] = {}
        self.cut: int | None = None
        self.tail = tail

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        if self.cut is None:
            self.files[name] = data
            return
        done, rest = data[: self.cut], len(data) - self.cut
        before = self.files.get(name, b"")
        tails = {"nothing": b"", "before": before[self.cut :], "erased": b"\xff" * rest}
        self.files[name] = done + tails[self.tail]
        self.cut = None
        raise PowerCut


TAILS = ("nothing", "before", "erased")


def test_a_record_never_written_is_none():
    assert Store(Medium()).load("r") is None


def test_the_newest_value_wins():
    store = Store(Medium())
    for value in (b"one", b"two", b"", b"four"):
        store.save("r", value)
        assert store.load("r") == value


def test_records_do_not_mix():
    store = Store(Medium())
    store.save("a", b"A")
    store.save("b", b"B")
    assert (store.load("a"), store.load("b")) == (b"A", b"B")


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("history", [[], [b"old"], [b"older", b"old"], [b"x", b"older", b"old"]])
def test_a_cut_at_every_octet_leaves_the_old_or_the_new_value(history: list[bytes], tail: str):
    new = b"the new value"
    size = HEADER_BYTES + len(new)
    for cut in range(size + 1):
        medium = Medium(tail)
        store = Store(medium)
        for value in history:
            store.save("r", value)
        medium.cut = cut
        with pytest.raises(PowerCut):
            store.save("r", new)
        after = Store(medium)
        old = history[-1] if history else None
        assert after.load("r") in ((new,) if cut == size else (old, new))
        after.save("r", b"life goes on")
        assert after.load("r") == b"life goes on"


@pytest.mark.parametrize("tail", TAILS)
def test_two_cuts_in_a_row_lose_nothing(tail: str):
    """The torn slot is overwritten next time, never the good one."""
    for first in range(HEADER_BYTES + 4):
        medium = Medium(tail)
        store = Store(medium)
        store.save("r", b"a")
        store.save("r", b"b")
        for cut in (first, HEADER_BYTES):
            medium.cut = cut
            with pytest.raises(PowerCut):
                store.save("r", b"cccc")
        assert Store(medium).load("r") == b"b"


def test_a_flipped_bit_anywhere_falls_back_to_the_other_slot():
    medium = Medium()
    store = Store(medium)
    store.save("r", b"old")
    store.save("r", b"new")
    whole = medium.files["r.1"]
    for at in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        medium.files["r.1"] = bytes(damaged)
        assert store.load("r") == b"old"


def test_both_slots_damaged_is_an_error_and_not_a_blank_record():
    medium = Medium()
    store = Store(medium)
    store.save_both("r", b"value")
    medium.files = dict.fromkeys(medium.files, b"\xff" * 20)
    with pytest.raises(RecordDamaged, match="erase it"):
        store.load("r")
    with pytest.raises(RecordDamaged):
        store.save("r", b"would hide the damage")


def test_a_slot_of_another_record_is_refused():
    medium = Medium()
    store = Store(medium)
    store.save("a", b"A")
    medium.files["b.0"] = medium.files["a.0"]
    assert store.load("b") is None


def test_the_sequence_number_survives_its_own_wrap():
    medium = Medium()
    store = Store(medium)
    store.save("r", b"start")
    # Forge the last sequence number before the wrap, as 2**32 writes would leave it.
    from pqmesh_node import store as module

    medium.files["r.0"] = module.pack("r", 0xFFFFFFFF, b"last")
    store.save("r", b"wrapped")
    assert store.load("r") == b"wrapped"


def test_save_both_keeps_two_whole_copies():
    medium = Medium()
    store = Store(medium)
    store.save_both("r", b"v")
    assert store.slots("r") == 2
    for name in ("r.0", "r.1"):
        survivor = Medium()
        survivor.files = {name: medium.files[name]}
        assert Store(survivor).load("r") == b"v"


def test_a_record_over_the_limit_is_refused_before_anything_is_written():
    medium = Medium()
    Store(medium).save("r", bytes(MAX_RECORD_BYTES))
    with pytest.raises(ValueError, match="4097"):
        Store(medium).save("r", bytes(MAX_RECORD_BYTES + 1))
    assert list(medium.files) == ["r.0"]


def test_a_full_medium_says_what_to_do_and_keeps_the_old_value():
    class Full(Medium):
        full = False

        def write(self, name: str, data: bytes) -> None:
            if self.full:
                raise OSError(errno.ENOSPC)
            super().write(name, data)

    medium = Full()
    store = Store(medium)
    store.save("r", b"old")
    medium.full = True
    with pytest.raises(StoreError, match="free some space"):
        store.save("r", b"new")
    assert store.load("r") == b"old"


def test_a_medium_that_lies_is_found_out():
    class Liar(Medium):
        def write(self, name: str, data: bytes) -> None:
            super().write(name, data[:-1] + b"?")

    with pytest.raises(StoreError, match="read back"):
        Store(Liar()).save("r", b"value")


@given(st.binary(max_size=200))
def test_any_octets_in_a_slot_are_refused_or_whole(image: bytes):
    medium = Medium()
    medium.files["r.0"] = image
    assert Store(medium).load("r") is None


def test_a_directory_on_the_real_filesystem(tmp_path):
    folder = tmp_path / "state"
    store = Store(Directory(str(folder)))
    assert store.load("r") is None
    store.save("r", b"kept")
    assert Store(Directory(str(folder))).load("r") == b"kept"
    assert sorted(path.name for path in folder.iterdir()) == ["r.0"]


def test_a_directory_that_cannot_be_made_raises(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        Directory(str(tmp_path / "file" / "below"))


class StoreModel(RuleBasedStateMachine):
    """Against a naive model: after any mix of saves, cuts and restarts, old or new."""

    def __init__(self) -> None:
        super().__init__()
        self.medium = Medium()
        self.store = Store(self.medium)
        self.allowed: set[bytes | None] = {None}

    @rule(value=st.binary(max_size=8))
    def save(self, value: bytes) -> None:
        self.store.save("r", value)
        self.allowed = {value}

    @rule(value=st.binary(max_size=8), cut=st.integers(0, 40), tail=st.sampled_from(TAILS))
    def cut(self, value: bytes, cut: int, tail: str) -> None:
        current = self.store.load("r")
        self.medium.tail, self.medium.cut = tail, cut
        with pytest.raises(PowerCut):
            self.store.save("r", value)
        self.store = Store(self.medium)
        self.allowed = {current, value}

    @precondition(lambda self: len(self.allowed) > 1)
    @rule()
    def settle(self) -> None:
        self.allowed = {self.store.load("r")}

    @invariant()
    def holds_old_or_new(self) -> None:
        assert self.store.load("r") in self.allowed


TestStoreModel = StoreModel.TestCase


def test_records_are_listed_and_erased(tmp_path):
    store = Store(Directory(str(tmp_path)))
    for name in ("peer-b", "peer-a", "own"):
        store.save_both(name, b"x")
    (tmp_path / "vault.bin").write_bytes(b"")
    assert store.names("peer-") == ["peer-a", "peer-b"]
    store.erase("peer-a")
    store.erase("peer-a")
    assert store.names("") == ["own", "peer-b"]
    assert store.load("peer-a") is None


def test_a_record_that_cannot_be_erased_is_an_error(tmp_path):
    store = Store(Directory(str(tmp_path)))
    (tmp_path / "r.0").mkdir()
    with pytest.raises(StoreError, match="cannot be deleted"):
        store.erase("r")


def test_wiping_leaves_an_empty_file_and_is_harmless_without_one(tmp_path):
    directory = Directory(str(tmp_path))
    directory.wipe("r")
    directory.write("r", b"secret")
    directory.wipe("r")
    assert directory.read("r") == b""
