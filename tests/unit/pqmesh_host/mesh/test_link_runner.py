# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keeping one link alive, with a scripted engine: connecting, pinning, dropping, giving back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pqmesh.engine.events import Closed, Delivered, Established, Expired, Lost, Received, Refused
from pqmesh.engine.stats import Stats
from pqmesh.errors import Busy, Malformed, NoSuchSession, SessionEnded, UnknownSession, UsageError
from pqmesh.wire.mesh import command, reading
from pqmesh_host.errors import OperatorError, StoreError
from pqmesh_host.events import Event, EventBus
from pqmesh_host.mesh import link_runner as subject
from pqmesh_host.mesh.link_runner import LinkRunner
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.store import Store
from pqmesh_host.transports.base import LinkUnavailable
from pqmesh_host.transports.memory import MemoryCable

OWN, BOARD, OTHER = b"\x00" * 32, b"\xb0" * 32, b"\xb1" * 32
ID = b"identify"


class ScriptedEngine:
    """Does what the test says, and notes what it is asked."""

    def __init__(self, trust: Any) -> None:
        self.trust = trust
        self.stats = Stats()
        self.connects: list[bytes | None] = []
        self.sent: list[bytes] = []
        self.closed: list[int] = []
        self.fail_connect: Exception | None = None
        self.fail_send: Exception | None = None
        self.fail_close: Exception | None = None
        self._events: deque[Any] = deque()

    def connect(self, now: int, expect: bytes | None = None) -> int:
        self.connects.append(expect)
        if self.fail_connect is not None:
            raise self.fail_connect
        return len(self.connects)

    def send(
        self,
        session: int,
        payload: bytes,
        now: int,
        priority: int = 0,
        deadline: int | None = None,
    ) -> int:
        self.urgency = (priority, None if deadline is None else deadline - now)
        if self.fail_send is not None:
            raise self.fail_send
        self.sent.append(payload)
        return len(self.sent)

    def close(self, session: int, now: int, reason: int = 0) -> None:
        if self.fail_close is not None:
            raise self.fail_close
        self.closed.append(session)

    def receive(self, frame: bytes, now: int) -> None:
        raise {b"unknown": UnknownSession}.get(frame, Malformed)(frame.decode())

    def handle_timeout(self, now: int) -> None: ...

    def next_transmit(self) -> None:
        return None

    def next_event(self) -> Any:
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> None:
        return None

    def tell(self, event: Any) -> None:
        self._events.append(event)


class Rig:
    def __init__(self, store: Store, **options: Any) -> None:
        self.bus = EventBus()
        self.events: list[Event] = []
        self.bus._listeners.append(self.events.append)
        self.switchboard = Switchboard(OWN, store, self.bus, bytes)
        self.cable = MemoryCable(name="bench")
        self.engines: list[ScriptedEngine] = []
        self.runner = LinkRunner(
            self.cable.left,
            self.make_engine,  # type: ignore[arg-type]
            self.switchboard,
            self.bus,
            **options,
        )
        self.task = asyncio.create_task(self.runner.run())

    def make_engine(self, trust: Any) -> ScriptedEngine:
        self.engines.append(ScriptedEngine(trust))
        return self.engines[-1]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)

    async def connected(self) -> ScriptedEngine:
        await self.until(lambda: self.engines and self.engines[-1].connects)
        return self.engines[-1]

    async def established(self, peer_id: bytes = BOARD) -> ScriptedEngine:
        engine = await self.connected()
        self.tell(Established(1, peer_id, True, 100, 200, 30))
        return engine

    def tell(self, event: Any) -> None:
        self.engines[-1].tell(event)
        self.runner._driver.settle()

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def make_rig(tmp_path: Path) -> AsyncIterator[Any]:
    rigs: list[Rig] = []
    with Store.open(tmp_path / "state.sqlite") as store:

        def make(**options: Any) -> Rig:
            rigs.append(Rig(store, **options))
            return rigs[-1]

        yield make
        for rig in rigs:
            await rig.end()


