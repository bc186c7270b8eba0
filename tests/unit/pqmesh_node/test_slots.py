# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both kinds of slots keep the same few promises."""

import pytest

from pqmesh_node.slots import BlockSlots, FileSlots
from pqmesh_node.store import Directory
from support.nor_flash import BLOCK_BYTES, NorFlash


@pytest.fixture(params=["blocks", "files"])
def slots(request, tmp_path):
    if request.param == "blocks":
        return BlockSlots(NorFlash(blocks=5), 3)
    return FileSlots(Directory(str(tmp_path)))


def test_a_slot_is_blank_until_programmed_and_after_an_erase(slots):
    for slot in (0, 1):
        assert slots.blank(slot)
        slots.program(slot, b"image %d" % slot)
        assert not slots.blank(slot)
        assert slots.read(slot, 7) == b"image %d" % slot
    slots.erase(0)
    assert slots.blank(0)
    assert slots.read(1, 7) == b"image 1"
    slots.erase(0)  # erasing twice is harmless


def test_reading_never_gives_more_than_a_slot(slots):
    slots.program(0, b"x" * slots.size)
    assert len(slots.read(0, 2 * slots.size)) == slots.size


def test_blocks_are_the_two_that_were_named_and_programmed_in_whole_units():
    flash = NorFlash(blocks=4)
    slots = BlockSlots(flash, 2)
    slots.program(0, b"\0" * 300)
    slots.program(1, b"\1" * 300)
    assert flash.octets[: 2 * BLOCK_BYTES] == b"\xff" * (2 * BLOCK_BYTES)
    assert flash.octets[2 * BLOCK_BYTES : 2 * BLOCK_BYTES + 512] == b"\0" * 300 + b"\xff" * 212
    assert flash.changed == 2 * 512


def test_a_slot_whose_last_octet_alone_is_programmed_is_not_blank():
    flash = NorFlash()
    flash.octets[-1] = 0
    assert not BlockSlots(flash, 0).blank(1)
