# SPDX-License-Identifier: MIT OR Apache-2.0
"""A packet number is taken once: against a set that remembers everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.replay import ReplayWindow
from pqmesh.errors import Replayed


def taken(window, number):
    try:
        window.check(number)
    except Replayed:
        return False
    window.accept(number)
    return True


@pytest.mark.parametrize("size", [64, 1024])
@given(st.data())
def test_like_a_set_within_the_window(size, data):
    window, seen, highest = ReplayWindow(size), set(), -1
    for _ in range(data.draw(st.integers(0, 60))):
        number = max(0, highest + data.draw(st.integers(-size - 3, size + 3)))
        expected = number not in seen and number > highest - size
        assert taken(window, number) == expected
        if expected:
            seen.add(number)
            highest = max(highest, number)
    assert window.highest == highest


def test_check_alone_moves_nothing():
    window = ReplayWindow(64)
    for _ in range(3):
        window.check(1000)
    assert window.highest == -1
    assert taken(window, 1)


def test_the_edge_of_the_window():
    window = ReplayWindow(64)
    assert taken(window, 100)
    assert taken(window, 37)
    assert not taken(window, 36)
    with pytest.raises(Replayed, match="older"):
        window.check(36)
    with pytest.raises(Replayed, match="again"):
        window.check(37)


def test_a_jump_beyond_the_window_forgets_all_below_it():
    window = ReplayWindow(64)
    assert taken(window, 5)
    assert taken(window, 5 + 64)
    assert not taken(window, 5)
    assert taken(window, 6)
    assert taken(window, 100_000)
    assert not taken(window, 100_000 - 64)


@given(st.integers(0, 1 << 40), st.integers(1 - (1 << 15), 1 << 15))
def test_expand_restores_what_is_near(highest, distance):
    window = ReplayWindow(64)
    window.accept(highest)
    number = highest + 1 + distance
    if number >= 0:
        assert window.expand(number & 0xFFFF) == number


@pytest.mark.parametrize(
    ("highest", "low", "number"),
    [(0xFFF0, 0x0005, 0x10005), (0x10005, 0xFFF0, 0xFFF0), (0x10005, 0x0006, 0x10006)],
)
def test_08_expand_across_the_wrap(highest, low, number):
    window = ReplayWindow(64)
    window.accept(highest)
    assert window.expand(low) == number


def test_expand_never_goes_below_zero():
    window = ReplayWindow(64)
    assert window.expand(0) == 0
    assert window.expand(0xFFFF) == 0xFFFF
    window.accept(0x10000)
    assert window.expand(0xFFFF) == 0xFFFF
