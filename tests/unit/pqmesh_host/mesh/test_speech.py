# SPDX-License-Identifier: MIT OR Apache-2.0
"""What programs say to a QUIC peer: in order, by priority, until its deadline, taken once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from pqmesh.errors import Busy, UsageError
from pqmesh.wire.application import MAX_DATA_BYTES
from pqmesh_host.driver import now_ms
from pqmesh_host.mesh import speech as subject
from pqmesh_host.mesh.speech import QUEUE_MESSAGES, Speech
from pqmesh_host.quic.errors import NotAcknowledged


class Peer:
    """Accepts when it may; notes what it was offered, and under which id."""

    takes_ack_requests = True

    def __init__(self) -> None:
        self.offered: list[tuple[bytes, bytes | None]] = []
        self.refusals: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, payload: bytes) -> None:
        self.offered.append((payload, None))

    async def send_acknowledged(
        self, payload: bytes, timeout_s: float = 0, request_id: bytes | None = None
    ) -> None:
        self.offered.append((payload, request_id))
        await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop()


class Rig:
    def __init__(self) -> None:
        self.peer = Peer()
        self.told: list[tuple[str, int]] = []
        self.speech = Speech(self.peer, self)

    def delivered(self, number: int, rtt_ms: int) -> None:
        self.told.append(("delivered", number))

    def expired(self, number: int) -> None:
        self.told.append(("expired", number))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.told) < count:
                await asyncio.sleep(0.001)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.speech.run())
        await asyncio.sleep(0)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(subject, "OFFER_AGAIN_S", 0.001)
    return Rig()


async def test_one_at_a_time_the_most_urgent_first(rig: Rig) -> None:
    rig.peer.gate.clear()
    async with rig.running():
        rig.speech.put(b"first", 0, None)
        await asyncio.sleep(0.01)
        for payload, priority in ((b"low", 0), (b"high", 5), (b"low too", 0)):
            rig.speech.put(payload, priority, None)
        await asyncio.sleep(0.01)
        assert [payload for payload, _ in rig.peer.offered] == [b"first"]
        rig.peer.gate.set()
        await rig.until(4)
    assert [payload for payload, _ in rig.peer.offered] == [b"first", b"high", b"low", b"low too"]
    assert rig.told == [("delivered", number) for number in (1, 3, 2, 4)]


async def test_what_did_not_begin_by_its_deadline_is_dropped_whole(rig: Rig) -> None:
    rig.peer.gate.clear()
    async with rig.running():
        rig.speech.put(b"first", 0, now_ms() + 60_000)
        await asyncio.sleep(0)
        rig.speech.put(b"late", 0, now_ms())
        rig.peer.gate.set()
        await rig.until(2)
    assert rig.told == [("delivered", 1), ("expired", 2)]
    assert [payload for payload, _ in rig.peer.offered] == [b"first"]


async def test_a_message_is_offered_again_under_the_same_id(rig: Rig) -> None:
    rig.peer.refusals = [TimeoutError(), NotAcknowledged(1, 1, "full")]
    async with rig.running():
        rig.speech.put(b"x", 0, None)
        rig.speech.put(b"y", 0, None)
        await rig.until(2)
    ids = [ident for payload, ident in rig.peer.offered if payload == b"x"]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert rig.peer.offered[3][1] not in ids


async def test_a_peer_without_acknowledgements_gets_each_once(rig: Rig) -> None:
    rig.peer.takes_ack_requests = False
    async with rig.running():
        rig.speech.put(b"x", 0, None)
        await rig.until(1)
    assert rig.peer.offered == [(b"x", None)]


async def test_the_queue_and_a_message_are_bounded(rig: Rig) -> None:
    with pytest.raises(UsageError):
        rig.speech.put(bytes(MAX_DATA_BYTES + 2), 0, None)
    for _ in range(QUEUE_MESSAGES):
        rig.speech.put(b"x", 0, None)
    with pytest.raises(Busy):
        rig.speech.put(b"x", 0, None)
