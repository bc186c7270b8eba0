# SPDX-License-Identifier: MIT OR Apache-2.0
"""A table of deadlines that says what is due, once."""

from pqmesh.engine.timers import Timers, earliest


def test_earliest_ignores_what_is_not_set():
    assert earliest([None, 7, 3, None]) == 3
    assert earliest([None]) is None
    assert earliest([]) is None
    assert earliest([0, 1]) == 0


def test_a_timer_expires_once():
    timers = Timers(2)
    timers.set(0, 100)
    assert timers.running(0)
    assert not timers.running(1)
    assert not timers.expired(0, 99)
    assert timers.expired(0, 100)
    assert not timers.expired(0, 1000)
    assert not timers.running(0)


def test_next_is_the_earliest_of_all():
    timers = Timers(3)
    assert timers.next() is None
    timers.set(0, 100)
    timers.set(2, 50)
    assert timers.next() == 50
    timers.stop(2)
    assert timers.next() == 100
    timers.set(0, 200)
    assert timers.next() == 200
