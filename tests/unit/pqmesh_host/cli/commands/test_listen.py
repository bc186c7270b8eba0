# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh listen: chosen events, one per line, as many as asked for."""

from __future__ import annotations

import json

from support.fake_control import FakeNode, run

EVENTS = [
    {"event": "reading", "peer": "b0" * 32, "at_ms": 1, "name": "t", "value": 1, "unit": "C"},
    {"event": "peer-open", "peer": "a1" * 32, "at_ms": 2},
    {"event": "reading", "peer": "a1" * 32, "at_ms": 3, "name": "t", "value": 2, "unit": "C"},
    {"event": "started", "at_ms": 4},
    {"event": "reading", "peer": "b0" * 32, "at_ms": 5, "name": "t", "value": 3, "unit": "C"},
]


def moments(*options: str) -> list[int]:
    result = run(FakeNode(events=EVENTS), "listen", "--json", *options)
    assert result.exit_code == 0
    return [json.loads(line)["at_ms"] for line in result.output.splitlines()]


def test_everything_is_shown_unless_chosen() -> None:
    assert moments() == [1, 2, 3, 4, 5]


def test_kinds_may_be_chosen() -> None:
    assert moments("--kind", "reading") == [1, 3, 5]
    assert moments("--kind", "started", "--kind", "peer-open") == [2, 4]


def test_a_peer_may_be_chosen_by_its_first_digits() -> None:
    assert moments("--from", "B0B0") == [1, 5]


def test_it_stops_after_so_many() -> None:
    assert moments("--kind", "reading", "--count", "2") == [1, 3]


def test_losses_are_always_told() -> None:
    result = run(FakeNode(events=[{"event": "lost", "count": 3}]), "listen", "--kind", "reading")
    assert "3 events; this listener was too slow" in result.output


def test_people_get_lines() -> None:
    result = run(FakeNode(events=EVENTS[:1]), "listen")
    assert "b0b0b0b0b0b0b0b0" in result.output
    assert "t = 1 C" in result.output


def test_an_unknown_kind_is_wrong_usage() -> None:
    assert run(FakeNode(), "listen", "--kind", "raeding").exit_code == 2
