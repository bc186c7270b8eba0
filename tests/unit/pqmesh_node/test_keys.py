# SPDX-License-Identifier: MIT OR Apache-2.0
"""Epoch numbers that never come again, tags of chains, and forgetting a peer."""

import pytest

from pqmesh.errors import Exhausted
from pqmesh_node.prekeys import PEERS
from pqmesh_node.store import Store
from support.credentials import START, Owner
from support.custody import Board
from support.nor_flash import NorFlash

PEER = Owner(b"peer")


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)


def test_an_epoch_is_made_once_and_kept(board):
    assert board.start().open_keys().ensure_epoch(START, 0) == 1
    keys = board.start().open_keys()
    assert keys.ensure_epoch(START, 0) == keys.ensure_epoch(START, 1) == 1
    assert keys.keyring.current().epoch == 1


def test_an_epoch_that_somebody_has_and_we_lost_is_passed_over(board):
    keys = board.start().open_keys()
    assert keys.ensure_epoch(START, 7) == 8
    assert keys.ensure_epoch(START, 9) == 10


def test_a_lost_epochs_number_does_not_come_again(board):
    board.start().open_keys().ensure_epoch(START, 0)
    board.flash = NorFlash()
    keys = board.start().open_keys()
    assert keys.keyring.current() is None
    assert keys.ensure_epoch(START, 0) == 2


def test_tags_are_kept_for_a_few_peers(board):
    keys = board.start().open_keys()
    assert keys.tags(PEER.peer_id) == (b"", b"")
    for number in range(PEERS):
        keys.set_tags(bytes([number]) * 32, b"o" * 8, bytes([number]) * 8)
    assert board.start().open_keys().tags(b"\1" * 32) == (b"o" * 8, b"\1" * 8)
    with pytest.raises(Exhausted, match="no room for another"):
        keys.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
    keys.forget(b"\1" * 32)
    keys.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)


def test_damaged_tags_are_no_tags(board):
    board.start().open_keys().set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
    (name,) = Store(board.directory).names("chain-")
    for slot in "01":
        board.directory.write(f"{name}.{slot}", b"worn out")
    keys = board.start().open_keys()
    assert keys.tags(PEER.peer_id) == (b"", b"")
    keys.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
