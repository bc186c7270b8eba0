# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh status: what is connected, what waits, for people and as JSON."""

from __future__ import annotations

import json
from typing import Any

from support.fake_control import FakeNode, run

LINK = {
    "name": "bench",
    "open": True,
    "expect": "",
    "octets_in": 12345,
    "octets_out": 6,
    "frames_in": 1,
    "frames_out": 1,
    "frames_bad": 2,
    "refused": {"BadTag": 3},
}
NODE: dict[str, Any] = {
    "peer": "a1" * 32,
    "role": "gateway",
    "quic": "127.0.0.1:4433",
    "uptime_s": 5000,
    "links": [LINK, {**LINK, "name": "other", "open": False, "expect": "cc" * 32}],
    "neighbours": [{"peer": "b0" * 32, "over": "bench", "age_s": 7, "waiting": 2}],
    "waiting": {"b0" * 32: 2, "dd" * 32: 9},
}


def test_people_see_who_is_connected_and_what_waits() -> None:
    shown = run(FakeNode(status=NODE), "status").output
    for part in (
        f"gateway {'a1' * 32}",
        "127.0.0.1:4433, up 5,000 s",
        "12,345",
        "anyone",
        "waiting",
        "cccccccccccccccc",
        "b0b0b0b0b0b0b0b0",
        "dddddddddddddddd",
    ):
        assert part in shown
    assert shown.count("b0b0b0b0b0b0b0b0") == 1  # connected, so not among those that are away


def test_people_see_how_many_sessions_were_resumed() -> None:
    counts = {"started": 9, "finished": 7, "resumed": 5, "failed": 3}
    node = {**NODE, "links": [{**LINK, "handshakes": counts}]}
    shown = run(FakeNode(status=node), "status").output
    rows = [line.split() for line in shown.splitlines()]
    assert ["bench", "7", "5", "3"] in rows
    assert "of these resumed" in shown
    assert "resumed" not in run(FakeNode(status=NODE), "status").output  # an older node's


def test_people_see_when_a_radio_may_send_again() -> None:
    air = {
        "where": "EU868 863-865",
        "used_ms": 3_550,
        "budget_ms": 3_600,
        "window_ms": 3_600_000,
        "next_in_ms": 1_234_000,
        "held_ms": 5,
        "dropped": 2,
    }
    node = {**NODE, "links": [{**LINK, "airtime": air}, {**LINK, "airtime": {}}]}
    shown = run(FakeNode(status=node), "status").output
    row = next(line for line in shown.splitlines() if "EU868" in line)
    assert "3.5 of 3.6 s" in row or "3.6 of 3.6 s" in row
    assert "3,600 s" in row
    assert "in 1,234 s" in row
    idle = {**NODE, "links": [{**LINK, "airtime": {**air, "next_in_ms": 0}}]}
    shown = run(FakeNode(status=idle), "status").output
    assert " now " in next(line for line in shown.splitlines() if "EU868" in line)
    assert "Airtime" not in run(FakeNode(status=NODE), "status").output  # an older node's


def test_nobody_connected_is_said() -> None:
    node = {**NODE, "links": [], "neighbours": [], "waiting": {}}
    shown = run(FakeNode(status=node), "status").output
    assert "Nobody is connected." in shown
    assert "Links" not in shown


def test_json_is_the_snapshot_itself() -> None:
    assert json.loads(run(FakeNode(status=NODE), "status", "--json").output) == NODE
