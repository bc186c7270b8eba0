# SPDX-License-Identifier: MIT OR Apache-2.0
"""The board's clock: unwraps, never runs backwards."""

from hypothesis import given
from hypothesis import strategies as st

from pqmesh_node.clock import Clock

PERIOD = 1 << 30


class Counter:
    def __init__(self, start: int, period: int = PERIOD) -> None:
        self.value = start
        self.period = period

    def advance(self, ms: int) -> None:
        self.value = (self.value + ms) % self.period

    def __call__(self) -> int:
        return self.value


def test_starts_at_zero_wherever_the_counter_stands():
    assert Clock(Counter(PERIOD - 1), PERIOD).now() == 0


def test_crosses_the_wrap():
    counter = Counter(PERIOD - 5)
    clock = Clock(counter, PERIOD)
    counter.advance(12)
    assert clock.now() == 12


def test_a_counter_that_steps_back_moves_nothing():
    counter = Counter(1000)
    clock = Clock(counter, PERIOD)
    counter.advance(50)
    assert clock.now() == 50
    counter.value -= 3
    assert clock.now() == 50
    counter.advance(10)
    assert clock.now() == 57


@given(
    start=st.integers(0, PERIOD - 1),
    steps=st.lists(st.integers(0, PERIOD // 2 - 1), max_size=30),
)
def test_is_the_sum_of_all_steps(start: int, steps: list[int]):
    counter = Counter(start)
    clock = Clock(counter, PERIOD)
    total = 0
    for step in steps:
        counter.advance(step)
        total += step
        assert clock.now() == total


def test_the_real_counter_moves_forward():
    clock = Clock()
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(readings)
