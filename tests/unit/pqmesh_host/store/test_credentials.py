# SPDX-License-Identifier: MIT OR Apache-2.0
"""A host's keyring across restarts: complete, renewed in time, and rid of what was replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pqmesh.credentials.keyring import Keyring
from pqmesh_host.errors import StoreError
from pqmesh_host.store import CredentialStore, Store
from pqmesh_host.store.credentials import RENEW_BEFORE_S
from support.credentials import CRYPTO, DAY, START, Owner

GATEWAY, BOARD = Owner(b"gateway"), Owner(b"board")
BOARD_EPOCH = BOARD.epoch(1)


class Host:
    """A database, and what a start makes of it; ``now_s`` is the clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_s = START
        self._opened = Store.open(path)
        self.store = self._opened.__enter__()
        self.start()

    def start(self) -> Keyring:
        self.close()
        self._opened = Store.open(self.path)
        self.store = self._opened.__enter__()
        self.keeper = CredentialStore(self.store, lambda: self.now_s)
        self.keyring = self.keeper.open(GATEWAY.identity, CRYPTO)
        return self.keyring

    def renew(self) -> bool:
        return self.keeper.renew(self.keyring, GATEWAY.identity, CRYPTO)

    def close(self) -> None:
        self._opened.__exit__(None, None, None)

    def octets(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.path.parent.iterdir()))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    opened = Host(tmp_path / "state.sqlite")
    yield opened
    opened.close()


def test_our_epoch_and_our_peers_are_there_after_reopening(host: Host) -> None:
    assert host.keyring.current() is None
    assert host.renew()
    learnt = host.keyring.learn(BOARD.credential(BOARD_EPOCH), CRYPTO)
    credential = host.keyring.credential()
    keyring = host.start()
    assert keyring.credential() == credential
    assert keyring.peer(BOARD.peer_id) == learnt
    assert keyring.find_peer(learnt.credential_id) == learnt
    keyring.forget(BOARD.peer_id)
    assert host.start().peer(BOARD.peer_id) is None


def test_an_epoch_is_renewed_a_week_before_it_ends_and_honoured_to_its_end(host: Host) -> None:
    assert host.renew()
    assert not host.renew()
    first = host.keyring.current()
    assert first is not None
    host.now_s = START + 30 * DAY - RENEW_BEFORE_S - 1
    assert not host.renew()
    host.now_s += 1
    assert host.renew()
    assert not host.renew()
    second = host.start().current()
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert host.keyring.own(first.credential_id) is not None
    host.now_s = START + 30 * DAY
    assert host.keyring.own(first.credential_id) is None
    seed = bytes(first.seed)
    assert seed in host.octets()
    host.keyring.tidy()
    assert seed not in host.octets()


def test_an_epochs_number_is_never_used_again(host: Host) -> None:
    host.renew()
    host.store.execute("UPDATE own_epoch SET secret = ?", (b"damaged",))
    assert host.start().current() is None
    assert host.keeper.unreadable == 1
    assert host.renew()
    current = host.keyring.current()
    assert current is not None
    assert current.epoch == 2
    assert host.keeper.open(GATEWAY.identity, CRYPTO).current() == current


def test_a_damaged_peer_is_deleted_and_counted(host: Host) -> None:
    host.keyring.learn(BOARD.credential(BOARD_EPOCH), CRYPTO)
    host.store.execute("UPDATE credential SET state = ?", (b"damaged",))
    assert host.start().peer(BOARD.peer_id) is None
    assert host.keeper.unreadable == 1
    host.start()
    assert host.keeper.unreadable == 0


def test_a_seed_that_was_rotated_away_is_nowhere_in_the_files(host: Host) -> None:
    host.renew()
    current = host.keyring.current()
    assert current is not None
    seed = bytes(current.seed)
    assert seed in host.octets()  # the search finds what is alive
    host.keyring.rotate()
    assert seed in host.octets()  # honoured until the next rotation
    host.keyring.rotate()
    assert seed not in host.octets()


def test_a_disk_that_fails_gives_no_epoch(host: Host) -> None:
    host.store._database.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError):
        host.renew()
    assert host.keyring.current() is None
