# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions by handle and by CID, and the rule that the newest of a peer stays."""

import pytest

from pqmesh.engine.context import Context
from pqmesh.engine.events import Closed
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.session import ENDED, OPEN, Session
from pqmesh.engine.sessions import SessionTable
from pqmesh.errors import NoSuchSession, UnknownSession
from pqmesh.limits import BOARD, RADIO_LINK, SERIAL_LINK
from pqmesh.wire.handshake import Params
from support.model_crypto import CountingEntropy, ModelCrypto

PARAMS = Params(4096, 8, 0, bytes(4))


class Name:
    """As much of an identity as a table of sessions needs."""

    def __init__(self, peer_id):
        self.peer_id = peer_id


def table_on(link, me=b"me"):
    context = Context(Name(me), ModelCrypto(), CountingEntropy(b""), link, BOARD)
    made = SessionTable(context)
    made.context = context
    return made


@pytest.fixture
def table():
    return table_on(SERIAL_LINK)


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
    assert table.replace_others(new)
    assert old.state == ENDED
    assert ENDED not in (new.state, other.state, pending.state)
    assert table.context.events == [Closed(1, 1, True)]


def two_of(table, ours, began, opened=100, peer=b"peer"):
    """An open session and a newer one; each begun by ``ours[i]`` at ``began[i]``."""
    made = []
    for handle, (begun_by_us, at) in enumerate(zip(ours, began, strict=True), 1):
        session = add(table, handle, peer, opened=False)
        if at is not None:
            session.began(begun_by_us, at)
        session.admit(opened * handle)
        made.append(session)
    return made


@pytest.mark.parametrize("me", [b"aa", b"zz"])
@pytest.mark.parametrize("older_is_ours", [False, True])
def test_of_two_that_crossed_the_smaller_names_stays(me, older_is_ours):
    table = table_on(RADIO_LINK, me)
    older, newer = two_of(table, (older_is_ours, not older_is_ours), (0, 50))
    older_stays = older_is_ours == (me < b"peer")
    assert table.replace_others(newer) != older_stays
    assert (newer.state == ENDED) == older_stays
    assert (older.state == ENDED) != older_stays
    assert table.context.events == ([] if older_stays else [Closed(1, 1, True)])


@pytest.mark.parametrize(
    ("link", "ours", "began"),
    [
        (SERIAL_LINK, (True, False), (0, 50)),  # one neighbour: they merge before they are open
        (RADIO_LINK, (True, True), (0, 50)),  # begun by the same side: its newer wish counts
        (RADIO_LINK, (True, False), (0, 100)),  # begun when the other was open
        (RADIO_LINK, (True, False), (None, 50)),  # HS-R has an order of its own
        (RADIO_LINK, (True, False), (0, None)),
    ],
)
def test_what_did_not_cross_is_replaced_by_the_newer(link, ours, began):
    table = table_on(link, b"aa")
    older, newer = two_of(table, ours, began)
    assert table.replace_others(newer)
    assert (older.state, newer.state) == (ENDED, OPEN)


def test_an_attempt_of_ours_learns_that_the_peers_was_first():
    table = table_on(RADIO_LINK, b"zz")
    session, _ = two_of(table, (False, False), (0, 50), peer=b"peer")
    assert table.crossed(b"peer", 50)
    assert not table.crossed(b"peer", 200)
    assert not table.crossed(b"other", 50)
    assert session.state == OPEN
    table = table_on(RADIO_LINK, b"aa")  # ours goes first
    two_of(table, (False, False), (0, 50))
    assert not table.crossed(b"peer", 50)


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
