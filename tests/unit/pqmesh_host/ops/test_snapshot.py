# SPDX-License-Identifier: MIT OR Apache-2.0
"""A snapshot is plain values: it survives JSON unchanged."""

from __future__ import annotations

import json

from pqmesh_host.ops.snapshot import (
    KnownSnapshot,
    LinkSnapshot,
    NeighbourSnapshot,
    NodeSnapshot,
)


def test_it_survives_json() -> None:
    node = NodeSnapshot(
        peer="a1" * 32,
        role="gateway",
        quic="[::1]:1",
        uptime_s=5,
        links=[LinkSnapshot(name="bench", open=False, expect="b0" * 32)],
        neighbours=[NeighbourSnapshot(peer="b0" * 32, over="x", on_link=True, age_s=1, waiting=0)],
        known=[KnownSnapshot(peer="b0" * 32, over="bench", last_seen_ms=1)],
        waiting={"b0" * 32: 4},
        clients=1,
        duplicates=1,
        events={"reading": 7},
    )
    told = json.loads(json.dumps(node.as_json()))
    assert told == node.as_json()
    assert told["links"][0]["frames_bad"] == 0
    assert told["neighbours"][0]["on_link"] is True
