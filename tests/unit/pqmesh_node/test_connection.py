# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keeping a session alive: back-off, replacement, and no work while one is present."""

import pytest

from pqmesh.engine.events import Closed, Delivered, Established, Lost, Refused
from pqmesh.errors import Busy
from pqmesh_node.connection import FIRST_RETRY_MS, LAST_RETRY_MS, Connection

PEER, OTHER = b"p" * 32, b"o" * 32


class Engine:
    """Notes the handshakes it is asked for."""

    def __init__(self) -> None:
        self.connects: list[tuple[int, bytes | None]] = []
        self.busy = False

    def connect(self, now: int, expect: bytes | None) -> int:
        if self.busy:
            raise Busy("no room")
        self.connects.append((now, expect))
        return len(self.connects)


def established(session: int, peer_id: bytes = PEER) -> Established:
    return Established(session, peer_id, True, 9000, 9000, 2000)


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def connection(engine):
    return Connection(engine, PEER, lambda count: bytes(count))  # no jitter


def test_connects_at_once_and_only_once(engine, connection):
    for now in (0, 1, 50_000):
        connection.handle_timeout(now)
    assert engine.connects == [(0, PEER)]
    assert connection.next_deadline() is None


def test_rests_while_a_session_is_present(engine, connection):
    connection.handle_timeout(0)
    assert connection.handle_event(established(1), 5)
    assert (connection.session, connection.peer_id) == (1, PEER)
    assert connection.peer_of(1) == PEER
    connection.handle_timeout(100_000)
    assert len(engine.connects) == 1


def test_backs_off_and_doubles_to_a_ceiling(engine, connection):
    now, gaps = 0, []
    for attempt in range(1, 9):
        connection.handle_timeout(now)
        assert len(engine.connects) == attempt
        assert not connection.handle_event(Refused(attempt, "wrong identity", None), now)
        due = connection.next_deadline()
        gaps.append(due - now)
        connection.handle_timeout(due - 1)
        assert len(engine.connects) == attempt
        now = due
    assert gaps == [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
    assert (gaps[0], gaps[-1]) == (FIRST_RETRY_MS, LAST_RETRY_MS)


def test_the_random_half_of_the_delay_keeps_two_nodes_apart(engine):
    connection = Connection(engine, None, lambda count: b"\x01\xf3"[:count])  # 499
    connection.handle_timeout(0)
    connection.handle_event(Lost(1, "silent"), 0)
    assert connection.next_deadline() == FIRST_RETRY_MS - 499


@pytest.mark.parametrize("end", [Lost(1, "silent"), Closed(1, 3, True)])
def test_a_lost_session_starts_again_from_the_shortest_delay(engine, connection, end):
    for attempt in (1, 2, 3):
        connection.handle_timeout(connection.next_deadline())
        connection.handle_event(Refused(attempt, "", None), 0)
    connection.handle_event(established(1), 0)
    assert connection.handle_event(end, 1000)
    assert connection.session is None
    assert connection.next_deadline() == 1000 + FIRST_RETRY_MS


def test_a_session_the_neighbour_began_counts(engine, connection):
    assert connection.handle_event(established(7), 0)
    connection.handle_timeout(0)
    assert engine.connects == []


def test_a_newer_session_takes_over_and_the_older_ones_end_is_no_news(engine, connection):
    connection.handle_event(established(1), 0)
    assert connection.handle_event(established(2), 10)
    assert not connection.handle_event(Closed(1, 1, False), 11)
    assert connection.session == 2
    with pytest.raises(KeyError):
        connection.peer_of(1)


def test_a_strangers_failed_handshake_is_no_news(engine, connection):
    connection.handle_timeout(0)
    assert not connection.handle_event(Refused(99, "not trusted", OTHER), 5)
    connection.handle_timeout(60_000)
    assert len(engine.connects) == 1, "our own attempt still runs"


def test_other_events_are_no_news(connection):
    assert not connection.handle_event(Delivered(1, 1, 30), 0)


def test_a_full_engine_is_asked_again_later(engine, connection):
    engine.busy = True
    connection.handle_timeout(0)
    engine.busy = False
    connection.handle_timeout(FIRST_RETRY_MS - 1)
    assert engine.connects == []
    connection.handle_timeout(FIRST_RETRY_MS)
    assert engine.connects == [(FIRST_RETRY_MS, PEER)]
