# SPDX-License-Identifier: MIT OR Apache-2.0
"""What can be overwritten is; what cannot is left alone."""

from pqmesh.wipe import wipe


def test_bytearrays_are_zero_afterwards():
    one, other = bytearray(b"secret"), bytearray(b"another")
    wipe(one, other, bytearray())
    assert one == bytes(6)
    assert other == bytes(7)


def test_what_is_immutable_is_passed_over():
    fixed = b"constant"
    wipe(fixed, None)
    assert fixed == b"constant"
