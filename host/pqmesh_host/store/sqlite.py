# SPDX-License-Identifier: MIT OR Apache-2.0
"""The state database: messages not yet delivered, message ids taken, peers known.

    seen    (seq, origin, id)               what the Inbox remembers, oldest first
    outbox  (seq, target, id, payload, expires_ms)   what the Outboxes hold, oldest first
    peer    (peer_id, over, last_seen_ms)   whom this node has met
    ticket  (seq, peer_id, body)            how to resume with whom (tickets.py)
    own_epoch, credential, counter          KEM keys, ours and our peers' (credentials.py)
    prekey_chain, prekey_stock, prekey      one-time keys, likewise (prekeys.py)
    provisioned (peer_id, tags of both chains, ..)  whom we have provisioned (custody.py)
    peer_address (peer_id, host, port, ..)  where QUIC peers were reached (addresses.py)

SQLite in WAL mode with synchronous=FULL: when a transaction has ended, a power cut no longer
takes it back. That is what lets a node acknowledge a message the moment it is stored here.
All calls block for one disk write at most (milliseconds) and belong to one thread.

What is deleted or replaced is overwritten with zeros (secure_delete), and ``scrub`` takes it out
of the write-ahead log as well. Below the file system nobody can promise that: an SSD, a
copy-on-write file system and a backup keep what they like.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import StoreError

MAX_PEERS = 1024
"""Known peers kept; the longest unseen goes first."""

MAX_SEEN = 200_000
"""Message ids kept over all origins; the oldest go first."""

BUSY_S = 2.0
"""How long to wait for another process that holds the database."""

_MIGRATIONS = (
    """
CREATE TABLE seen (seq INTEGER PRIMARY KEY AUTOINCREMENT, origin BLOB NOT NULL, id BLOB NOT NULL,
                   UNIQUE (origin, id));
CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, target BLOB NOT NULL, id BLOB NOT NULL,
                     payload BLOB NOT NULL, expires_ms INTEGER, UNIQUE (target, id));
CREATE TABLE peer (peer_id BLOB PRIMARY KEY, over TEXT NOT NULL, last_seen_ms INTEGER NOT NULL);
""",
    """
CREATE TABLE ticket (seq INTEGER PRIMARY KEY AUTOINCREMENT, peer_id BLOB NOT NULL UNIQUE,
                     body BLOB NOT NULL);
""",
    """
