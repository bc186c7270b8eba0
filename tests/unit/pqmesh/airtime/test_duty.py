# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sliding hour: never over budget in any window, and honest about when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.airtime.duty import HOUR_US, DutyLog
from pqmesh.errors import UsageError

SECOND = 1_000_000


def test_a_burst_of_the_whole_budget_is_legal() -> None:
    log = DutyLog(36 * SECOND)
    for index in range(36):
        assert log.next_possible_us(SECOND, index * SECOND) == index * SECOND
        log.record(index * SECOND, SECOND)
    assert log.used_us(36 * SECOND) == 36 * SECOND


def test_after_the_burst_the_next_possible_time_is_when_the_hour_has_slid() -> None:
    log = DutyLog(36 * SECOND)
    log.record(0, 36 * SECOND)
    # A one-second frame fits once one second of the burst has left the window that ends with it.
    assert log.next_possible_us(SECOND, 40 * SECOND) == HOUR_US
    assert log.next_possible_us(2 * SECOND, 40 * SECOND) == HOUR_US


def test_two_bursts_around_an_hour_boundary_are_refused() -> None:
    """The trap of an hourly reset (EURASIP JWCN 10.1186/s13638-019-1502-5, figure 2)."""
    log = DutyLog(36 * SECOND)
    log.record(HOUR_US - 36 * SECOND, 36 * SECOND)
    assert log.next_possible_us(36 * SECOND, HOUR_US) == 2 * HOUR_US - 36 * SECOND


def test_one_transmitter_sends_one_thing_at_a_time() -> None:
    log = DutyLog(36 * SECOND)
    log.record(0, 10 * SECOND)
    assert log.next_possible_us(SECOND, 5 * SECOND) == 10 * SECOND
    with pytest.raises(UsageError, match="overlap"):
        log.record(5 * SECOND, SECOND)


def test_a_share_is_a_smaller_budget() -> None:
    log = DutyLog(36 * SECOND)
    log.record(0, 7 * SECOND)
    assert log.next_possible_us(SECOND, 10 * SECOND) == 10 * SECOND
    assert log.next_possible_us(SECOND, 10 * SECOND, share_us=7 * SECOND) == HOUR_US
    assert log.next_possible_us(SECOND, 10 * SECOND, share_us=99 * SECOND) == 10 * SECOND


def test_what_never_fits_is_refused_at_once() -> None:
    log = DutyLog(36 * SECOND)
    with pytest.raises(UsageError, match="shorter frame"):
        log.next_possible_us(37 * SECOND, 0)
    with pytest.raises(UsageError):
        log.next_possible_us(0, 0)


def test_a_transmission_that_was_not_allowed_is_not_recorded() -> None:
    log = DutyLog(36 * SECOND)
    log.record(0, 36 * SECOND)
    with pytest.raises(UsageError, match="duty cycle"):
        log.record(60 * SECOND, SECOND)
    with pytest.raises(UsageError):
        log.record(60 * SECOND, 0)
    assert log.used_us(60 * SECOND) == 36 * SECOND


@pytest.mark.parametrize("arguments", [(0,), (2, 1), (1, 1, 1)])
def test_senseless_limits_are_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        DutyLog(*arguments)


def busiest_window(sent: list[tuple[int, int]], window: int) -> int:
    """The largest on-time of any window: it ends where some transmission ends."""
    worst = 0
    for _, until in sent:
        since = until - window
        worst = max(worst, sum(max(0, min(e, until) - max(b, since)) for b, e in sent))
    return worst


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 90)), max_size=60),
    st.integers(2, 8),
)
def test_no_window_exceeds_the_budget_for_any_arrival_pattern(
    arrivals: list[tuple[int, int]], capacity: int
) -> None:
    """constrained-design 5.6, property 11, with a small window so that patterns collide."""
    log = DutyLog(budget_us=100, window_us=1_000, capacity=capacity)
    now, sent = 0, []
    for gap, duration in arrivals:
        now += gap
        start = log.next_possible_us(duration, now)
        assert start >= now
        log.record(start, duration)
        sent.append((start, start + duration))
        now = start
    assert busiest_window(sent, 1_000) <= 100


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 90)), min_size=1, max_size=40))
def test_the_time_offered_is_the_earliest(arrivals: list[tuple[int, int]]) -> None:
    """With room for every entry the answer is exact: a microsecond earlier breaks the budget."""
    log = DutyLog(budget_us=100, window_us=1_000, capacity=64)
    now, sent = 0, []
    for gap, duration in arrivals:
        now += gap
        start = log.next_possible_us(duration, now)
        if start > now and (not sent or start > sent[-1][1]):
            early = [*sent, (start - 1, start - 1 + duration)]
            assert busiest_window(early, 1_000) > 100
        log.record(start, duration)
        sent.append((start, start + duration))
        now = start
