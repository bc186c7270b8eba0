# SPDX-License-Identifier: MIT OR Apache-2.0
"""Plain values become a medium, and survive a record."""

import json

import pytest

from pqmesh.errors import UsageError
from pqmesh_host.medium.loss import GilbertElliott, Independent
from pqmesh_host.medium.settings import MediumSettings

ODD = MediumSettings(
    spreading_factor=9,
    bandwidth_hz=250_000,
    coding_rate=4,
    seed=3,
    loss=0.25,
    burst=4.0,
    duplicate=0.1,
    delay=0.2,
    capture_db=3.0,
    apart=((0, 2), (1, 2)),
    region="EU868",
)


def test_they_survive_json() -> None:
    assert MediumSettings.from_json(json.loads(json.dumps(ODD.as_json()))) == ODD
    with pytest.raises(TypeError):
        MediumSettings.from_json({"antenna": "long"})


def test_each_reaches_the_medium() -> None:
    config = ODD.config()
    modulation = ODD.modulation()
    assert config.modulation.time_on_air_us(50) == modulation.time_on_air_us(50)
    assert (modulation.spreading_factor, modulation.coding_rate) == (9, 4)
    assert (config.seed, config.capture_db) == (3, 3.0)
    assert (config.duplicate, config.delay) == (0.1, 0.2)
    assert config.hears(2, 0) is config.hears(0, 2) is None
    assert config.hears(0, 1) is not None
    assert config.budget is not None
    assert config.budget() is not config.budget(), "each radio has its own account"


def test_bursts_lose_as_much_as_was_asked_for() -> None:
    loss = ODD.config().loss
    assert isinstance(loss, GilbertElliott)
    assert loss.mean_loss == pytest.approx(0.25)
    assert loss.to_good == pytest.approx(1 / 4)
    assert MediumSettings(loss=0.3).config().loss == Independent(0.3)
    assert MediumSettings().config().budget is None


@pytest.mark.parametrize(
    "values",
    [
        {"loss": 1.5},
        {"duplicate": -0.1},
        {"delay": 2},
        {"burst": 0.5, "loss": 0.1},
        {"burst": 2, "loss": 1.0},
    ],
)
def test_values_that_make_no_medium_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"probability|burst"):
        MediumSettings(**values).config()


@pytest.mark.parametrize(
    "values", [{"spreading_factor": 5}, {"region": "MARS"}, {"region": "US915"}]
)
def test_a_modulation_or_band_there_is_not_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        MediumSettings(**values).config()
