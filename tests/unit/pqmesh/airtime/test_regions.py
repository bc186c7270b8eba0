# SPDX-License-Identifier: MIT OR Apache-2.0
"""The regions' table: the right band for a frequency, and rows that make sense."""

import itertools

import pytest

from pqmesh.airtime.duty import HOUR_US
from pqmesh.airtime.regions import REGIONS, band_of
from pqmesh.errors import UsageError


@pytest.mark.parametrize(
    ("region", "frequency", "name", "share"),
    [
        ("EU868", 868_100_000, "868.0-868.6", 0.01),
        ("EU868", 869_525_000, "869.4-869.65", 0.10),
        ("EU868", 864_000_000, "863-865", 0.001),
        ("GENERIC", 433_000_000, "any", 1.0),
    ],
)
def test_a_frequency_finds_its_band(region: str, frequency: int, name: str, share: float) -> None:
    band = band_of(region, frequency)
    assert band.name == name
    assert band.budget_us == HOUR_US * share


def test_us915_bounds_the_dwell_of_narrow_channels_only() -> None:
    band = band_of("US915", 915_000_000)
    assert (band.budget_us, band.window_us, band.per_channel) == (400_000, 20_000_000, True)
    assert band.limits(125_000)
    assert not band.limits(500_000)


def test_a_gap_between_bands_is_refused() -> None:
    with pytest.raises(UsageError, match="no band"):
        band_of("EU868", 868_650_000)


def test_an_unknown_region_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="EU868 GENERIC US915"):
        band_of("MARS", 1)


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_rows_do_not_overlap(region: str) -> None:
    rows = sorted((band.low_hz, band.high_hz) for band in REGIONS[region])
    assert all(low < high for low, high in rows)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(rows))
