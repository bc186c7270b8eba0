# SPDX-License-Identifier: MIT OR Apache-2.0
"""Handles are never given twice; connection ids are never in use twice."""

from pqmesh.engine.context import Context
from pqmesh.limits import BOARD, SERIAL_LINK


def context(draws):
    draws = iter(draws)
    return Context(None, None, lambda size: next(draws), SERIAL_LINK, BOARD)


def test_handles_count_up_from_one():
    made = context([])
    assert [made.new_handle() for _ in range(3)] == [1, 2, 3]


def test_a_cid_in_use_is_drawn_again():
    made = context([b"\x00\x05", b"\x00\x05", b"\x01\x00", b"\x00\x05"])
    assert made.take_cid() == 5
    assert made.take_cid() == 0x100
    made.free_cid(5)
    assert made.take_cid() == 5
    made.free_cid(0x7777)  # not in use: harmless
