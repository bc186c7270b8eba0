# SPDX-License-Identifier: MIT OR Apache-2.0
"""A plan is what the node's own parser takes, whatever the configuration says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqmesh import cbor
from pqmesh.airtime import regions
from pqmesh.errors import Malformed
from pqmesh_host.config import RadioConfig, parse
from pqmesh_host.config_sections import REGIONS
from pqmesh_host.network_key import NetworkKeyError
from pqmesh_host.provision.plan import MODES, STRANGERS, Plan
from pqmesh_node import plan as board

RADIO = {"hz": 868_100_000, "sf": 9, "bw": 125, "cr": 5, "dbm": 14, "permille": 10}
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
        "radio": {
            "hz": 868_100_000,
            "sf": 12,
            "bw": 125,
            "cr": 5,
            "dbm": 14,
            "permille": 10,
            "region": "GENERIC",
        },
        "floors": {"strangers": 1, "minimum": 1},
    }


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_there_is_can_be_written_and_kept(region: str) -> None:
    radio = RadioConfig(region=region, frequency_hz=868_100_000)
    taken = board.parse(Plan(radio=radio).encode())["radio"]
    assert taken["region"] == region.upper()
    assert taken["region"] in regions.REGIONS
    assert set(board._REGIONS) == set(regions.REGIONS)
    assert taken["permille"] == (10 if region == "generic" else 1000)
    old = cbor.encode({"radio": {key: taken[key] for key in taken if key != "region"}})
    assert "region" not in board.parse(old)["radio"]  # of an earlier operator


def test_the_network_s_key_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "network.key").write_bytes(bytes(range(32)))
    (tmp_path / "network.key").chmod(0o600)
    text = WHOLE.replace("[floors]", 'network_key = "network.key"\n[floors]')
    plan = Plan.of(parse(text, tmp_path / "x.toml"), "", None)
    assert board.parse(plan.encode())["key"] == bytes(range(32))
    assert repr(plan.network_key) not in repr(plan)
    (tmp_path / "network.key").unlink()
    with pytest.raises(NetworkKeyError):
        Plan.of(parse(text, tmp_path / "x.toml"), "", None)


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
        ({"radio": {**RADIO, "region": "EU433"}}, "cannot do what the plan asks: region EU433"),
        ({"radio": {**RADIO, "sf": 6}}, "radio.sf: 6"),
        ({"radio": {**RADIO, "hop": 1}}, "radio: want"),
        ({"key": bytes(31)}, "key: want 32 octets"),
        ({"key": "k" * 32}, "key: want 32 octets"),
        ({"floors": {"strangers": 3, "minimum": 0}}, "floors.strangers: 3"),
        ({"floors": {"strangers": 0, "minimum": "hs-k"}}, "floors.minimum"),
    ],
)
def test_the_node_refuses_what_it_cannot_keep(plan: object, fault: str) -> None:
    with pytest.raises(Malformed, match=fault):
        board.parse(cbor.encode(plan))
