# SPDX-License-Identifier: MIT OR Apache-2.0
"""What waits to be sent: nothing in flight is lost with a session, every bound holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.errors import Busy, NoSuchSession
from pqmesh_node.mailbox import READINGS, REFUSALS, REPLIES, Mailbox


class Engine:
    """Takes ``room`` messages, then is busy."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.taken: list[tuple[int, bytes]] = []
        self.ended: set[int] = set()

    def send(self, session: int, payload: bytes, now: int) -> int:
        if session in self.ended:
            raise NoSuchSession("ended")
        if self.room == 0:
            raise Busy("queue full")
        self.room -= 1
        self.taken.append((session, payload))
        return len(self.taken)


def ident(number: int) -> bytes:
    return number.to_bytes(8, "big")


def filled(count: int, session: int | None = None) -> Mailbox:
    box = Mailbox()
    if session is not None:
        box.session_began(session)
    for number in range(count):
        box.add_reading(ident(number), b"r%d" % number)
    return box


def test_nothing_moves_without_a_session():
    box, engine = filled(3), Engine()
    box.pump(engine, 0)
    assert engine.taken == []
    assert len(box) == 3


def test_replies_go_before_readings():
    box, engine = filled(2, session=5), Engine()
    box.add_reply(ident(100), b"reply")
    box.pump(engine, 0)
    assert engine.taken == [(5, b"reply"), (5, b"r0"), (5, b"r1")]


def test_a_message_is_handed_over_once_and_forgotten_when_delivered():
    box, engine = filled(1, session=5), Engine()
    box.pump(engine, 0)
    box.pump(engine, 0)
    assert len(engine.taken) == 1
    assert box.delivered(5, 1) == ident(0)
    assert box.delivered(5, 1) is None
    assert (len(box), box.delivered_count) == (0, 1)


def test_what_a_session_carried_goes_into_the_next_in_order():
    box, engine = filled(3, session=5), Engine()
    box.pump(engine, 0)
    box.delivered(5, 1)
    box.session_ended()
    box.pump(engine, 0)
    assert len(engine.taken) == 3
    box.session_began(6)
    box.pump(engine, 0)
    assert engine.taken[3:] == [(6, b"r1"), (6, b"r2")]


def test_a_newer_session_takes_over_what_an_older_one_carried():
    box, engine = filled(1, session=5), Engine()
    box.pump(engine, 0)
    box.session_began(6)
    box.pump(engine, 0)
    assert engine.taken == [(5, b"r0"), (6, b"r0")]
    assert box.delivered(5, 1) is None, "the older session no longer counts"
    assert box.delivered(6, 2) == ident(0)


def test_a_busy_engine_is_asked_again():
    box, engine = filled(3, session=5), Engine(room=1)
    box.pump(engine, 0)
    engine.room = 5
    box.pump(engine, 0)
    assert [payload for _, payload in engine.taken] == [b"r0", b"r1", b"r2"]


def test_an_ended_session_keeps_the_message_waiting():
    box, engine = filled(1, session=5), Engine()
    engine.ended.add(5)
    box.pump(engine, 0)
    box.session_began(6)
    box.pump(engine, 0)
    assert engine.taken == [(6, b"r0")]


def test_without_a_session_the_oldest_reading_gives_way():
    box, engine = filled(READINGS + 2), Engine()
    assert box.dropped == 2
    box.session_began(1)
    box.pump(engine, 0)
    assert [payload for _, payload in engine.taken] == [b"r%d" % n for n in range(2, READINGS + 2)]


def test_in_a_session_the_newest_reading_is_refused():
    box = filled(READINGS, session=1)
    assert not box.has_room()
    assert not box.add_reading(ident(99), b"newest")
    assert box.dropped == 1
    assert len(box) == READINGS


def test_refusals_are_bounded_and_leave_room_for_replies():
    box = Mailbox()
    sent = [box.add_refusal(ident(n), b"no") for n in range(REFUSALS + 3)]
    assert sent == [True] * REFUSALS + [False] * 3
    assert box.dropped == 3
    for number in range(REPLIES):
        box.add_reply(ident(100 + number), b"yes")
    with pytest.raises(Busy):
        box.add_reply(ident(200), b"one too many")


@given(st.lists(st.sampled_from(["reading", "began", "ended", "pump", "delivered"]), max_size=60))
def test_no_reading_is_ever_lost_except_counted(steps):
    """Against a naive model: added == delivered + waiting + dropped."""
    box, engine = Mailbox(), Engine()
    added = session = 0
    for step in steps:
        if step == "reading":
            box.add_reading(ident(added), b"x")
            added += 1
        elif step == "began":
            session += 1
            box.session_began(session)
        elif step == "ended":
            box.session_ended()
        elif step == "pump":
            box.pump(engine, 0)
        elif engine.taken:
            box.delivered(engine.taken[-1][0], len(engine.taken))
        assert len(box) <= READINGS
        assert added == box.delivered_count + len(box) + box.dropped
