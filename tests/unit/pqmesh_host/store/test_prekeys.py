# SPDX-License-Identifier: MIT OR Apache-2.0
"""A host's prekeys across restarts; used seeds are nowhere in the files afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqmesh.credentials.prekeys import PeerPrekeys, PrekeyChain
from pqmesh_host.store import PrekeyStore, Store

PEER, OTHER = bytes(range(32)), b"\xb0" * 32
SECRET = bytes(range(100, 132))
KEYS = [bytes([number]) * 1184 for number in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def octets(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def stock(keeper: PrekeyStore, first: int = 0) -> PeerPrekeys:
    made = PeerPrekeys(keeper.shelf(PEER))
    made.add(first, KEYS)
    return made


def test_a_chain_goes_on_after_reopening_and_what_it_left_behind_is_gone(path: Path) -> None:
    with Store.open(path) as store:
        prekeys = PrekeyStore(store).open()
        prekeys.set_chain(PEER, PrekeyChain(SECRET))
        assert SECRET in octets(path)  # the search finds what is alive
        seeds = [bytes(prekeys.seed(PEER, index) or b"") for index in range(4)]
        prekeys.used(PEER, 1)
        for gone in (SECRET, seeds[1]):
            assert gone not in octets(path)
        assert seeds[0] in octets(path)  # passed over
    with Store.open(path) as store:
        prekeys = PrekeyStore(store).open()
        found = [bytes(prekeys.seed(PEER, index) or b"") for index in range(4)]
        assert found == [seeds[0], b"", seeds[2], seeds[3]]
        assert prekeys.seed(OTHER, 0) is None


def test_a_stock_is_used_up_in_order_over_restarts_each_key_once(path: Path) -> None:
    with Store.open(path) as store:
        keeper = PrekeyStore(store)
        keeper.open().set_stock(PEER, stock(keeper, first=7))
    taken = []
    for _ in range(len(KEYS) + 1):
        with Store.open(path) as store:
            taken.append(PrekeyStore(store).open().take(PEER))
    assert taken == [*enumerate(KEYS, 7), None]
    with Store.open(path) as store:
        assert store.execute("SELECT COUNT(*) FROM prekey") == [(0,)]


def test_a_lost_key_is_passed_over(path: Path) -> None:
    with Store.open(path) as store:
        keeper = PrekeyStore(store)
        prekeys = keeper.open()
        prekeys.set_stock(PEER, stock(keeper))
        keeper.shelf(PEER).taken(0)
        assert prekeys.take(PEER) == (1, KEYS[1])


def test_a_forgotten_peer_leaves_nothing(path: Path) -> None:
    with Store.open(path) as store:
        keeper = PrekeyStore(store)
        prekeys = keeper.open()
        prekeys.set_chain(PEER, PrekeyChain(SECRET))
        prekeys.set_stock(PEER, stock(keeper))
        prekeys.forget(PEER)
        assert SECRET not in octets(path)
        for table in ("prekey", "prekey_stock", "prekey_chain"):
            assert store.execute(f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_damaged_states_are_deleted_and_counted(path: Path) -> None:
    with Store.open(path) as store:
        keeper = PrekeyStore(store)
        prekeys = keeper.open()
        prekeys.set_chain(PEER, PrekeyChain(SECRET))
        prekeys.set_stock(PEER, stock(keeper))
        store.execute("UPDATE prekey_chain SET state = ?", (b"damaged",))
        store.execute("UPDATE prekey_stock SET state = ?", (b"damaged",))
        again = PrekeyStore(store)
        prekeys = again.open()
        assert again.unreadable == 2
        assert prekeys.chain(PEER) is None
        assert prekeys.stocked(PEER) == 0
        third = PrekeyStore(store)
        third.open()
        assert third.unreadable == 0
