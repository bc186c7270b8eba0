# SPDX-License-Identifier: MIT OR Apache-2.0
"""The state database: what was committed is there after a crash, and nothing grows for ever."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pqmesh_host.errors import StoreError
from pqmesh_host.store import sqlite as subject
from pqmesh_host.store.sqlite import Store

ALICE, BOB = b"\xa1" * 32, b"\xb0" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def ident(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_what_is_kept_is_there_after_reopening_in_order(path: Path) -> None:
    with Store.open(path) as store:
        for number in (3, 1, 2):
            store.keep(ALICE, ident(number), b"payload %d" % number)
        store.keep(BOB, ident(9), b"bob's", expires_ms=5)
        store.forget(ALICE, ident(1))
    with Store.open(path) as store:
        assert store.waiting(ALICE) == [
            (ident(3), b"payload 3", None),
            (ident(2), b"payload 2", None),
        ]
        assert store.waiting(BOB) == [(ident(9), b"bob's", 5)]
        assert store.targets() == [ALICE, BOB]


def test_keeping_the_same_message_twice_keeps_it_once(path: Path) -> None:
    with Store.open(path) as store:
        store.keep(ALICE, ident(1), b"first")
        store.keep(ALICE, ident(1), b"second")
        assert store.waiting(ALICE) == [(ident(1), b"first", None)]


def test_seen_ids_are_bounded_per_origin_and_oldest_first(path: Path) -> None:
    with Store.open(path) as store:
        for number in range(10):
            store.remember_seen(ALICE, ident(number), keep=4)
        store.remember_seen(BOB, ident(0), keep=4)
        assert store.seen() == [(ALICE, ident(n)) for n in range(6, 10)] + [(BOB, ident(0))]


def test_seen_ids_are_bounded_over_all_origins(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_SEEN", 5)
    with Store.open(path) as store:
        for number in range(20):
            store.remember_seen(ident(number) * 4, ident(number), keep=4)
        assert [one for _, one in store.seen()] == [ident(n) for n in range(15, 20)]


def test_a_failed_transaction_leaves_nothing(path: Path) -> None:
    def interrupted(store: Store) -> None:
        with store.transaction():
            store.keep(ALICE, ident(1), b"x")
            store.remember_seen(ALICE, ident(1), keep=4)
            raise ZeroDivisionError

    with Store.open(path) as store:
        with pytest.raises(ZeroDivisionError):
            interrupted(store)
        assert store.waiting(ALICE) == []
        assert store.seen() == []


def test_a_killed_process_loses_no_committed_transaction(path: Path) -> None:
    script = f"""
import os, signal, sys
from pathlib import Path
from pqmesh_host.store import Store
with Store.open(Path(sys.argv[1])) as store:
    with store.transaction():
        store.keep({ALICE!r}, b"12345678", b"committed")
    store._database.execute("BEGIN IMMEDIATE")
    store.keep({ALICE!r}, b"87654321", b"not committed")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL
    with Store.open(path) as store:
        assert store.waiting(ALICE) == [(b"12345678", b"committed", None)]


def test_known_peers_are_the_most_recent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_PEERS", 2)
    now = iter(range(1, 100))
    monkeypatch.setattr(subject.time, "time_ns", lambda: next(now) * 1_000_000)
    with Store.open(path) as store:
        store.note_peer(ALICE, "bench")
        store.note_peer(BOB, "quic")
        store.note_peer(ALICE, "quic")
        store.note_peer(b"\xc0" * 32, "bench")
        peers = store.peers()
    assert [(peer.peer_id, peer.over, peer.last_seen_ms) for peer in peers] == [
        (b"\xc0" * 32, "bench", 4),
        (ALICE, "quic", 3),
    ]


def test_the_file_is_private(path: Path) -> None:
    old = os.umask(0)
    try:
        with Store.open(path) as store:
            store.keep(ALICE, ident(1), b"x")
            modes = {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes == {0o600}


def test_commits_reach_the_disk(path: Path) -> None:
    with Store.open(path) as store:
        assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.write_bytes(b"my holiday photographs " * 100)
    with pytest.raises(StoreError, match="damaged or not ours") as caught, Store.open(path):
        pass
    assert "Move it away" in caught.value.advice
    assert path.read_bytes().startswith(b"my holiday")


def test_a_later_versions_file_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="later version"), Store.open(path):
        pass


def test_a_database_another_process_holds_is_said_to_be(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "BUSY_S", 0.01)
    with Store.open(path) as store, Store.open(path) as other, store.transaction():
        store.keep(ALICE, ident(1), b"x")
        with pytest.raises(StoreError, match="no other pqmesh"), other.transaction():
            pass


def test_a_place_one_may_not_write_to_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="Cannot open the state database"),
        Store.open(tmp_path / "file" / "state.sqlite"),
    ):
        pass


def test_a_file_of_the_first_version_is_brought_up_to_date_with_all_it_holds(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(subject._MIGRATIONS[0] + "PRAGMA user_version = 1;")
        database.execute("INSERT INTO seen (origin, id) VALUES (?, ?)", (ALICE, ident(1)))
    database.close()
    with Store.open(path) as store:
        assert store.seen() == [(ALICE, ident(1))]
        assert store.execute("SELECT COUNT(*) FROM ticket") == [(0,)]
    with Store.open(path) as store:
        assert store.execute("PRAGMA user_version") == [(subject.SCHEMA_VERSION,)]
