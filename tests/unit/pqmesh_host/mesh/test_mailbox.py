# SPDX-License-Identifier: MIT OR Apache-2.0
"""A mailbox keeps messages until they are acknowledged, through sessions and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from pqmesh_host.mesh import mailbox as subject
from pqmesh_host.mesh.mailbox import Handed, Mailbox
from pqmesh_host.store import Store

BOARD = b"\xb0" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state.sqlite") as opened:
        yield opened


def ident(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_a_message_stays_until_it_is_acknowledged(store: Store) -> None:
    box = Mailbox(BOARD, 4, store)
    assert box.keep(ident(1), b"one", 100)
    assert box.waiting() == (ident(1), b"one")
    box.sent(ident(1), session=7, number=1)
    assert box.waiting() is None
    assert len(box) == 1
    assert box.delivered(7, 2, 150) is None
    assert box.delivered(7, 1, 150) == Handed(ident=ident(1), payload=b"one", waited_ms=50)
    assert len(box) == 0
    assert store.waiting(BOARD) == []


def test_a_lost_session_puts_its_messages_back_in_order(store: Store) -> None:
    box = Mailbox(BOARD, 4, store)
    for number in range(3):
        box.keep(ident(number), b"x", 0)
        box.sent(ident(number), session=7, number=number)
    assert box.session_ended(7) == 3
    assert box.waiting() == (ident(0), b"x")


def test_a_restart_finds_what_was_kept(store: Store) -> None:
    box = Mailbox(BOARD, 4, store)
    for number in range(3):
        box.keep(ident(number), b"%d" % number, 0)
    box.sent(ident(0), 7, 1)
    box.delivered(7, 1, 0)
    again = Mailbox(BOARD, 4, store)
    assert (len(again), again.waiting()) == (2, (ident(1), b"1"))


def test_a_repeat_is_kept_once(store: Store) -> None:
    box = Mailbox(BOARD, 4, store)
    assert box.keep(ident(1), b"first", 0)
    assert box.keep(ident(1), b"again", 0)
    assert store.waiting(BOARD) == [(ident(1), b"first", None)]


def test_a_full_box_refuses_the_newest_and_counts_it(store: Store) -> None:
    box = Mailbox(BOARD, 2, store)
    assert [box.keep(ident(number), b"x", 0) for number in range(3)] == [True, True, False]
    assert box.refused == 1
    assert [one for one, *_ in store.waiting(BOARD)] == [ident(0), ident(1)]


def test_a_message_nobody_can_take_is_given_up(store: Store) -> None:
    box = Mailbox(BOARD, 2, store)
    box.keep(ident(1), b"far too long", 0)
    box.discard(ident(1))
    assert (len(box), store.waiting(BOARD)) == (0, [])


def test_a_message_has_its_time_even_across_restarts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000_000]
    monkeypatch.setattr(subject, "wall_ms", lambda: clock[0])
    box = Mailbox(BOARD, 4, store)
    box.keep(ident(1), b"for ever", 0)
    box.keep(ident(2), b"for a minute", 0, keep_ms=60_000)
    clock[0] += 59_999
    assert box.drop_expired() == []
    again = Mailbox(BOARD, 4, store)
    clock[0] += 1
    assert again.drop_expired() == [ident(2)]
    assert [one for one, *_ in store.waiting(BOARD)] == [ident(1)]


def test_what_a_session_carries_does_not_expire_under_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Mailbox(BOARD, 4, store)
    box.keep(ident(1), b"x", 0, keep_ms=0)
    box.sent(ident(1), session=7, number=1)
    assert box.drop_expired() == []
    box.session_ended(7)
    assert box.drop_expired() == [ident(1)]


def test_a_strangers_box_lives_in_memory_only(store: Store) -> None:
    box = Mailbox(BOARD, 2, None)
    box.keep(ident(1), b"x", 0)
    assert store.waiting(BOARD) == []
    box.sent(ident(1), 7, 1)
    assert box.delivered(7, 1, 0) is not None


class AgainstAModel(RuleBasedStateMachine):
    """The box against two naive lists, through sessions that come and go."""

    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.box = Mailbox(BOARD, 5, None)
        self.kept: list[bytes] = []
        self.carried: dict[bytes, tuple[int, int]] = {}
        self.session = 1
        self.number = 0

    @rule(target=messages, number=st.integers(0, 9))
    def keep(self, number: int) -> bytes:
        message = ident(number)
        expected = message in self.kept or len(self.kept) < 5
        assert self.box.keep(message, message, 0) is expected
        if expected and message not in self.kept:
            self.kept.append(message)
        return message

    @rule()
    def send(self) -> None:
        free = [message for message in self.kept if message not in self.carried]
        waiting = self.box.waiting()
        assert waiting == ((free[0], free[0]) if free else None)
        if waiting:
            self.number += 1
            self.carried[waiting[0]] = (self.session, self.number)
            self.box.sent(waiting[0], self.session, self.number)

    @rule(message=messages)
    def acknowledge(self, message: bytes) -> None:
        where = self.carried.pop(message, None)
        if where is None:
            return
        handed = self.box.delivered(*where, 0)
        assert handed is not None
        assert handed.ident == message
        self.kept.remove(message)

    @rule()
    def lose_the_session(self) -> None:
        assert self.box.session_ended(self.session) == len(self.carried)
        self.carried.clear()
        self.session += 1

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.box) == len(self.kept)


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
