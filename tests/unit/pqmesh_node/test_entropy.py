# SPDX-License-Identifier: MIT OR Apache-2.0
"""The start-up test of the random source."""

import itertools
import os

import pytest

from pqmesh_node.entropy import EntropyFailure, check_source, entropy


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
