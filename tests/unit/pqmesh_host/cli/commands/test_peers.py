# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh peers: where peers were reached, for people and as JSON."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from pqmesh_host.cli.commands import peers as subject
from support.fake_control import FakeNode, run

KNOWN: list[dict[str, Any]] = [
    {
        "peer": "a1" * 32,
        "address": "192.0.2.1:9000",
        "how": "dialled",
        "successes": 7,
        "failures": 1,
        "success_s": int(time.time()) - 7200,
        "connected": False,
    }
]


def test_people_see_where_peers_were_reached() -> None:
    other = {**KNOWN[0], "peer": "b0" * 32, "connected": True}
    shown = run(FakeNode(peers=[*KNOWN, other]), "peers").output
    for part in ("a1a1a1a1a1a1a1a1", "192.0.2.1:9000", "dialled", "7/1", "2 h ago", "connected"):
        assert part in shown


def test_nobody_is_said() -> None:
    assert "reached nobody" in run(FakeNode(peers=[]), "peers").output


def test_json_is_what_the_node_said() -> None:
    assert json.loads(run(FakeNode(peers=KNOWN), "peers", "--json").output) == KNOWN


def test_a_peer_is_forgotten() -> None:
    node = FakeNode(forget={"peer": "a1" * 32, "addresses": 2})
    assert (
        "forgot 2 address(es) of a1a1a1a1a1a1a1a1" in run(node, "peers", "--forget", "a1a1").output
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_ages_in_words(seconds: float, words: str) -> None:
    assert subject._ago(seconds) == words
