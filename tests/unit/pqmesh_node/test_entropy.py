# SPDX-License-Identifier: MIT OR Apache-2.0
"""The start-up test of the random source."""

import itertools
import os

import pytest

from pqmesh.errors import Malformed
from pqmesh_node.entropy import EntropyFailure, Mixer, check_source, entropy
from pqmesh_node.slots import BlockSlots
from pqmesh_node.vault import Vault
from support.nor_flash import NorFlash


def test_the_real_source_passes():
    check_source()
    assert len(entropy(32)) == 32
    assert entropy(32) != entropy(32)


@pytest.mark.parametrize("octet", [0x00, 0x2A, 0xFF])
def test_a_stuck_octet_is_found(octet: int):
    with pytest.raises(EntropyFailure, match=f"0x{octet:02x}"):
        check_source(lambda count: bytes([octet]) * count)


def test_a_source_that_sticks_late_is_found():
    calls = itertools.count()

    def source(count: int) -> bytes:
        return bytes(count) if next(calls) == 9 else os.urandom(count)

    with pytest.raises(EntropyFailure, match="0x00 6 times"):
        check_source(source)


def test_a_source_that_repeats_a_block_is_found():
    block = bytes(range(64))
    with pytest.raises(EntropyFailure, match="repeats whole blocks"):
        check_source(lambda count: block)


def test_a_source_that_comes_up_short_is_found():
    with pytest.raises(EntropyFailure):
        check_source(lambda count: b"")


def counted(count: int) -> bytes:
    return bytes(range(count % 256)) if count < 256 else bytes(count)


def vault_on(flash: NorFlash) -> Vault:
    return Vault(BlockSlots(flash, 0))


def test_without_anything_given_the_boards_own_randomness_is_passed_through():
    assert Mixer(vault_on(NorFlash()), counted)(5) == counted(5)


def test_what_is_given_changes_everything_and_survives_a_restart():
    flash = NorFlash()
    mixer = Mixer(vault_on(flash), counted)
    mixer.stir(b"g" * 32)
    first = mixer(64)
    assert len(first) == 64
    assert first[:32] != counted(64)[:32]
    assert Mixer(vault_on(flash), counted)(64) == first
    mixer.stir(b"g" * 32)
    assert mixer(64) != first  # the pool takes in each gift


def test_a_predictable_gift_takes_nothing_from_a_good_source():
    mixer = Mixer(vault_on(NorFlash()))
    mixer.stir(bytes(32))
    assert mixer(32) != mixer(32)
    assert [len(mixer(count)) for count in (0, 1, 33, 1184)] == [0, 1, 33, 1184]


def test_a_small_gift_is_refused():
    with pytest.raises(Malformed):
        Mixer(vault_on(NorFlash())).stir(bytes(31))
