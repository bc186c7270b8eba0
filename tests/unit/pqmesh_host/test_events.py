# SPDX-License-Identifier: MIT OR Apache-2.0
"""Events: every kind is explained, listeners are bounded, and JSON keeps the names."""

from __future__ import annotations

import asyncio
import json

import pytest

from pqmesh_host.events import KINDS, Event, EventBus


async def test_every_listener_gets_every_event_in_order() -> None:
    bus = EventBus()
    first, second = bus.subscribe(), bus.subscribe()
    for number in range(3):
        bus.publish(Event(kind="reading", ms=number))
    for listener in (first, second):
        assert [(await listener.next()).ms for _ in range(3)] == [0, 1, 2]
    assert bus.counts["reading"] == 3


async def test_a_slow_listener_loses_its_oldest_and_is_told() -> None:
    bus = EventBus(limit=2)
    slow = bus.subscribe()
    for number in range(5):
        bus.publish(Event(kind="reading", ms=number))
    assert slow.lost == 3
    assert [(await slow.next()).ms for _ in range(2)] == [3, 4]


async def test_a_listener_that_left_gets_nothing() -> None:
    bus = EventBus()
    gone = bus.subscribe()
    bus.unsubscribe(gone)
    bus.publish(Event(kind="reading"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await gone.next()


async def test_waiting_ends_when_something_happens() -> None:
    bus = EventBus()
    listener = bus.subscribe()
    waiting = asyncio.create_task(listener.next())
    await asyncio.sleep(0)
    bus.publish(Event(kind="started"))
    assert (await waiting).kind == "started"


def test_an_unexplained_kind_is_our_own_bug() -> None:
    with pytest.raises(KeyError):
        EventBus().publish(Event(kind="surprise"))


def test_json_names_the_peer_in_full_and_leaves_out_what_is_empty() -> None:
    event = Event(kind="reading", peer=b"\xa1" * 32, over="bench", wire_bytes=0, at_ms=7)
    assert json.loads(json.dumps(event.as_json())) == {
        "event": "reading",
        "at_ms": 7,
        "peer": "a1" * 32,
        "over": "bench",
        "wire_bytes": 0,
    }


def test_a_detail_cannot_pass_for_a_field() -> None:
    assert Event(kind="reading", details={"event": "x", "at_ms": 0}, at_ms=7).as_json() == {
        "event": "reading",
        "at_ms": 7,
    }


def test_every_kind_is_explained() -> None:
    assert all(len(meaning) > 10 for meaning in KINDS.values())
