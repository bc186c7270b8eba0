# SPDX-License-Identifier: MIT OR Apache-2.0
"""Epoch numbers that never come again, tags of chains, and forgetting a peer whole."""

import pytest

from pqmesh.credentials.prekeys import PeerPrekeys, PrekeyChain
from pqmesh.errors import Exhausted
from pqmesh_node.prekeys import PEERS
from pqmesh_node.store import Store
from support.credentials import CRYPTO, START, Owner
from support.custody import Board
from support.nor_flash import NorFlash
from support.tickets import ticket

PEER = Owner(b"peer")


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)


def test_an_epoch_is_made_once_and_kept(board):
    assert board.start().ensure_epoch(START, 0) == 1
    custody = board.start()
    assert custody.ensure_epoch(START, 0) == custody.ensure_epoch(START, 1) == 1
    assert custody.keyring.current().epoch == 1


def test_an_epoch_that_somebody_has_and_we_lost_is_passed_over(board):
    custody = board.start()
    assert custody.ensure_epoch(START, 7) == 8
    assert custody.ensure_epoch(START, 9) == 10


def test_a_lost_epochs_number_does_not_come_again(board):
    board.start().ensure_epoch(START, 0)
    board.flash = NorFlash()
    custody = board.start()
    assert custody.keyring.current() is None
    assert custody.ensure_epoch(START, 0) == 2


def test_tags_are_kept_for_a_few_peers(board):
    custody = board.start()
    assert custody.tags(PEER.peer_id) == (b"", b"")
    for number in range(PEERS):
        custody.set_tags(bytes([number]) * 32, b"o" * 8, bytes([number]) * 8)
    assert board.start().tags(b"\1" * 32) == (b"o" * 8, b"\1" * 8)
    with pytest.raises(Exhausted, match="no room for another"):
        custody.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
    custody.forget(b"\1" * 32)
    custody.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)


def test_damaged_tags_are_no_tags(board):
    board.start().set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
    (name,) = Store(board.directory).names("chain-")
    for slot in "01":
        board.directory.write(f"{name}.{slot}", b"worn out")
    custody = board.start()
    assert custody.tags(PEER.peer_id) == (b"", b"")
    custody.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)


def test_forgetting_a_peer_leaves_nothing_of_it(board, tmp_path):
    custody = board.start()
    custody.tickets.save(ticket(PEER.peer_id, current=b"s" * 32))
    custody.keyring.learn(PEER.credential(PEER.epoch(1)), CRYPTO)
    custody.prekeys.set_chain(PEER.peer_id, PrekeyChain(b"c" * 32))
    stock = PeerPrekeys(custody.shelf(PEER.peer_id))
    stock.add(0, [bytes(1184)])
    custody.prekeys.set_stock(PEER.peer_id, stock)
    custody.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
    custody.forget(PEER.peer_id)
    assert list(tmp_path.iterdir()) == []
    assert b"s" * 32 not in board.flash.octets
    assert b"c" * 32 not in board.flash.octets


def test_what_was_damaged_is_told(board):
    board.flash.octets[:] = bytes(len(board.flash.octets))
    custody = board.start()
    assert custody.counts()["vault_damaged"] == 1
    assert custody.counts()["tickets"]["unreadable"] == 0
