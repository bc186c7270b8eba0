# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tickets on a host: there after a kill, gone from the file once replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pqmesh.engine.hs_r import ticket_of
from pqmesh_host.errors import StoreError
from pqmesh_host.store import Store, TicketStore
from pqmesh_host.store import tickets as subject
from support.tickets import ticket

OLD, NEXT = bytes(range(32)), bytes(range(100, 132))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def octets(path: Path) -> bytes:
    """Everything that is on the disk: database, log and all."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def test_a_ticket_is_found_by_both_its_generations_also_after_reopening(path: Path) -> None:
    saved = ticket(current=OLD, candidate=NEXT, resumptions=2, full_s=7)
    with Store.open(path) as store:
        TicketStore(store).save(saved)
    with Store.open(path) as store:
        tickets = TicketStore(store)
        assert tickets.load(saved.peer_id) == saved
        assert tickets.find(ticket_of(OLD)) == tickets.find(ticket_of(NEXT)) == saved.peer_id
        assert tickets.find(bytes(8)) is None
        assert len(tickets) == 1


def test_a_generation_that_was_replaced_is_nowhere_in_the_files(path: Path) -> None:
    with Store.open(path) as store:
        tickets = TicketStore(store)
        tickets.save(ticket(current=OLD, candidate=NEXT))
        assert OLD in octets(path)  # the search finds what is alive
        tickets.save(ticket(current=NEXT))
        assert OLD not in octets(path)
        assert tickets.find(ticket_of(OLD)) is None
        assert NEXT in octets(path)
        tickets.forget(b"P" * 32)
        tickets.forget(b"P" * 32)
        assert NEXT not in octets(path)
        assert tickets.load(b"P" * 32) is None


def test_a_killed_process_loses_no_ticket(path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from pqmesh_host.store import Store, TicketStore
from support.tickets import ticket
with Store.open(Path(sys.argv[1])) as store:
    tickets = TicketStore(store)
    for number in range(5):
        tickets.save(ticket(current=bytes([number]) * 32))
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
        assert TicketStore(store).load(b"P" * 32) == ticket(current=b"\4" * 32)


def test_a_disk_that_fails_keeps_the_ticket_before(path: Path) -> None:
    with Store.open(path) as store:
        tickets = TicketStore(store)
        tickets.save(ticket(current=OLD))
        store._database.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError):
            tickets.save(ticket(current=NEXT))
        store._database.execute("PRAGMA query_only = OFF")
        assert TicketStore(store).load(b"P" * 32) == ticket(current=OLD)


def test_an_unreadable_ticket_is_deleted_and_counted(path: Path) -> None:
    with Store.open(path) as store:
        store.execute("INSERT INTO ticket (peer_id, body) VALUES (?, ?)", (b"P" * 32, b"?"))
        tickets = TicketStore(store)
        assert (len(tickets), tickets.unreadable) == (0, 1)
        assert TicketStore(store).unreadable == 0


def test_when_full_the_one_saved_least_recently_goes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_TICKETS", 2)
    with Store.open(path) as store:
        tickets = TicketStore(store)
        for name in (b"1", b"2", b"1", b"3"):
            tickets.save(ticket(name * 32, current=name * 32))
        for found in (tickets, TicketStore(store)):
            assert found.load(b"2" * 32) is None
            assert found.load(b"1" * 32) is not None
            assert found.load(b"3" * 32) is not None


def test_the_time_never_goes_back(path: Path) -> None:
    moments = iter([100, 90, 110])
    with Store.open(path) as store:
        tickets = TicketStore(store, lambda: next(moments))
        assert [tickets.now_s() for _ in range(3)] == [100, 100, 110]
        assert TicketStore(store).now_s() > 1_700_000_000
