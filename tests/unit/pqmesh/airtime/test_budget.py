# SPDX-License-Identifier: MIT OR Apache-2.0
"""Airtime by class: the law for all, a fifth for strangers, an honest time in every refusal."""

import pytest

from pqmesh.airtime.budget import KNOWN, MAX_CHANNELS, STRANGER, AirtimeBudget, AirtimeExhausted
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.regions import band_of
from pqmesh.errors import UsageError

SF9 = LoraModulation(9)
FRAME = SF9.time_on_air_us(222)


def eu868(frequency: int = 868_100_000) -> AirtimeBudget:
    return AirtimeBudget(band_of("EU868", frequency), SF9)


def send_until_refused(budget: AirtimeBudget, kind: int) -> tuple[int, AirtimeExhausted]:
    now, count = 0, 0
    while True:
        try:
            now += budget.spend(222, now, kind)
        except AirtimeExhausted as refusal:
            return count, refusal
        count += 1


def test_an_hour_at_one_percent_holds_the_frames_the_design_counts() -> None:
    # constrained-design 2.1: 32 frames of 222 B per 36 s at SF9.
    count, refusal = send_until_refused(eu868(), KNOWN)
    assert count == 32
    assert "no airtime for another" in str(refusal)


def test_strangers_get_a_fifth() -> None:
    budget = eu868()
    count, _ = send_until_refused(budget, STRANGER)
    assert count == 36_000_000 // 5 // FRAME
    assert budget.used_us(10_000_000) == count * FRAME
    assert budget.spend(222, 10_000_000, KNOWN) == FRAME  # the rest is still there for peers


def test_a_refusal_names_a_time_at_which_it_works() -> None:
    budget = eu868()
    _, refusal = send_until_refused(budget, KNOWN)
    assert budget.next_possible_us(222, 40_000_000) == refusal.next_possible_us
    assert budget.spend(222, refusal.next_possible_us) == FRAME


def test_strangers_also_wait_for_the_band() -> None:
    budget = eu868()
    _, refusal = send_until_refused(budget, KNOWN)
    assert budget.next_possible_us(222, 40_000_000, STRANGER) >= refusal.next_possible_us


def test_a_band_without_a_rule_never_refuses() -> None:
    budget = AirtimeBudget(band_of("GENERIC", 1), SF9)
    assert budget.spend(222, 5, STRANGER) == FRAME
    assert budget.used_us(5) == 0


def test_dwell_is_counted_per_channel() -> None:
    budget = AirtimeBudget(band_of("US915", 915_000_000), LoraModulation(7))
    first = budget.spend(222, 0, channel_hz=915_000_000)
    with pytest.raises(AirtimeExhausted):
        budget.spend(222, first, channel_hz=915_000_000)
    assert budget.spend(222, first, channel_hz=915_200_000) == first


def test_strangers_are_counted_by_the_hour_even_where_the_law_counts_by_20_s() -> None:
    budget = AirtimeBudget(band_of("US915", 915_000_000), LoraModulation(7))
    assert budget.spend(222, 0, STRANGER) > 80_000


def test_a_frame_longer_than_the_dwell_never_goes() -> None:
    budget = AirtimeBudget(band_of("US915", 915_000_000), SF9)
    with pytest.raises(UsageError, match="shorter frame"):
        budget.spend(222, 0)


def test_channel_logs_are_bounded_and_never_forgotten_early() -> None:
    budget = AirtimeBudget(band_of("US915", 915_000_000), LoraModulation(7))
    for channel in range(MAX_CHANNELS):
        budget.spend(16, 0, channel_hz=channel)
    with pytest.raises(AirtimeExhausted):
        budget.spend(16, 1_000_000, channel_hz=99)
    assert budget.spend(16, 21_000_000, channel_hz=99) > 0


def test_a_burst_begins_when_all_of_it_has_room() -> None:
    budget = eu868()
    assert budget.burst_possible_us([222] * 32, 5) == 5
    budget.spend(222, 5)
    start = budget.burst_possible_us([222] * 32, 10)
    assert start > budget.next_possible_us(222, 10)
    now = start
    for _ in range(32):
        assert budget.next_possible_us(222, now) == now
        now += budget.spend(222, now)
    assert budget.burst_possible_us([], now) == now
    with pytest.raises(UsageError, match="never fit"):
        budget.burst_possible_us([222] * 33, now)
    assert AirtimeBudget(band_of("GENERIC", 0), SF9).burst_possible_us([222] * 99, 7) == 7


def test_an_operator_s_share_binds_all_channels_together() -> None:
    sf7 = LoraModulation(7)
    budget = AirtimeBudget(band_of("US915", 915_000_000), sf7, 1)
    now = sent = 0
    for channel in range(1, MAX_CHANNELS + 1):
        start = budget.next_possible_us(222, now, KNOWN, channel)
        if start > now:
            break
        now += budget.spend(222, now, KNOWN, channel)
        sent += 1
    assert sent == 3_600_000 // sf7.time_on_air_us(222) < MAX_CHANNELS
    assert budget.rule == (3_600_000, 3_600_000_000)
    assert budget.used_us(now) == sent * sf7.time_on_air_us(222)


def test_a_guard_is_kept_back_and_not_shown() -> None:
    for permille, rule in ((1000, 36_000_000), (5, 18_000_000)):
        budget = AirtimeBudget(band_of("EU868", 868_100_000), SF9, permille, FRAME)
        count, _ = send_until_refused(budget, KNOWN)
        assert count == rule // FRAME - 1
        assert budget.rule == (rule, 3_600_000_000)


def test_strangers_have_a_fifth_of_the_operator_s_share() -> None:
    budget = AirtimeBudget(band_of("EU868", 868_100_000), SF9, 5)
    count, _ = send_until_refused(budget, STRANGER)
    assert count == 18_000_000 // 5 // FRAME
    assert budget.next_possible_us(222, count * FRAME) == count * FRAME
