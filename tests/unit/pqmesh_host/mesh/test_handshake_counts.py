# SPDX-License-Identifier: MIT OR Apache-2.0
"""Handshakes stay counted when the engine that did them is gone."""

from pqmesh.engine.stats import Stats
from pqmesh_host.mesh.handshake_counts import HandshakeCounts


def stats(started: int, finished: int, resumed: int, failed: int) -> Stats:
    made = Stats()
    made.handshakes_started, made.handshakes_finished = started, finished
    made.handshakes_resumed, made.handshakes_failed = resumed, failed
    return made


def test_it_adds_up_over_engines() -> None:
    counts = HandshakeCounts()
    assert set(counts.all().values()) == {0}
    counts.follow(stats(3, 2, 1, 1))
    counts.follow(stats(1, 1, 0, 0))
    assert counts.all() == {"started": 4, "finished": 3, "resumed": 1, "failed": 1}


def test_each_resumption_is_told_once() -> None:
    counts, engine = HandshakeCounts(), stats(1, 1, 0, 0)
    counts.follow(engine)
    assert not counts.was_resumed()
    engine.handshakes_resumed = 1
    assert counts.was_resumed()
    assert not counts.was_resumed()
