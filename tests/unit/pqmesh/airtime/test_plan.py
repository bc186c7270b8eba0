# SPDX-License-Identifier: MIT OR Apache-2.0
"""A radio plan: what follows from it, and what cannot work."""

import pytest

from pqmesh.airtime.duty import HOUR_US
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.plan import MTU, RadioPlan
from pqmesh.errors import UsageError
from pqmesh.links import lora
from pqmesh.record import replace

PLAN = RadioPlan("EU868", 868_100_000, 9, 125_000, 1, 1000)
SECOND = 1_000_000


def test_the_budget_is_the_region_s():
    assert PLAN.budget().rule == (36 * SECOND, HOUR_US)
    assert replace(PLAN, frequency_hz=869_500_000).budget().rule == (360 * SECOND, HOUR_US)
    dwell = replace(PLAN, region="US915", frequency_hz=915_000_000, spreading_factor=7)
    assert dwell.budget().rule == (400_000, 20 * SECOND)


def test_the_operator_may_allow_less_than_the_region_and_never_more():
    assert replace(PLAN, permille=5).budget().rule == (18 * SECOND, HOUR_US)
    assert replace(PLAN, permille=50).budget().rule == (36 * SECOND, HOUR_US)
    generic = replace(PLAN, region="GENERIC")
    assert generic.budget().next_possible_us(MTU, 0) == 0
    assert replace(generic, permille=10).budget().rule == (36 * SECOND, HOUR_US)


def test_the_profile_is_that_of_the_modulation():
    assert PLAN.profile() == lora(LoraModulation(9), MTU)


def test_where_a_handshake_may_use_an_hour_up_the_engine_waits_an_hour():
    assert replace(PLAN, spreading_factor=12).profile() == lora(LoraModulation(12), MTU, 3_600_000)
    narrow = replace(PLAN, permille=2)
    assert narrow.profile() == lora(LoraModulation(9), MTU, 3_600_000)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"region": "EU433"}, "no region 'EU433'"),
        ({"frequency_hz": 915_000_000}, "EU868 has no band"),
        ({"spreading_factor": 6}, "spreading factor 6"),
        ({"frequency_hz": 863_500_000, "spreading_factor": 12}, "EU868 863-865 allows 3600 ms"),
        ({"region": "US915", "frequency_hz": 915_000_000}, "US915 902-928 allows 400 ms"),
        ({"region": "GENERIC", "permille": 1, "spreading_factor": 12}, "a share of 1 in 1000"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_by_name(changes, why):
    with pytest.raises(UsageError, match=why):
        replace(PLAN, **changes).budget()


def test_a_wide_channel_in_the_us_knows_no_dwell():
    wide = RadioPlan("US915", 915_000_000, 9, 500_000, 1, 1000)
    assert wide.budget().next_possible_us(MTU, 0) == 0
    assert wide.budget().rule == (HOUR_US, HOUR_US)
    assert replace(wide, permille=10).budget().rule == (36 * SECOND, HOUR_US)
