# SPDX-License-Identifier: MIT OR Apache-2.0
"""Radios and floors that cannot work are refused at their line, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pqmesh_host.config import Config, ConfigError, parse

LINK = '[[link]]\nkind = "radio"\ndevice = "unix:///mast"\n'


def read(text: str) -> Config:
    return parse(text, Path("/etc/gateway.toml"))


def radio(**settings: object) -> str:
    values = {"frequency_hz": 868_100_000, "region": "EU868", **settings}
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in values.items()]
    return "\n".join(["[radio]", *lines, ""])


def test_a_radio_link_is_read() -> None:
    config = read(radio(network_key="network.key") + LINK + 'floor = "hs-k"\n')
    assert config.link[0].is_radio
    assert config.link[0].floor == "hs-k"
    assert config.radio is not None
    assert config.radio.network_key == Path("/etc/network.key")
    assert config.radio.permille == 1000  # the region's rule alone


def test_without_a_region_the_share_is_a_careful_one() -> None:
    config = read("[radio]\nfrequency_hz = 433_500_000\n")
    assert config.radio is not None
    assert (config.radio.region, config.radio.permille) == ("generic", 10)


@pytest.mark.parametrize(
    ("text", "line", "why", "advice"),
    [
        (LINK, 2, "a radio link needs [radio]", "region and frequency_hz"),
        (radio(region="EU433"), 3, "'EU433' is not one of: EU868, US915, generic", ""),
        (
            radio(frequency_hz=433_000_000),
            2,
            "EU868 has no band at 433,000,000 Hz",
            "869.4-869.65",
        ),
        (radio(power_dbm=20), 4, "EU868 allows 14 dBm (e.r.p.) in 868.0-868.6", "gain"),
        (radio(spreading_factor=6), 4, "6 is outside 7 to 12", ""),
        (
            radio(spreading_factor=12, frequency_hz=864_000_000),
            4,
            "EU868 863-865 allows 3600 ms: take a smaller spreading factor",
            "",
        ),
        (
            radio(region="US915", frequency_hz=915_000_000, spreading_factor=8),
            4,
            "US915 902-928 allows 400 ms",
            "",
        ),
        (radio(duty_permille=0), 4, "0 is outside 1 to 1000", ""),
        (radio() + LINK + 'floor = "hs-x"\n', 7, "'hs-x' is not one of: hs-r", ""),
        (radio() + LINK + 'floor = "hs-s"\n', 7, "nobody could use 'unix:///mast'", "hs-k"),
        (radio() + LINK + '[floors]\nminimum = "hs-s"\n', 8, "nobody could use", "strangers"),
        (
            radio() + LINK + '[floors]\nstrangers = "fast"\nminimum = "hs-s"\n',
            9,
            "nobody could use",
            "always",
        ),
    ],
)
def test_what_cannot_work_is_refused(text: str, line: int, why: str, advice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert f"gateway.toml:{line}: " in str(caught.value)
    assert why in str(caught.value)
    assert advice in caught.value.advice


def test_a_floor_that_somebody_meets_is_taken() -> None:
    read(radio() + LINK + '[floors]\nstrangers = "always"\nminimum = "hs-s"\n')
    read(radio(spreading_factor=7) + LINK + '[floors]\nstrangers = "fast"\nminimum = "hs-s"\n')
    read('[[link]]\ndevice = "/dev/ttyACM0"\nfloor = "hs-s"\n')
