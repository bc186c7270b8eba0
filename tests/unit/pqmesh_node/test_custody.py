# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node keeps: nothing it does not need, and nothing of a peer that was forgotten."""

import subprocess
import sys
from pathlib import Path

import pytest

from pqmesh.credentials.prekeys import PeerPrekeys, PrekeyChain
from support.credentials import CRYPTO, START, Owner
from support.custody import Board
from support.tickets import ticket

PEER = Owner(b"peer")
PACKAGES = Path(__file__).parents[3] / "firmware" / "micropython"


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)


def test_keys_are_opened_when_there_are_any(board):
    custody = board.start()
    assert custody.keys is None
    assert list(custody.engine_ports()) == ["tickets"]
    keys = custody.open_keys()
    assert custody.open_keys() is keys
    keys.ensure_epoch(START, 0)
    again = board.start()
    assert again.keys.keyring.current() == keys.keyring.current()
    assert again.engine_ports()["keyring"] is again.keys.keyring
    assert again.engine_ports()["prekeys"] is again.keys.prekeys


def test_a_node_that_was_never_provisioned_does_not_import_what_that_needs():
    """Each of these costs kilobytes of a board's heap."""
    code = (
        "import sys, pqmesh_node.app, pqmesh_node.custody\n"
        "print([name for name in sys.modules if 'provisioning' in name or name in ("
        "'pqmesh_node.keys', 'pqmesh_node.credentials', 'pqmesh_node.prekeys')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_forgetting_a_peer_leaves_nothing_of_it(board, tmp_path):
    custody = board.start()
    custody.forget(PEER.peer_id)
    custody.tickets.save(ticket(PEER.peer_id, current=b"s" * 32))
    keys = custody.open_keys()
    keys.keyring.learn(PEER.credential(PEER.epoch(1)), CRYPTO)
    keys.prekeys.set_chain(PEER.peer_id, PrekeyChain(b"c" * 32))
    stock = PeerPrekeys(keys.shelf(PEER.peer_id))
    stock.add(0, [bytes(1184)])
    keys.prekeys.set_stock(PEER.peer_id, stock)
    keys.set_tags(PEER.peer_id, b"o" * 8, b"t" * 8)
    custody.forget(PEER.peer_id)
    assert list(tmp_path.iterdir()) == []
    assert b"s" * 32 not in board.flash.octets
    assert b"c" * 32 not in board.flash.octets


def test_what_was_damaged_is_told(board):
    board.flash.octets[:] = bytes(len(board.flash.octets))
    custody = board.start()
    assert custody.counts()["vault_damaged"] == 1
    assert custody.counts()["tickets"]["unreadable"] == 0
    custody.open_keys()
    assert custody.counts()["prekeys"] == {"unreadable": 0}
