# SPDX-License-Identifier: MIT OR Apache-2.0
"""Time on air against published values, and the bounds of its inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.airtime.lora import LoraModulation
from pqmesh.errors import UsageError

# (spreading factor, bytes, microseconds): AN1200.13's example, LoRaWAN DR0 and DR5 with 51+13 B.
PUBLISHED = [(9, 13, 164_864), (12, 64, 2_793_472), (7, 64, 118_016)]


@pytest.mark.parametrize(("factor", "length", "expected"), PUBLISHED)
def test_published_values(factor: int, length: int, expected: int) -> None:
    assert LoraModulation(factor).time_on_air_us(length) == expected


@pytest.mark.parametrize(("factor", "optimised"), [(10, False), (11, True), (12, True)])
def test_low_data_rate_is_on_above_16_ms_symbols(factor: int, optimised: bool) -> None:
    assert LoraModulation(factor).low_data_rate is optimised


def test_a_400_ms_dwell_bounds_the_frame_as_the_design_says() -> None:
    # constrained-design 2.1: 255 B at SF7, 138 at SF8, 66 at SF9, 24 at SF10.
    largest = [LoraModulation(factor).largest_within_us(400_000) for factor in (7, 8, 9, 10)]
    assert largest == [255, 138, 66, 24]


def test_no_frame_fits_a_dwell_shorter_than_the_preamble() -> None:
    assert LoraModulation(12).largest_within_us(400_000) is None


@given(
    st.integers(7, 12),
    st.sampled_from([62_500, 125_000, 250_000, 500_000]),
    st.integers(1, 4),
    st.integers(0, 254),
)
def test_a_longer_frame_never_takes_less_air(
    factor: int, bandwidth: int, rate: int, length: int
) -> None:
    modulation = LoraModulation(factor, bandwidth, rate)
    assert modulation.time_on_air_us(length) <= modulation.time_on_air_us(length + 1)


@pytest.mark.parametrize(
    "arguments",
    [(6,), (13,), (7, 7_799), (7, 500_001), (7, 125_000, 0), (7, 125_000, 5), (7, 125_000, 1, 5)],
)
def test_settings_no_modem_has_are_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        LoraModulation(*arguments)


@pytest.mark.parametrize("length", [-1, 256])
def test_lengths_no_frame_has_are_refused(length: int) -> None:
    with pytest.raises(UsageError):
        LoraModulation(7).time_on_air_us(length)
