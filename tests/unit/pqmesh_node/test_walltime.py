# SPDX-License-Identifier: MIT OR Apache-2.0
"""Time that is told: it runs on, and never back."""

from pqmesh_node.walltime import WallTime


class Ticks:
    def __init__(self) -> None:
        self.ms = 5_000

    def now(self) -> int:
        return self.ms


def test_time_is_not_known_until_it_is_told_and_then_runs():
    ticks = Ticks()
    time = WallTime(ticks)
    assert (time.now_s(), time.seconds()) == (None, 0)
    assert time.set(1_000)
    ticks.ms += 2_500
    assert time.now_s() == time.seconds() == 1_002


def test_time_is_never_set_back():
    time = WallTime(Ticks())
    assert time.set(1_000)
    assert not time.set(999)
    assert time.now_s() == 1_000
    assert time.set(1_000)
    assert time.set(2_000)
