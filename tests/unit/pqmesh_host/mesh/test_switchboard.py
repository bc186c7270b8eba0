# SPDX-License-Identifier: MIT OR Apache-2.0
"""The switchboard: a message is taken once, kept durably before anything else, and reported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pqmesh.errors import Malformed
from pqmesh.record import replace
from pqmesh.wire.mesh import MeshMessage, command, reading, reply
from pqmesh_host.errors import StoreError
from pqmesh_host.events import Event, EventBus
from pqmesh_host.mesh import mailbox
from pqmesh_host.mesh import switchboard as subject
from pqmesh_host.mesh.mailbox import Mailbox
from pqmesh_host.mesh.router import Hop, Unreachable
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.store import Store

OWN, BOARD, ALICE, STRANGER = b"\x00" * 32, b"\xb0" * 32, b"\xa1" * 32, b"\xee" * 32
ID = b"identify"
A_READING = reading(ID, "t", 21, "C", 7)


class FakeNeighbour:
    """An open session; counts its wake-ups."""

    def __init__(self, peer_id: bytes, *, on_link: bool = False) -> None:
        self.hop = Hop(peer_id, on_link=on_link)
        self.over = "bench" if on_link else "quic [::1]:1"
        self.opened_ms = 0
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state.sqlite") as opened:
        yield opened


class Rig:
    """A switchboard with a board and Alice, who is named in the configuration, attached."""

    def __init__(self, store: Store, **options: Any) -> None:
        self.bus = EventBus()
        self.events: list[Event] = []
        self.bus._listeners.append(self.events.append)
        self._draws = iter(range(1, 1000))
        options = {"named": {ALICE}, "commanders": {ALICE}, **options}
        self.board = FakeNeighbour(BOARD, on_link=True)
        self.alice = FakeNeighbour(ALICE)
        self.subject = Switchboard(OWN, store, self.bus, self.draw, **options)
        self.for_board = self.subject.attach(self.board)
        self.for_alice = self.subject.attach(self.alice)

    def draw(self, size: int) -> bytes:
        return next(self._draws).to_bytes(size, "big")

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
async def rig(store: Store) -> Rig:
    return Rig(store)


def held(box: Mailbox) -> list[MeshMessage]:
    return [MeshMessage.decode(payload) for _, payload in box._outbox]


async def test_a_reading_is_kept_for_the_peer_before_take_returns(rig: Rig, store: Store) -> None:
    rig.subject.take(A_READING.encode(), rig.board, 60)
    assert held(rig.for_alice) == [replace(A_READING, origin=BOARD, ttl=7)]
    assert [ident for ident, *_ in store.waiting(ALICE)] == [ID]
    assert store.seen() == [(BOARD, ID)]
    assert rig.alice.woken == 1
    (event,) = rig.events
    assert (event.kind, event.peer, event.over, event.wire_bytes) == (
        "reading",
        BOARD,
        "bench",
        60,
    )
    assert event.details["value"] == 21


async def test_a_reading_that_comes_again_is_taken_once(rig: Rig, store: Store) -> None:
    for _ in range(2):
        rig.subject.take(A_READING.encode(), rig.board, 60)
    assert rig.subject.duplicates == 1
    assert rig.kinds() == ["reading"]
    assert len(rig.for_alice) == 1
    after_restart = Rig(store)
    after_restart.subject.take(A_READING.encode(), after_restart.board, 60)
    assert after_restart.subject.duplicates == 1
    assert after_restart.kinds() == []


async def test_the_same_id_of_another_origin_is_another_message(rig: Rig) -> None:
    rig.subject.take(A_READING.encode(), rig.board, 60)
    rig.subject.take(replace(A_READING, origin=STRANGER).encode(), rig.alice, 60)
    assert rig.kinds() == ["reading", "reading"]


async def test_what_cannot_be_stored_is_not_taken(
    rig: Rig, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(store, "keep", full)
    with pytest.raises(StoreError):
        rig.subject.take(A_READING.encode(), rig.board, 60)
    assert store.seen() == []
    assert rig.kinds() == []


async def test_what_is_no_message_changes_nothing(rig: Rig, store: Store) -> None:
    with pytest.raises(Malformed):
        rig.subject.take(b"\x01\x01garbage", rig.board, 60)
    assert (store.seen(), rig.kinds()) == ([], [])


async def test_a_dropped_message_may_come_again(rig: Rig, store: Store) -> None:
    forged = replace(A_READING, origin=STRANGER)
    rig.subject.take(forged.encode(), rig.board, 60)
    assert rig.events[0].text == "a board may speak only for itself"
    assert store.seen() == []


async def test_a_command_for_this_node_is_answered_in_the_same_step(rig: Rig) -> None:
    rig.subject.take(command(ID, "ping", {}, OWN).encode(), rig.alice, 60)
    (answer,) = held(rig.for_alice)
    assert (answer.body["re"], answer.body["ok"], answer.destination) == (ID, True, ALICE)
    assert rig.alice.woken == 1
    rig.subject.take(command(b"another1", "dance", {}, OWN).encode(), rig.alice, 60)
    assert held(rig.for_alice)[1].body["r"] == "unknown command dance"


async def test_a_command_of_one_who_may_not_is_refused_and_reported(store: Store) -> None:
    rig = Rig(store, commanders=set())
    rig.subject.take(command(ID, "led", {}, BOARD).encode(), rig.alice, 60)
    assert rig.kinds() == ["dropped"]
    assert len(rig.for_board) == 0
    assert "may not command" in held(rig.for_alice)[0].body["r"]


async def test_everyone_may_command_when_told_so(store: Store) -> None:
    rig = Rig(store, commanders=None)
    rig.subject.take(command(ID, "led", {}, BOARD).encode(), rig.alice, 60)
    assert len(rig.for_board) == 1


async def test_a_call_ends_with_the_boards_reply(rig: Rig) -> None:
    call = asyncio.create_task(rig.subject.call(BOARD, "led", {"on": True}, 5))
    await asyncio.sleep(0)
    (asked,) = held(rig.for_board)
    assert (asked.origin, asked.destination) == (OWN, BOARD)
    assert asked.body == {"c": "led", "a": {"on": True}}
    answer = reply(b"reply-id", asked.id, True, True, OWN)
    rig.subject.take(answer.encode(), rig.board, 60)
    done = await call
    assert (done.ok, done.result, done.answered_by, done.via) == (True, True, BOARD, BOARD)
    assert rig.kinds() == ["command", "reply"]


async def test_a_call_without_a_reply_times_out(rig: Rig) -> None:
    with pytest.raises(TimeoutError):
        await rig.subject.call(BOARD, "led", {}, 0.01)
    assert len(rig.subject._calls) == 0
    assert len(rig.for_board) == 1  # it was promised to be delivered, and will be


async def test_a_command_that_lost_its_session_is_given_up_after_a_while(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.subject.take(command(ID, "led", {}, BOARD).encode(), rig.alice, 60)
    rig.subject.detach(rig.board)
    monkeypatch.setattr(mailbox, "wall_ms", lambda: 10**15)
    back = rig.subject.attach(FakeNeighbour(BOARD, on_link=True))
    assert len(back) == 0
    assert "waited longer than 60 s" in rig.events[-1].text
    assert rig.events[-1].details == {"id": ID.hex()}


async def test_a_call_to_oneself_is_a_mistake(rig: Rig) -> None:
    with pytest.raises(Unreachable, match="this node itself"):
        await rig.subject.call(OWN, "ping", {}, 1)


async def test_messages_wait_for_a_named_peer_that_is_away(rig: Rig) -> None:
    rig.subject.detach(rig.alice)
    rig.subject.take(A_READING.encode(), rig.board, 60)
    assert rig.subject.waiting() == {ALICE: 1}
    assert len(rig.subject.attach(FakeNeighbour(ALICE))) == 1


async def test_a_stranger_gets_what_comes_while_it_is_here(rig: Rig, store: Store) -> None:
    stranger = FakeNeighbour(STRANGER)
    rig.subject.attach(stranger)
    rig.subject.take(A_READING.encode(), rig.board, 60)
    assert rig.subject.waiting()[STRANGER] == 1
    assert store.targets() == [ALICE]
    rig.subject.detach(stranger)
    assert STRANGER not in rig.subject.waiting()


async def test_a_newer_session_takes_over_from_an_older_one(rig: Rig) -> None:
    newer = FakeNeighbour(BOARD, on_link=True)
    rig.subject.attach(newer)
    rig.subject.detach(rig.board)
    assert rig.subject.boards() == {BOARD}
    rig.subject.wake(BOARD)
    assert (newer.woken, rig.board.woken) == (1, 0)


async def test_a_full_mailbox_is_reported(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.for_alice, "_capacity", 0)
    rig.subject.take(A_READING.encode(), rig.board, 60)
    assert rig.kinds() == ["dropped", "reading"]
    assert rig.events[0].peer == ALICE
    assert "full" in rig.events[0].text


async def test_handing_over_is_reported_with_its_kind(rig: Rig) -> None:
    rig.subject.take(A_READING.encode(), rig.board, 60)
    rig.for_alice.sent(ID, 1, 1)
    handed = rig.for_alice.delivered(1, 1, 10**9)
    assert handed is not None
    rig.subject.handed_over(rig.alice, handed, 99)
    event = rig.events[-1]
    assert (event.kind, event.peer, event.wire_bytes) == ("forwarded", ALICE, 99)
    assert event.details == {"id": ID.hex(), "kind": "reading"}


def test_a_kept_message_of_a_later_version_has_no_name() -> None:
    assert subject._kind_of(b"\x09 from the future") == "unknown"
