# SPDX-License-Identifier: MIT OR Apache-2.0
"""A plan is what the node's own parser takes, whatever the configuration says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqmesh import cbor
from pqmesh.errors import Malformed
from pqmesh_host.config import parse
from pqmesh_host.provision.plan import MODES, STRANGERS, Plan
from pqmesh_node import plan as board

WHOLE = """
[radio]
frequency_hz = 868_100_000
spreading_factor = 12
[floors]
strangers = "fast"
minimum = "hs-k"
"""


def test_the_node_takes_what_the_configuration_asks() -> None:
    config = parse(WHOLE, Path("x.toml"))
    taken = board.parse(Plan.of(config, "greenhouse", 500).encode())
    assert taken == {
        "name": "greenhouse",
        "interval": 500,
        "radio": {"hz": 868_100_000, "sf": 12, "bw": 125, "cr": 5, "dbm": 14, "permille": 10},
        "floors": {"strangers": 1, "minimum": 1},
    }


def test_an_empty_plan_changes_nothing() -> None:
    assert board.parse(Plan().encode()) == {}


@pytest.mark.parametrize("strangers", STRANGERS)
@pytest.mark.parametrize("minimum", MODES)
def test_every_floor_there_is_can_be_written(strangers: str, minimum: str) -> None:
    text = f'[floors]\nstrangers = "{strangers}"\nminimum = "{minimum}"\n'
    taken = board.parse(Plan.of(parse(text, Path("x.toml")), "", None).encode())
    assert taken["floors"] == {"strangers": STRANGERS[strangers], "minimum": MODES[minimum]}


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        ([], "a plan is a map"),
        ({"ttl": 1}, "cannot do what the plan asks: ttl"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"interval": 1}, "interval: 1 is not in"),
        ({"interval": True}, "whole number"),
        ({"radio": {"hz": 1}}, "radio: want bw, cr"),
        ({"radio": 5}, "radio: want"),
        ({"floors": {"strangers": 3, "minimum": 0}}, "floors.strangers: 3"),
        ({"floors": {"strangers": 0, "minimum": "hs-k"}}, "floors.minimum"),
    ],
)
def test_the_node_refuses_what_it_cannot_keep(plan: object, fault: str) -> None:
    with pytest.raises(Malformed, match=fault):
        board.parse(cbor.encode(plan))
