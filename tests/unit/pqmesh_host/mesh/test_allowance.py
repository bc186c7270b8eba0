# SPDX-License-Identifier: MIT OR Apache-2.0
"""A burst is free, the long run is not, and rest earns a burst again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh_host.mesh.allowance import Allowance


def test_a_burst_is_free_and_what_follows_waits_its_turn() -> None:
    allowance = Allowance(0, per_s=10, burst=3)
    assert [allowance.take(0) for _ in range(5)] == [0, 0, 0, 100, 200]


def test_rest_earns_a_burst_again_but_no_more() -> None:
    allowance = Allowance(0, per_s=10, burst=3)
    for _ in range(3):
        allowance.take(0)
    assert [allowance.take(60_000) for _ in range(4)] == [0, 0, 0, 100]


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), max_size=200))
def test_one_who_waits_as_told_never_exceeds_the_rate(pauses: list[int]) -> None:
    allowance, now, acted = Allowance(0, per_s=100, burst=5), 0, []
    for pause in pauses:
        now += pause
        now += allowance.take(now)
        acted.append(now)
    for first in range(len(acted)):
        for last in range(first, len(acted)):
            assert last - first + 1 <= 5 + 1 + (acted[last] - acted[first]) * 100 / 1000
