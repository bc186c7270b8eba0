# SPDX-License-Identifier: MIT OR Apache-2.0
"""The way from an engine to a radio: busy, held, told once, and nothing leaves too early."""

from pqmesh.airtime.budget import AirtimeBudget
from pqmesh.airtime.lora import LoraModulation
from pqmesh.airtime.passage import Passage
from pqmesh.airtime.regions import band_of

SECOND = 1_000_000
SF9 = LoraModulation(9)
FULL, SHORT = bytes(222), bytes(10)
AIR = SF9.time_on_air_us(222)


class Queue:
    """Stands for an engine: frames, and whom each is for."""

    def __init__(self, *frames):
        self.frames = list(frames)
        self.asked_at = []
        self.for_stranger = False

    def next_transmit(self, now=None):
        self.asked_at.append(now)
        if not self.frames:
            return None
        frame = self.frames.pop(0)
        self.for_stranger = frame[:1] == b"\x01"
        return frame

    def waits(self):
        return bool(self.frames)


def way(*frames):
    engine = Queue(*frames)
    return engine, Passage(engine, AirtimeBudget(band_of("EU868", 868_100_000), SF9))


def run_dry(passage, now=0):
    """Send until something must wait; returns when, and how many frames went."""
    count = 0
    while passage.next(now) is not None:
        count += 1
        now += AIR  # until the radio is free
    return now, count


def test_a_busy_radio_is_given_nothing_and_the_engine_is_not_asked():
    engine, passage = way(FULL, SHORT)
    assert passage.next(5) == FULL
    assert passage.next(5 + AIR - 1) is None
    assert len(engine.asked_at) == 1
    assert passage.wake_us(6) == 5 + AIR
    assert passage.held_until_us(6) is None
    assert passage.next(5 + AIR) == SHORT


def test_the_engine_is_told_its_own_time():
    engine, passage = way(*[FULL] * 80)
    now, count = run_dry(passage)
    assert count == 36 * SECOND // AIR
    possible = passage.wake_us(now)
    assert passage.engine_ms(possible) == now // 1000
    assert passage.next(possible) == FULL
    asked = engine.asked_at[-1]
    run_dry(passage, possible + AIR)
    assert engine.asked_at[-1] > asked
    assert engine.asked_at[-1] < possible // 1000  # it stood still meanwhile
    assert passage.wall_us(passage.engine_ms(possible) + 7, possible) >= possible


def test_what_waits_is_news_once():
    _, passage = way(*[FULL] * 80)
    now, _ = run_dry(passage)
    possible = passage.news(now)
    assert possible == passage.held_until_us(now) == passage.wake_us(now)
    assert passage.news(now + SECOND) is None
    assert passage.next(possible) == FULL
    assert passage.news(possible) is None  # it is being sent
    later, _ = run_dry(passage, possible + AIR)
    assert passage.news(later) is not None


def test_a_short_wait_is_no_news():
    _, passage = way(*[FULL] * 80)
    now, _ = run_dry(passage)
    possible = passage.wake_us(now)
    assert passage.news(possible - 999_999) is None
    assert passage.news(possible - 1_000_000) == possible


def test_the_engine_says_who_is_a_stranger():
    stranger = b"\x01" + bytes(221)
    _, passage = way(*[stranger] * 8, *[FULL] * 3)
    _, count = run_dry(passage)
    assert count == 36 * SECOND // 5 // AIR + 3


def test_strangers_that_wait_keep_nobody_from_asking_again_when_the_radio_is_free():
    stranger = b"\x01" + bytes(221)
    engine, passage = way(*[stranger] * 8, FULL, FULL)
    now = 0
    for _ in range(36 * SECOND // 5 // AIR):
        assert passage.next(now) == stranger
        now += AIR
    assert passage.next(now) == FULL
    assert passage.held_until_us(now) > now + AIR
    assert passage.wake_us(now) == now + AIR
    assert passage.next(now + AIR) == FULL
    assert not engine.frames


def test_an_account_outlives_its_engines():
    _, passage = way(*[FULL] * 80)
    now, count = run_dry(passage)
    budget = passage.gate._budget
    again = Passage(Queue(*[FULL] * 80), budget)
    assert again.next(now) is None
    assert again.held_until_us(now) == passage.held_until_us(now)
    assert count * AIR == budget.used_us(now)