async def test_it_connects_when_the_link_opens_and_pins_what_is_configured(make_rig: Any) -> None:
    rig = make_rig(expect=BOARD)
    engine = await rig.connected()
    assert engine.connects == [BOARD]
    assert engine.trust(BOARD)
    assert not engine.trust(OTHER)


async def test_without_a_pin_everyone_is_admitted(make_rig: Any) -> None:
    assert (await make_rig().connected()).trust is None


async def test_a_session_is_reported_with_its_cost(make_rig: Any) -> None:
    rig = make_rig()
    await rig.established()
    (event,) = rig.of("session-open")
    assert (event.peer, event.over, event.wire_bytes, event.ms) == (BOARD, "bench", 300, 30)
    assert rig.switchboard.boards() == {BOARD}


async def test_messages_reach_the_switchboard_and_garbage_does_not(make_rig: Any) -> None:
    rig = make_rig()
    await rig.established()
    rig.tell(Received(1, reading(ID, "t", 21, "C", 0).encode()))
    rig.tell(Received(1, b"nonsense"))
    assert rig.of("reading")[0].peer == BOARD
    assert "no mesh message" in rig.of("dropped")[0].text


async def test_a_mailbox_is_emptied_as_the_engine_takes_it(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.established()
    payload = command(ID, "led", {}, BOARD).encode()
    box = rig.runner.sessions[1].mailbox
    engine.fail_send = Busy("full")
    box.keep(ID, payload, 0)
    rig.switchboard.wake(BOARD)
    await asyncio.sleep(0.01)
    assert engine.sent == []
    engine.fail_send = None
    rig.tell(Delivered(1, 99, 5))  # of an earlier message: there is room again
    await rig.until(lambda: engine.sent == [payload])
    rig.tell(Delivered(1, 1, 5))
    assert len(box) == 0
    assert rig.of("forwarded")[0].details["kind"] == "command"


async def test_a_message_too_long_for_the_board_is_given_up_and_reported(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.established()
    engine.fail_send = UsageError("message over 4096 bytes")
    rig.runner.sessions[1].mailbox.keep(ID, b"long", 0)
    rig.switchboard.wake(BOARD)
    await rig.until(lambda: rig.of("dropped"))
    assert len(rig.runner.sessions[1].mailbox) == 0


async def test_a_message_for_a_session_that_just_ended_is_kept(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.established()
    box = rig.runner.sessions[1].mailbox
    engine.fail_send = NoSuchSession("ended")
    box.keep(ID, b"x", 0)
    rig.switchboard.wake(BOARD)
    await asyncio.sleep(0.01)
    assert box.waiting() == (ID, b"x")
    assert not rig.of("dropped")
    engine.fail_close = NoSuchSession("ended")
    await rig.runner.shutdown()


async def test_a_store_that_fails_under_a_timer_ends_the_node(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk is full.")

    rig = make_rig()
    engine = await rig.established()
    box = rig.runner.sessions[1].mailbox
    engine.fail_send = UsageError("message over 4096 bytes")
    box.keep(ID, b"long", 0)
    monkeypatch.setattr(box, "discard", full)
    rig.switchboard.wake(BOARD)
    with pytest.raises(ExceptionGroup) as caught:
        await rig.task
    assert caught.group_contains(StoreError)


async def test_an_event_that_cannot_be_stored_under_a_timer_ends_the_node(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk is full.")

    rig = make_rig()
    engine = await rig.established()
    monkeypatch.setattr(rig.switchboard, "take", full)
    engine.tell(Received(1, b"anything"))
    rig.switchboard.wake(BOARD)  # the timer settles, and finds the event
    with pytest.raises(ExceptionGroup) as caught:
        await rig.task
    assert caught.group_contains(StoreError)


async def test_the_loser_of_two_crossed_handshakes_is_not_reported(make_rig: Any) -> None:
    rig = make_rig()
    await rig.connected()
    rig.tell(Established(2, BOARD, False, 100, 200, 30))
    rig.tell(Refused(1, "crossed", None))
    assert not rig.of("session-refused")


async def test_a_lost_session_is_opened_again_and_its_messages_wait(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.established()
    box = rig.runner.sessions[1].mailbox
    box.keep(ID, b"x", 0)
    rig.switchboard.wake(BOARD)
    await rig.until(lambda: engine.sent)
    rig.tell(Lost(1, "the peer is silent"))
    assert rig.of("session-lost")[0].text == "the peer is silent"
    assert box.waiting() == (ID, b"x")
    await rig.until(lambda: len(engine.connects) == 2)


async def test_a_session_the_board_closed_is_opened_again_later(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject.Backoff, "next_ms", lambda _self: 5)
    rig = make_rig()
    engine = await rig.established()
    rig.tell(Closed(1, 0, True))
    assert "closed by the board" in rig.of("session-lost")[0].text
    await rig.until(lambda: len(engine.connects) == 2)


async def test_a_failed_handshake_is_tried_again_with_a_pause(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject.Backoff, "next_ms", lambda _self: 5)
    rig = make_rig()
    engine = await rig.connected()
    rig.tell(Refused(1, "the peer is silent", None))
    assert rig.of("session-refused")[0].details["retry_in_ms"] == 5
    await rig.until(lambda: len(engine.connects) == 2)


async def test_no_room_for_a_handshake_is_tried_again(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject.Backoff, "next_ms", lambda _self: 5)
    monkeypatch.setattr(ScriptedEngine, "__init__", _busy_engine)
    rig = make_rig()
    await rig.until(lambda: rig.engines and len(rig.engines[0].connects) >= 2)


_plain_init = ScriptedEngine.__init__


def _busy_engine(self: ScriptedEngine, trust: Any) -> None:
    _plain_init(self, trust)
    self.fail_connect = Busy("half-open table full")


async def test_the_wrong_board_is_named_with_the_right_one(make_rig: Any) -> None:
    rig = make_rig(expect=BOARD)
    await rig.connected()
    rig.tell(Refused(1, "wrong identity", OTHER))
    (event,) = rig.of("wrong-key")
    assert (event.peer, event.details["expected"]) == (OTHER, BOARD.hex())
    assert rig.runner.link is not None


async def test_a_frame_of_an_unknown_session_starts_a_handshake_once_a_second(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject.Backoff, "next_ms", lambda _self: 60_000)
    rig = make_rig()
    engine = await rig.connected()
    rig.tell(Refused(1, "the peer is silent", None))
    for _ in range(10):
        rig.cable.links["left"].inject(b"unknown")
    await rig.until(lambda: len(engine.connects) == 2)
    rig.tell(Refused(2, "the peer is silent", None))
    rig.cable.links["left"].inject(b"unknown")
    await rig.until(lambda: rig.runner.drops["UnknownSession"] == 11)
    assert len(engine.connects) == 2


async def test_refused_frames_are_counted_and_reported_sparingly(make_rig: Any) -> None:
    rig = make_rig()
    await rig.established()
    for _ in range(50):
        rig.cable.links["left"].inject(b"junk")
    await rig.until(lambda: rig.runner.drops.get("Malformed") == 50)
    assert len(rig.of("dropped")) == 1


async def test_a_pulled_cable_is_reported_and_opened_again(make_rig: Any) -> None:
    rig = make_rig()
    await rig.established()
    rig.cable.pull()
    await rig.until(lambda: rig.of("link-waiting"))
    assert [event.kind for event in rig.events[-3:]] == [
        "session-lost",
        "link-lost",
        "link-waiting",
    ]
    assert rig.runner.link is None
    rig.cable.plug()
    await rig.until(lambda: len(rig.of("link-open")) == 2)
    assert len(rig.engines) == 2


async def test_a_device_missing_at_the_start_is_an_error(make_rig: Any) -> None:
    rig = make_rig()
    rig.cable.plugged = False
    with pytest.raises(LinkUnavailable):
        await rig.task
    assert isinstance(rig.task.exception(), OperatorError)


async def test_a_device_missing_at_the_start_may_be_waited_for(make_rig: Any) -> None:
    rig = make_rig(wait=True)
    rig.cable.plugged = False
    async with asyncio.timeout(5):
        await rig.runner.ready.wait()
    assert rig.of("link-waiting")


async def test_shutting_down_says_goodbye(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.established()
    await rig.runner.shutdown()
    assert engine.closed == [1]
    await rig.end()
    assert rig.of("session-closed")[0].text == "this node stops"
    assert not rig.of("session-lost")


async def test_shutting_down_without_a_cable_is_quiet(make_rig: Any) -> None:
    rig = make_rig(wait=True)
    rig.cable.plugged = False
    await rig.runner.ready.wait()
    await rig.runner.shutdown()


async def test_on_an_unpinned_link_it_tries_the_likely_board_until_that_was_wrong(
    make_rig: Any,
) -> None:
    asked: list[bytes | None] = []

    def likely(last: bytes | None) -> bytes | None:
        asked.append(last)
        return last or OTHER

    rig = make_rig(likely=likely)
    engine = await rig.connected()
    assert engine.connects == [OTHER]
    rig.tell(Refused(1, "another board answered", BOARD))
    await rig.until(lambda: len(engine.connects) == 2)
    assert engine.connects == [OTHER, None]
    rig.tell(Established(2, BOARD, True, 1, 1, 1))
    rig.tell(Lost(2, "silence"))
    await rig.until(lambda: len(engine.connects) == 3)
    assert engine.connects == [OTHER, None, BOARD]
    assert asked == [None, BOARD]


async def test_a_pinned_link_asks_nobody_whom_to_connect_to(make_rig: Any) -> None:
    rig = make_rig(expect=BOARD, likely=lambda _last: OTHER)
    assert (await rig.connected()).connects == [BOARD]


async def test_a_resumed_session_is_reported_and_counted_over_all_engines(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.connected()
    engine.stats.handshakes_finished = 1
    await rig.established()
    assert rig.of("session-open")[0].details["resumed"] is False
    engine.stats.handshakes_finished, engine.stats.handshakes_resumed = 2, 1
    rig.tell(Established(2, BOARD, False, 42, 50, 3))
    assert rig.of("session-open")[1].details["resumed"] is True
    rig.cable.pull()
    rig.cable.plug()
    await rig.until(lambda: len(rig.engines) == 2)
    rig.engines[-1].stats.handshakes_finished = 5
    assert rig.runner.handshakes.all() == {
        "started": 0,
        "finished": 7,
        "resumed": 1,
        "failed": 0,
    }


async def test_a_program_s_messages_go_through_the_board_s_session(make_rig: Any) -> None:
    rig = make_rig()
    engine = await rig.established()
    programs = rig.switchboard.programs
    async with programs.session(BOARD, 1_000, None) as session:
        message = await session.send(b"hello", priority=3, deadline_ms=60_000)
        assert engine.sent == [b"\x60hello"]
        assert engine.urgency[0] == 3
        assert 59_000 < engine.urgency[1] <= 60_000
        rig.tell(Delivered(1, 1, 5))
        assert await message.delivered() == 5
        rig.tell(Received(1, b"\x60hi"))
        assert await session.receive(1_000) == b"hi"
        late = await session.send(b"late")
        rig.tell(Expired(1, 2))
        assert late.expired
        rig.tell(Closed(1, 9, True))
        with pytest.raises(SessionEnded) as ended:
            await session.receive(1_000)
        assert ended.value.code == 9
    assert not rig.of("dropped")


async def test_a_message_that_no_program_takes_is_reported(make_rig: Any) -> None:
    rig = make_rig()
    await rig.established()
    rig.tell(Received(1, b"\x60anybody?"))
    assert "no program" in rig.of("dropped")[0].text


async def test_a_link_that_goes_ends_the_program_s_session(make_rig: Any) -> None:
    rig = make_rig()
    await rig.established()
    async with rig.switchboard.programs.session(BOARD, 1_000, None) as session:
        rig.cable.pull()
        with pytest.raises(SessionEnded, match="link is gone"):
            await session.receive(5_000)
