# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board's session: numbered apart from all others, and a way to its runner."""

from __future__ import annotations

from typing import Any

from pqmesh_host.mesh.board_session import BoardSession


class Runner:
    name = "bench"

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def pump_soon(self) -> None:
        self.calls.append("pump")

    def say(self, *arguments: Any) -> int:
        self.calls.append(arguments)
        return 5


async def test_what_it_is_asked_goes_to_its_runner() -> None:
    runner = Runner()
    one, two = BoardSession(runner, 3, b"p" * 32), BoardSession(runner, 3, b"p" * 32)
    assert one.serial != two.serial
    assert (one.over, one.hop.peer_id, one.hop.on_link) == ("bench", b"p" * 32, True)
    one.wake()
    assert one.say(b"x", 1, 2) == 5
    assert runner.calls == ["pump", (3, b"x", 1, 2)]
