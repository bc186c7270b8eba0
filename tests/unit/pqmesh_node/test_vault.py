# SPDX-License-Identifier: MIT OR Apache-2.0
"""The vault: a cut at any octet leaves the old secret or the new one, and never both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh_node.slots import BlockSlots, FileSlots
from pqmesh_node.store import Directory, StoreError, pack
from pqmesh_node.vault import NAME, Vault
from support.nor_flash import BLOCK_BYTES, NorFlash, PowerCut

OLD, NEW = b"the old secret, 32 octets long..", b"THE NEW SECRET, 32 OCTETS LONG.."


def vault_on(flash: NorFlash) -> Vault:
    return Vault(BlockSlots(flash, 0))


def used(flash: NorFlash) -> Vault:
    vault = vault_on(flash)
    vault.change({"a": OLD, "b": b"beside"})
    return vault


def test_what_is_kept_is_there_after_a_restart():
    flash = NorFlash()
    vault = used(flash)
    vault.save("a", NEW)
    vault.forget("b")
    vault.forget("never there")
    for found in (vault, vault_on(flash)):
        assert (found.load("a"), found.load("b"), found.names()) == (NEW, None, ["a"])
        assert not found.damaged


def test_a_replaced_or_forgotten_secret_is_nowhere_on_the_flash():
    flash = NorFlash()
    vault = used(flash)
    assert OLD in flash.octets  # the search can find one that is alive
    vault.save("a", NEW)
    assert OLD not in flash.octets
    assert NEW in flash.octets
    vault.forget("a")
    assert NEW not in flash.octets


@pytest.mark.parametrize("saves", [0, 1, 2, 3])
def test_a_cut_at_every_octet_leaves_the_old_or_the_new_value(saves: int):
    flash = NorFlash()
    vault = vault_on(flash)
    for number in range(saves):
        vault.save("a", OLD if number == saves - 1 else b"%d" % number * 32)
    before, at_start = bytes(flash.octets), flash.changed
    vault.save("a", NEW)
    total = flash.changed - at_start
    assert total == 256 + BLOCK_BYTES  # the image, and the erasure of the other slot

    outcomes = set()
    for cut in range(total):
        flash = NorFlash()
        flash.octets[:] = before
        vault = vault_on(flash)
        flash.cut = cut
        with pytest.raises(PowerCut):
            vault.save("a", NEW)
        after = vault_on(flash)
        value = after.load("a")
        assert value in (OLD if saves else None, NEW)
        assert not after.damaged
        other = {NEW: OLD, OLD: NEW, None: NEW}[value]
        assert other not in flash.octets  # recovery has finished the erasure
        after.save("a", b"life goes on")
        assert vault_on(flash).load("a") == b"life goes on"
        outcomes.add(value)
    assert outcomes == {OLD if saves else None, NEW}


def test_a_cut_within_the_recovery_from_a_cut_loses_nothing():
    for first in (40, 256, 300):
        for second in (0, 1, 700, BLOCK_BYTES - 1):
            flash = NorFlash()
            vault = used(flash)
            flash.cut = first
            with pytest.raises(PowerCut):
                vault.save("a", NEW)
            flash.cut = second
            with pytest.raises(PowerCut):
                vault_on(flash)
            after = vault_on(flash)
            assert after.load("a") == (OLD if first < 256 else NEW)
            assert after.load("b") == b"beside"


@given(st.integers(0, 2 * BLOCK_BYTES * 8 - 1))
def test_a_flipped_bit_anywhere_crashes_nothing_and_invents_nothing(bit: int):
    flash = NorFlash()
    used(flash)
    flash.octets[bit // 8] ^= 1 << bit % 8
    vault = vault_on(flash)
    assert vault.load("a") in (OLD, None)
    vault.save("a", NEW)
    assert vault_on(flash).load("a") == NEW


def test_two_damaged_slots_are_said_to_be_and_start_empty():
    flash = NorFlash()
    flash.octets[:] = bytes(len(flash.octets))
    vault = vault_on(flash)
    assert vault.damaged
    assert vault.names() == []
    vault.save("a", NEW)
    assert not vault_on(flash).damaged


@pytest.mark.parametrize("payload", [b"\xff", b"\x01", b""])
def test_an_image_of_something_else_counts_as_torn(payload: bytes):
    flash = NorFlash()
    image = pack(NAME, 1, payload)
    flash.octets[: len(image)] = image
    assert vault_on(flash).names() == []


def test_the_sequence_number_survives_its_own_wrap():
    flash = NorFlash()
    image = pack(NAME, 0xFFFFFFFF, b"\xa1\x61a\x41x")
    flash.octets[: len(image)] = image
    vault = vault_on(flash)
    assert vault.load("a") == b"x"
    flash.broken = {"erase"}
    with pytest.raises(StoreError, match="was not erased"):
        vault.save("a", b"y")
    flash.broken = set()
    assert vault_on(flash).load("a") == b"y"


@pytest.mark.parametrize("broken", ["program", "read"])
def test_a_medium_that_fails_leaves_the_old_value(broken: str):
    flash = NorFlash()
    vault = used(flash)
    flash.broken = {broken}
    with pytest.raises(StoreError, match="medium failed"):
        vault.save("a", NEW)
    flash.broken = set()
    assert vault.load("a") == vault_on(flash).load("a") == OLD
    flash.broken = {"read"}
    with pytest.raises(StoreError, match="cannot be read"):
        vault_on(flash)


def test_a_cell_that_does_not_hold_is_found_out():
    class Worn(NorFlash):
        def writeblocks(self, block: int, data: bytes, offset: int) -> None:
            super().writeblocks(block, data, offset)
            self.octets[block * BLOCK_BYTES + 40] ^= 1

    flash = Worn()
    with pytest.raises(StoreError, match="read back differs"):
        vault_on(flash).save("a", NEW)
    assert NEW not in flash.octets


def test_a_full_vault_refuses_and_keeps_what_it_has():
    vault = used(NorFlash())
    with pytest.raises(StoreError, match="vault is full"):
        vault.save("c", bytes(BLOCK_BYTES))
    assert (vault.load("a"), vault.load("c")) == (OLD, None)


def test_without_a_flash_of_its_own_it_lives_in_files(tmp_path):
    directory = Directory(str(tmp_path))
    vault = Vault(FileSlots(directory))
    vault.save("a", OLD)
    vault.save("a", NEW)
    assert Vault(FileSlots(directory)).load("a") == NEW
    assert all(OLD not in file.read_bytes() for file in tmp_path.iterdir())
    vault.forget("a")
    assert Vault(FileSlots(directory)).names() == []
