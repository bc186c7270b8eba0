# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board's keyring across restarts, power cuts and damage."""

import pytest

from pqmesh.credentials.keyring import Keyring
from pqmesh.errors import Unexpected
from pqmesh_node.credentials import PEERS, CredentialStore
from pqmesh_node.slots import BlockSlots
from pqmesh_node.store import Directory, Store, StoreError
from pqmesh_node.vault import Vault
from support.credentials import CRYPTO, START, Owner
from support.nor_flash import NorFlash, PowerCut

PEER = Owner(b"peer")
PEER_EPOCH = PEER.epoch(1)


class Board:
    """Flash and identity; ``keyring`` is what a start makes of them."""

    def __init__(self, folder) -> None:
        self.owner = Owner(b"board")
        self.directory = Directory(str(folder))
        self.flash = NorFlash()
        self.start()

    def start(self) -> Keyring:
        self.vault = Vault(BlockSlots(self.flash, 0))
        self.keeper = CredentialStore(Store(self.directory), self.vault)
        self.keyring = self.keeper.open(self.owner.identity, CRYPTO, lambda: START)
        return self.keyring


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)


def test_a_new_board_has_no_keys(board):
    assert board.keyring.current() is None
    assert board.keeper.counts == {"unreadable": 0, "failed": 0}


def test_our_epochs_and_our_peers_are_there_after_a_restart(board):
    for number in (1, 2):
        board.keyring.adopt(board.owner.epoch(number))
    learnt = board.keyring.learn(PEER.credential(PEER_EPOCH), CRYPTO)
    before = board.keyring
    after = board.start()
    assert after.current() == before.current()
    assert after.credential() == before.credential()
    assert after.peer(PEER.peer_id) == learnt
    old = board.owner.epoch(1).keys(CRYPTO)
    assert len(old) == 1
    assert board.vault.names() == ["o1", "o2"]


def test_an_epoch_that_is_over_is_erased_seeds_first(board):
    for number in (1, 2, 3):
        board.keyring.adopt(board.owner.epoch(number))
    assert sorted(board.vault.names()) == ["o2", "o3"]
    assert Store(board.directory).names("own") == ["own2", "own3"]
    assert board.start().current().epoch == 3


def test_a_seed_that_was_rotated_away_is_nowhere_on_the_flash(board):
    board.keyring.adopt(board.owner.epoch(1, slots=3))
    seed = bytes(board.keyring.current().seed)
    assert seed in board.flash.octets  # the search finds what is alive
    board.keyring.rotate()
    assert seed in board.flash.octets  # honoured until the next rotation
    board.keyring.rotate()
    assert seed not in board.flash.octets
    assert board.start().current().slot == 2


def test_a_forgotten_peer_is_forgotten_and_a_revoked_one_is_not(board):
    board.keyring.learn(PEER.credential(PEER_EPOCH), CRYPTO)
    board.keyring.forget(PEER.peer_id)
    assert board.start().peer(PEER.peer_id) is None
    with pytest.raises(Unexpected, match="revoked"):
        board.keyring.learn(PEER.revocation(5), CRYPTO)
    assert board.start().floor(PEER.peer_id) == 5
    with pytest.raises(Unexpected):
        board.keyring.learn(PEER.credential(PEER_EPOCH), CRYPTO)


def test_a_cut_anywhere_in_a_rotation_leaves_the_slot_before_or_after(board):
    board.keyring.adopt(board.owner.epoch(1, slots=3))
    image = bytes(board.flash.octets)
    slots = set()
    for cut in range(0, 4096 + 512, 61):
        board.flash = NorFlash()
        board.flash.octets[:] = image
        board.start()
        board.flash.cut = cut
        try:
            board.keyring.rotate()
        except PowerCut:
            board.start()
        assert board.keeper.counts["unreadable"] == 0
        slots.add(board.keyring.current().slot)
    assert slots == {0, 1}


@pytest.mark.parametrize("part", ["record", "vault", "peer"])
def test_a_damaged_part_is_dropped_and_the_rest_goes_on(board, part):
    board.keyring.adopt(board.owner.epoch(1))
    board.keyring.learn(PEER.credential(PEER_EPOCH), CRYPTO)
    if part == "vault":
        board.vault.save("o1", b"what is this")
    else:
        name = "own1" if part == "record" else Store(board.directory).names("peer-")[0]
        for slot in "01":
            board.directory.write(f"{name}.{slot}", b"worn out")
    board.start()
    assert board.keeper.counts == {"unreadable": 1, "failed": 0}
    assert board.keeper.last_error
    assert (board.keyring.current() is None) == (part != "peer")
    assert (board.keyring.peer(PEER.peer_id) is None) == (part == "peer")
    board.start()
    assert board.keeper.counts["unreadable"] == 0  # it was erased
    board.keyring.adopt(board.owner.epoch(2))
    assert board.start().current().epoch == 2


def test_a_peer_that_cannot_be_stored_is_known_until_the_restart(board, monkeypatch):
    def refuse(name: str, payload: bytes) -> None:
        raise StoreError("no space")

    monkeypatch.setattr(board.keeper._store, "save", refuse)
    board.keyring.learn(PEER.credential(PEER_EPOCH), CRYPTO)
    assert board.keeper.counts["failed"] == 1
    assert board.keyring.peer(PEER.peer_id) is not None
    with pytest.raises(StoreError, match="no space"):
        board.keyring.adopt(board.owner.epoch(1))
    assert board.keyring.current() is None
    assert board.start().peer(PEER.peer_id) is None


def test_what_cannot_even_be_erased_is_counted(board, monkeypatch):
    board.keyring.adopt(board.owner.epoch(1))
    board.vault.save("o1", b"what is this")
    board.flash.broken = {"program"}
    board.start()
    assert board.keeper.counts == {"unreadable": 1, "failed": 1}


def test_more_peers_than_fit_are_refused_and_those_before_kept(board):
    owners = [Owner(b"peer %d" % number) for number in range(PEERS)]
    for owner in owners:
        board.keyring.learn(owner.credential(owner.epoch(1)), CRYPTO)
    from pqmesh.errors import Exhausted

    with pytest.raises(Exhausted):
        board.keyring.learn(PEER.credential(PEER_EPOCH), CRYPTO)
    assert all(board.start().peer(owner.peer_id) is not None for owner in owners)


def test_after_a_restart_the_object_is_read_when_it_is_shown_and_not_kept(board, monkeypatch):
    board.keyring.adopt(board.owner.epoch(1))
    shown = board.keyring.credential()
    keyring = board.start()
    assert keyring.credential() == shown
    monkeypatch.setattr(board.keeper._store, "load", _broken)
    with pytest.raises(Unexpected):
        keyring.credential()
    assert keyring.current() is not None  # the key itself is in memory
    assert board.keeper.counts["failed"] == 1


def _broken(name):
    raise StoreError("worn out")
