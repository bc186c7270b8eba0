# SPDX-License-Identifier: MIT OR Apache-2.0
"""Replies find the command they answer, and nobody else can answer for the destination."""

from __future__ import annotations

import asyncio

import pytest

from pqmesh_host.mesh import calls as subject
from pqmesh_host.mesh.calls import CallResult, Calls
from pqmesh_host.mesh.router import Hop

BOARD, ALICE, BOB, EVE = (bytes([n]) * 32 for n in range(4))
ID = b"12345678"
VIA_ALICE, VIA_BOB = Hop(ALICE, on_link=False), Hop(BOB, on_link=False)


async def test_the_destinations_answer_ends_the_call() -> None:
    calls = Calls()
    answer = calls.start(ID, BOARD, [ALICE, BOB])
    assert calls.answer(ID, BOARD, VIA_BOB, True, 42)
    assert await answer == CallResult(ok=True, result=42, answered_by=BOARD, via=BOB)
    assert len(calls) == 0


async def test_the_destination_may_say_no() -> None:
    calls = Calls()
    answer = calls.start(ID, BOARD, [ALICE])
    assert calls.answer(ID, BOARD, VIA_ALICE, False, "unknown command")
    assert (await answer).ok is False


async def test_a_node_on_the_way_can_only_say_that_it_cannot_reach_the_destination() -> None:
    calls = Calls()
    answer = calls.start(ID, BOARD, [ALICE, BOB])
    assert not calls.answer(ID, ALICE, VIA_ALICE, True, "trust me")
    assert calls.answer(ID, ALICE, VIA_ALICE, False, "not here")
    assert not answer.done()
    assert calls.answer(ID, BOB, VIA_BOB, False, "nor here")
    assert (await answer).result == "nor here"


async def test_one_who_was_not_asked_is_not_heard() -> None:
    calls = Calls()
    answer = calls.start(ID, BOARD, [ALICE])
    assert not calls.answer(ID, BOARD, Hop(EVE, on_link=False), True, "lies")
    assert not calls.answer(b"another!", BOARD, VIA_ALICE, True, 1)
    assert not answer.done()
    answer.cancel()


async def test_a_second_answer_changes_nothing() -> None:
    calls = Calls()
    answer = calls.start(ID, BOARD, [ALICE])
    assert calls.answer(ID, BOARD, VIA_ALICE, True, 1)
    assert not calls.answer(ID, BOARD, VIA_ALICE, True, 2)
    assert (await answer).result == 1


async def test_calls_are_bounded_and_an_abandoned_one_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "MAX_CALLS", 1)
    calls = Calls()
    first = calls.start(ID, BOARD, [ALICE])
    with pytest.raises(OverflowError, match="waiting for their reply"):
        calls.start(b"87654321", BOARD, [ALICE])
    first.cancel()
    await asyncio.sleep(0)
    calls.start(b"87654321", BOARD, [ALICE]).cancel()
