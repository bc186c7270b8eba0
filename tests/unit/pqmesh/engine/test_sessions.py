# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions by handle and by CID, and the rule that the newest of a peer stays."""

import pytest

from pqmesh.engine.context import Context
from pqmesh.engine.events import Closed
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.session import ENDED, Session
from pqmesh.engine.sessions import SessionTable
from pqmesh.errors import NoSuchSession, UnknownSession
from pqmesh.limits import BOARD, SERIAL_LINK
from pqmesh.wire.handshake import Params
from support.model_crypto import CountingEntropy, ModelCrypto

PARAMS = Params(4096, 8, 0, bytes(4))


@pytest.fixture
def table():
    context = Context(None, ModelCrypto(), CountingEntropy(b""), SERIAL_LINK, BOARD)
    made = SessionTable(context)
    made.context = context
    return made


def add(table, handle, peer=b"peer", opened=True):
    outcome = Outcome(peer, PARAMS, b"sessionx", bytes(32), bytes(32), b"", b"")
    session = Session(table.context, handle, (table.context.take_cid(), 9), outcome)
    if opened:
        session.admit(0)
    table.add(session)
    return session


def test_found_by_both_names(table):
    session = add(table, 5)
    assert table.by_cid(session.cid) is session
    assert table.by_handle(5) is session
    assert table.open(5) is session
    assert table.by_handle(6) is None
    with pytest.raises(UnknownSession):
        table.by_cid(session.cid ^ 1)


def test_only_an_open_session_can_be_used(table):
    add(table, 5, opened=False)
    for handle in (5, 6):
        with pytest.raises(NoSuchSession):
            table.open(handle)


def test_what_has_ended_is_not_found_and_its_cid_is_free(table):
    session = add(table, 5)
    session.discard()
    assert table.by_handle(5) is None
    with pytest.raises(UnknownSession):
        table.by_cid(session.cid)
    table.sweep()
    assert table._sessions == []
    assert session.cid not in table.context._cids


def test_sweep_keeps_the_living(table):
    session = add(table, 5)
    table.sweep()
    assert table.open(5) is session


def test_a_newer_session_of_the_same_peer_replaces_the_older(table):
    old, other = add(table, 1), add(table, 2, b"another")
    new, pending = add(table, 3), add(table, 4, opened=False)
    table.replace_others(new)
    assert old.state == ENDED
    assert ENDED not in (new.state, other.state, pending.state)
    assert table.context.events == [Closed(1, 1, True)]


def test_full_counts_other_peers_only(table):
    add(table, 1, b"one")
    assert not table.full_for(b"three")
    add(table, 2, b"two")
    assert table.full_for(b"three")
    assert not table.full_for(b"two")


def test_timers_of_all_sessions_run(table):
    assert table.next_deadline() is None
    add(table, 1)
    assert table.next_deadline() == SERIAL_LINK.keepalive_ms
    table.handle_timeout(SERIAL_LINK.keepalive_ms)
    assert table.context.tx.next() is not None
