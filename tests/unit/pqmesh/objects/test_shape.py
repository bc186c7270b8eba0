# SPDX-License-Identifier: MIT OR Apache-2.0
"""How objects are cut: within what a head can list, and read back from the head alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.credentials.epoch import EPOCH_BYTES
from pqmesh.credentials.intake import CREDENTIAL_BYTES
from pqmesh.errors import Malformed, UsageError
from pqmesh.limits import BOARD_OBJECTS, RADIO_LINK
from pqmesh.objects.shape import Shape, shape_from, shape_of
from pqmesh.wire.fragment import HEADER_BYTES
from pqmesh.wire.objects import HASH_BYTES, MAX_PARTS, SALT_BYTES, ObjectHead

RADIO_ROOM = RADIO_LINK.mtu - HEADER_BYTES


def head_of(shape, nodes=None):
    count = shape.nodes() if nodes is None else nodes
    return ObjectHead(shape.total, shape.shards, 1, bytes(8), bytes(8), bytes(HASH_BYTES * count))


def test_what_a_board_broadcasts():
    assert shape_of(EPOCH_BYTES, RADIO_ROOM) == Shape(3373, 16, 28, 211, 0)
    assert shape_of(CREDENTIAL_BYTES, RADIO_ROOM) == Shape(6703, 33, 53, 204, 1)
    assert BOARD_OBJECTS.object_bytes >= CREDENTIAL_BYTES


@given(st.integers(1, 20_000), st.integers(40, 1000))
def test_every_frame_fits_and_the_head_says_it_all(total, room):
    try:
        shape = shape_of(total, room)
    except UsageError:
        return
    assert 1 <= shape.count <= MAX_PARTS
    assert shape.count <= shape.shards <= 255
    assert shape.size * shape.count >= total > shape.size * (shape.count - 1) - shape.count
    assert shape.size + HASH_BYTES * shape.depth <= room
    assert SALT_BYTES + HASH_BYTES * shape.nodes() <= room
    assert shape_from(head_of(shape), shape.count) == shape


@given(st.integers(1, 64), st.integers(1, 255))
def test_sixty_four_shards_fit_a_radio_frame(count, spare):
    total = count * (RADIO_ROOM - 2 * HASH_BYTES) - spare % RADIO_ROOM // 2
    assert shape_of(max(total, 1), RADIO_ROOM).count <= count


@pytest.mark.parametrize("case", [(0, 214), (65_536, 4000), (100, 25), (100, 6), (20_000, 214)])
def test_what_cannot_be_cut_is_the_callers_mistake(case):
    with pytest.raises(UsageError):
        shape_of(*case)


def test_a_head_whose_numbers_disagree_is_refused():
    shape = shape_of(3373, RADIO_ROOM)
    for nodes in (0, 3, 27, 29):
        with pytest.raises(Malformed):
            shape_from(head_of(shape, nodes), 16)
    with pytest.raises(Malformed):
        shape_from(head_of(shape), 29)  # more than there are with parity
    with pytest.raises(Malformed):
        shape_from(head_of(Shape(3, 4, 8, 1, 0)), 4)  # not an octet for each
    odd = ObjectHead(3373, 28, 1, bytes(8), bytes(8), bytes(28 * HASH_BYTES + 1))
    with pytest.raises(Malformed):
        shape_from(odd, 16)
