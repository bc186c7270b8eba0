# SPDX-License-Identifier: MIT OR Apache-2.0
"""The door knows the messages of provisioning, takes the time, and opens the desk once."""

import asyncio
import contextlib

from pqmesh.wire import mesh
from pqmesh.wire import provisioning as wire
from pqmesh_node import newcomer as subject
from pqmesh_node.newcomer import Newcomer


class Desk:
    def __init__(self) -> None:
        self.taken: list[tuple[bytes, int, bytes, str | None]] = []
        self.ended: list[int] = []
        self.counts = {"begun": 1}
        self.ran = False

    def take(self, *message) -> None:
        self.taken.append(message)

    def delivered(self, session: int, number: int) -> bool:
        return number == 7

    def session_ended(self, session: int) -> None:
        self.ended.append(session)

    async def run(self) -> None:
        self.ran = True
        await asyncio.sleep(60)


class Bench:
    def __init__(self) -> None:
        self.desks: list[Desk] = []
        self.times: list[int] = []
        self.door = Newcomer(self, self.make)

    def make(self) -> Desk:
        self.desks.append(Desk())
        return self.desks[-1]

    def set(self, now_s: int) -> None:
        self.times.append(now_s)


def test_its_kinds_are_all_of_provisioning_and_no_others():
    kinds = {wire.refused("x")[0], wire.now(1)[0], wire.begin(0, 0, bytes(32), *[bytes(8)] * 2)[0]}
    assert (min(kinds), max(kinds)) == (subject.FIRST_KIND, subject.LAST_KIND)
    assert wire.is_provisioning(bytes([subject.FIRST_KIND]))
    assert not wire.is_provisioning(bytes([subject.LAST_KIND + 1]))
    bench = Bench()
    for other in (b"", mesh.reading(b"12345678", "n", 1, "", 0).encode(), b"\x59", b"\x4f"):
        assert not bench.door.take(other, 1, b"peer", None)
    assert bench.desks == []


def test_the_time_is_taken_from_whoever_may_and_needs_no_desk():
    bench = Bench()
    assert bench.door.take(wire.now(1_800_000_000), 1, b"peer", None)
    assert bench.door.take(wire.now(9), 1, b"peer", "not yours")
    assert bench.times == [1_800_000_000]
    assert bench.desks == []
    assert bench.door.counts() == {}
    assert not bench.door.delivered(1, 7)
    bench.door.session_ended(1)


async def test_the_first_message_opens_the_desk_and_the_task_serves_it():
    bench = Bench()
    task = asyncio.create_task(bench.door.run())
    await asyncio.sleep(0)
    for _ in range(2):
        assert bench.door.take(wire.start(0, 0, 1), 4, b"peer", None)
    (desk,) = bench.desks
    assert desk.taken == [(wire.start(0, 0, 1), 4, b"peer", None)] * 2
    await asyncio.sleep(0.01)
    assert desk.ran
    assert bench.door.delivered(4, 7)
    assert not bench.door.delivered(4, 8)
    bench.door.session_ended(4)
    assert desk.ended == [4]
    assert bench.door.counts() == {"begun": 1}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
