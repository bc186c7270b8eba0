# SPDX-License-Identifier: MIT OR Apache-2.0
"""A message leaves the box by delivery and by nothing else."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pqmesh.delivery import Outbox
from pqmesh.errors import Busy, UsageError


def test_oldest_first_until_delivered():
    box = Outbox(4)
    box.add(b"1", b"one")
    box.add(b"2", b"two")
    assert box.waiting() == (b"1", b"one")
    box.sent(b"1", session=7, message=1)
    assert box.waiting() == (b"2", b"two")
    assert box.delivered(7, 1) == b"1"
    assert list(box) == [(b"2", b"two")]
    assert len(box) == 1


def test_what_an_ended_session_carried_waits_again_in_the_old_order():
    box = Outbox(4)
    for number in (1, 2, 3):
        box.add(b"%d" % number, b"")
        box.sent(b"%d" % number, session=7 if number < 3 else 8, message=number)
    assert box.waiting() is None
    assert box.session_ended(7) == 2
    assert box.waiting() == (b"1", b"")
    assert box.session_ended(7) == 0


def test_a_foreign_delivery_is_not_ours():
    box = Outbox(1)
    box.add(b"1", b"")
    box.sent(b"1", 7, 1)
    assert box.delivered(7, 2) is None
    assert box.delivered(8, 1) is None
    assert len(box) == 1


def test_a_full_box_refuses_and_forgets_nothing():
    box = Outbox(1)
    box.add(b"1", b"one")
    with pytest.raises(Busy):
        box.add(b"2", b"two")
    assert list(box) == [(b"1", b"one")]


def test_an_id_is_in_the_box_once():
    box = Outbox(2)
    box.add(b"1", b"one")
    with pytest.raises(UsageError):
        box.add(b"1", b"again")


def test_what_is_not_in_the_box_cannot_be_sent():
    with pytest.raises(UsageError):
        Outbox(1).sent(b"1", 7, 1)


class OutboxAgainstAList(RuleBasedStateMachine):
    """A list of [id, session, message] beside the real thing: same answers."""

    def __init__(self):
        super().__init__()
        self.box = Outbox(5)
        self.model = []
        self.counter = 0

    @rule()
    def add(self):
        self.counter += 1
        ident = b"%d" % self.counter
        if len(self.model) < 5:
            self.box.add(ident, ident)
            self.model.append([ident, None, None])
        else:
            with pytest.raises(Busy):
                self.box.add(ident, ident)

    @precondition(lambda self: self.box.waiting() is not None)
    @rule(session=st.integers(1, 2))
    def send(self, session):
        ident, _ = self.box.waiting()
        expected = next(entry for entry in self.model if entry[1] is None)
        assert ident == expected[0]
        self.counter += 1
        self.box.sent(ident, session, self.counter)
        expected[1:] = [session, self.counter]

    @precondition(lambda self: any(entry[1] for entry in self.model))
    @rule(data=st.data())
    def deliver(self, data):
        entry = data.draw(st.sampled_from([e for e in self.model if e[1]]))
        assert self.box.delivered(entry[1], entry[2]) == entry[0]
        self.model.remove(entry)

    @rule(session=st.integers(1, 2))
    def end(self, session):
        lost = [entry for entry in self.model if entry[1] == session]
        assert self.box.session_ended(session) == len(lost)
        for entry in lost:
            entry[1:] = [None, None]

    @invariant()
    def the_same_messages_in_the_same_order(self):
        assert [ident for ident, _ in self.box] == [entry[0] for entry in self.model]


TestOutboxAgainstAList = OutboxAgainstAList.TestCase
TestOutboxAgainstAList.settings = settings(max_examples=30, stateful_step_count=25)