CREATE TABLE own_epoch (number INTEGER PRIMARY KEY, public BLOB NOT NULL, secret BLOB NOT NULL);
CREATE TABLE credential (peer_id BLOB PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE prekey_chain (peer_id BLOB PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE prekey_stock (peer_id BLOB PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE prekey (peer_id BLOB NOT NULL, number INTEGER NOT NULL, public BLOB NOT NULL,
                     PRIMARY KEY (peer_id, number)) WITHOUT ROWID;
""",
    """
CREATE TABLE provisioned (peer_id BLOB PRIMARY KEY, ours BLOB NOT NULL, theirs BLOB NOT NULL,
                          name TEXT NOT NULL DEFAULT '', finished_s INTEGER NOT NULL DEFAULT 0);
""",
    """
CREATE TABLE peer_address (peer_id BLOB NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
                           how TEXT NOT NULL, successes INTEGER NOT NULL,
                           failures INTEGER NOT NULL, success_s INTEGER NOT NULL,
                           PRIMARY KEY (peer_id, host, port)) WITHOUT ROWID;
""",
)
"""What each version adds to the one before; a file of any of them is brought up to the last."""

SCHEMA_VERSION = len(_MIGRATIONS)


@dataclass(frozen=True, kw_only=True)
class KnownPeer:
    """A node this one has had an authenticated session with."""

    peer_id: bytes
    over: str
    last_seen_ms: int
    """Milliseconds since 1970."""


class Store:
    """One open database. Use ``Store.open``; it closes itself."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self._scrub_due = False

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[Store]:
        """Open or create the database at ``path``, readable by its owner only.

        :raises StoreError: not writable, not ours, damaged, or of a later version
        """
        with _explained(path):
            _create_private(path)
            database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            with _explained(path):
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA secure_delete = ON")
                _migrate(path, database)
            yield cls(path, database)
        finally:
            database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, durably, or nothing does.

        :raises StoreError: the disk is full or failing; nothing was stored
        """
        with _explained(self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        if self._scrub_due:
            self.scrub()

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; for the other tables of this package.

        :raises StoreError: the disk is full or failing; the statement did nothing
        """
        with _explained(self._path):
            return list(self._database.execute(statement, values))

    def scrub(self) -> None:
        """Empty the write-ahead log, in which replaced values would otherwise wait to be reused.

        Called after a secret was replaced. Within a transaction it waits for its end.
        """
        self._scrub_due = self._database.in_transaction
        if not self._scrub_due:
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def remember_seen(self, origin: bytes, ident: bytes, keep: int) -> None:
        """Note a message id; only the last ``keep`` of each origin stay, MAX_SEEN of all."""
        with _explained(self._path):
            self._database.execute(
                "INSERT OR IGNORE INTO seen (origin, id) VALUES (?, ?)", (origin, ident)
            )
            self._database.execute(
                "DELETE FROM seen WHERE seq IN (SELECT seq FROM seen WHERE origin = ?"
                " ORDER BY seq DESC LIMIT -1 OFFSET ?)",
                (origin, keep),
            )
            self._database.execute(
                "DELETE FROM seen WHERE seq <= (SELECT MAX(seq) FROM seen) - ?", (MAX_SEEN,)
            )

    def seen(self) -> list[tuple[bytes, bytes]]:
        """Return every (origin, id), oldest first, as an Inbox is seeded."""
        with _explained(self._path):
            return list(self._database.execute("SELECT origin, id FROM seen ORDER BY seq"))

    def keep(
        self, target: bytes, ident: bytes, payload: bytes, expires_ms: int | None = None
    ) -> None:
        """Keep a message for ``target`` until ``forget``; a repeat of its id changes nothing.

        :param expires_ms: since 1970; only handed back by ``waiting``, never acted upon here
        """
        with _explained(self._path):
            self._database.execute(
                "INSERT OR IGNORE INTO outbox (target, id, payload, expires_ms)"
                " VALUES (?, ?, ?, ?)",
                (target, ident, payload, expires_ms),
            )

    def forget(self, target: bytes, ident: bytes) -> None:
        """Drop a message that was delivered."""
        with _explained(self._path):
            self._database.execute(
                "DELETE FROM outbox WHERE target = ? AND id = ?", (target, ident)
            )

    def waiting(self, target: bytes) -> list[tuple[bytes, bytes, int | None]]:
        """Return (id, payload, expires_ms) of everything kept for ``target``, oldest first."""
        with _explained(self._path):
            return list(
                self._database.execute(
                    "SELECT id, payload, expires_ms FROM outbox WHERE target = ? ORDER BY seq",
                    (target,),
                )
            )

    def targets(self) -> list[bytes]:
        """Return everyone something is kept for."""
        with _explained(self._path):
            rows = self._database.execute("SELECT DISTINCT target FROM outbox ORDER BY target")
            return [row[0] for row in rows]

    def note_peer(self, peer_id: bytes, over: str) -> None:
        """Note that ``peer_id`` was met just now, over a link's name or ``quic``."""
        now_ms = time.time_ns() // 1_000_000
        with self.transaction():
            self._database.execute(
                "INSERT INTO peer VALUES (?, ?, ?) ON CONFLICT (peer_id)"
                " DO UPDATE SET over = excluded.over, last_seen_ms = excluded.last_seen_ms",
                (peer_id, over, now_ms),
            )
            self._database.execute(
                "DELETE FROM peer WHERE peer_id IN (SELECT peer_id FROM peer"
                " ORDER BY last_seen_ms DESC, peer_id LIMIT -1 OFFSET ?)",
                (MAX_PEERS,),
            )

    def peers(self) -> list[KnownPeer]:
        """Return every known peer, the most recently seen first."""
        with _explained(self._path):
            rows = self._database.execute(
                "SELECT peer_id, over, last_seen_ms FROM peer ORDER BY last_seen_ms DESC, peer_id"
            )
            return [KnownPeer(peer_id=row[0], over=row[1], last_seen_ms=row[2]) for row in rows]


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, so that it is private from its first octet.

    SQLite gives its -wal and -shm files the permissions of the database.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _migrate(path: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The state database {path} was written by a later version of pqmesh.",
            "Upgrade pqmesh, or move the file away to start with an empty one.",
        )
    for at in range(version, SCHEMA_VERSION):
        database.executescript(
            f"BEGIN IMMEDIATE; {_MIGRATIONS[at]} PRAGMA user_version = {at + 1}; COMMIT;"
        )


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into advice."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"The state database {path} cannot be used now: {error}.",
            "Check that the disk is not full, that no other pqmesh uses the file, and that you "
            "may write to it.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The state database {path} is damaged or not ours: {error}.",
            "Move it away to start with an empty one; undelivered messages in it are then lost.",
        ) from error
    except OSError as error:
        raise StoreError(
            f"Cannot open the state database {path}: {error.strerror}.",
            "Point [store].path at a file in a folder you may write to.",
        ) from error
