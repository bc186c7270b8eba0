# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board's prekeys across restarts, power cuts and damage; used seeds are nowhere afterwards."""

import pytest

from pqmesh.credentials.prekeys import PeerPrekeys, PrekeyChain
from pqmesh_node.prekeys import PEERS, PrekeyStore
from pqmesh_node.slots import BlockSlots
from pqmesh_node.store import Directory, Store, StoreError
from pqmesh_node.vault import Vault
from support.nor_flash import NorFlash, PowerCut

PEER, OTHER = bytes(range(32)), b"\xb0" * 32
SECRET = bytes(range(100, 132))
KEYS = [bytes([number]) * 1184 for number in range(5)]


class Board:
    def __init__(self, folder) -> None:
        self.directory = Directory(str(folder))
        self.flash = NorFlash()
        self.start()

    def start(self):
        self.vault = Vault(BlockSlots(self.flash, 0))
        self.keeper = PrekeyStore(Store(self.directory), self.vault)
        self.prekeys = self.keeper.open()
        return self.prekeys

    def stock(self, first: int = 0) -> None:
        stock = PeerPrekeys(self.keeper.shelf(PEER))
        stock.add(first, KEYS)
        self.prekeys.set_stock(PEER, stock)


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)


def test_a_chain_is_there_after_a_restart_and_goes_on(board):
    board.prekeys.set_chain(PEER, PrekeyChain(SECRET))
    board.prekeys.used(PEER, 2)
    before = [board.prekeys.seed(PEER, index) for index in range(6)]
    assert before[2] is None
    assert None not in before[:2] + before[3:]
    assert [board.start().seed(PEER, index) for index in range(6)] == before
    assert board.prekeys.seed(OTHER, 0) is None


def test_used_seeds_and_the_chain_behind_them_are_nowhere_on_the_flash(board):
    board.prekeys.set_chain(PEER, PrekeyChain(SECRET))
    assert SECRET in board.flash.octets  # the search finds what is alive
    kept = bytes(board.prekeys.seed(PEER, 0))
    used = bytes(board.prekeys.seed(PEER, 1))
    board.prekeys.used(PEER, 1)
    assert SECRET not in board.flash.octets
    assert used not in board.flash.octets
    assert kept in board.flash.octets  # passed over; its ciphertext may still come
    board.prekeys.used(PEER, 0)
    assert kept not in board.flash.octets


def test_a_cut_anywhere_in_a_use_leaves_the_key_used_or_not(board):
    board.prekeys.set_chain(PEER, PrekeyChain(SECRET))
    image = bytes(board.flash.octets)
    found = set()
    for cut in range(0, 4096 + 256, 37):
        board.flash = NorFlash()
        board.flash.octets[:] = image
        board.start()
        board.flash.cut = cut
        with pytest.raises(PowerCut):
            board.prekeys.used(PEER, 0)
        board.start()
        assert board.keeper.counts["unreadable"] == 0
        found.add(board.prekeys.seed(PEER, 0) is None)
        assert board.prekeys.seed(PEER, 1) is not None
    assert found == {True, False}


def test_a_stock_is_used_up_in_order_over_restarts_each_key_once(board, tmp_path):
    board.stock(first=7)
    taken = []
    while (key := board.prekeys.take(PEER)) is not None:
        taken.append(key)
        board.start()
    assert taken == list(enumerate(KEYS, 7))
    assert board.prekeys.stocked(PEER) == 0
    assert not list(tmp_path.glob("key-*"))


def test_a_torn_key_is_passed_over(board, tmp_path):
    board.stock()
    (torn,) = tmp_path.glob("key-*-0")
    torn.write_bytes(torn.read_bytes()[:900])
    assert board.start().take(PEER) == (1, KEYS[1])


def test_a_forgotten_peer_leaves_nothing(board, tmp_path):
    board.prekeys.set_chain(PEER, PrekeyChain(SECRET))
    board.stock()
    board.prekeys.forget(PEER)
    assert SECRET not in board.flash.octets
    assert list(tmp_path.iterdir()) == []
    assert board.start().chain(PEER) is None


@pytest.mark.parametrize("what", ["chain", "stock", "record"])
def test_a_damaged_state_is_dropped_and_the_rest_goes_on(board, what):
    board.prekeys.set_chain(PEER, PrekeyChain(SECRET))
    board.stock()
    name = Store(board.directory).names("stock-")[0]
    if what == "chain":
        board.vault.save(board.vault.names()[0], b"what is this")
    elif what == "stock":
        Store(board.directory).save(name, b"what is this")
    else:
        for slot in "01":
            board.directory.write(f"{name}.{slot}", b"worn out")
    board.start()
    assert board.keeper.counts["unreadable"] == 1
    assert (board.prekeys.chain(PEER) is None) == (what == "chain")
    assert (board.prekeys.stocked(PEER) == 0) == (what != "chain")
    board.start()
    assert board.keeper.counts["unreadable"] == 0


def test_more_chains_than_fit_are_dropped_at_the_start(board):
    for number in range(PEERS):
        board.prekeys.set_chain(bytes([number]) * 32, PrekeyChain(SECRET))
    board.vault.save("cdead", OTHER + bytes(PrekeyChain(SECRET).encode()))
    board.start()
    assert board.keeper.counts["unreadable"] == 1


def test_a_medium_that_fails_is_an_error_and_no_key_is_used(board, monkeypatch):
    board.prekeys.set_chain(PEER, PrekeyChain(SECRET))
    board.flash.broken = {"program"}
    with pytest.raises(StoreError):
        board.prekeys.used(PEER, 0)
    assert board.prekeys.seed(PEER, 0) is not None

    def refuse(name: str, data: bytes) -> None:
        raise OSError(28)

    monkeypatch.setattr(board.directory, "write", refuse)
    with pytest.raises(StoreError, match="free some space"):
        board.stock()
