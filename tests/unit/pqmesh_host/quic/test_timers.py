# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lazy timers fire once, not early, and cost nothing to postpone."""

import asyncio

from pqmesh_host.quic.timers import LazyTimers


class Owner:
    """Something with a deadline."""

    def __init__(self):
        self.deadline = None
        self.fired = []


def fire(owner, now):
    owner.fired.append(now)
    owner.deadline = None


def make():
    return LazyTimers(lambda owner: owner.deadline, fire), Owner(), asyncio.get_running_loop()


async def test_it_fires_when_due():
    timers, owner, loop = make()
    owner.deadline = due = loop.time() + 0.02
    timers.rearm(owner)
    await asyncio.sleep(0.06)
    assert len(owner.fired) == 1
    assert owner.fired[0] >= due


async def test_a_postponed_deadline_keeps_the_armed_timer_and_fires_late_enough():
    timers, owner, loop = make()
    owner.deadline = loop.time() + 0.01
    timers.rearm(owner)
    armed = timers._armed[owner]
    owner.deadline = due = loop.time() + 0.05
    timers.rearm(owner)
    assert timers._armed[owner] is armed
    await asyncio.sleep(0.02)
    assert owner.fired == []
    await asyncio.sleep(0.08)
    assert owner.fired[0] >= due


async def test_an_earlier_deadline_replaces_the_timer():
    timers, owner, loop = make()
    owner.deadline = loop.time() + 60
    timers.rearm(owner)
    owner.deadline = loop.time() + 0.01
    timers.rearm(owner)
    await asyncio.sleep(0.05)
    assert len(owner.fired) == 1


async def test_no_deadline_means_no_timer():
    timers, owner, loop = make()
    owner.deadline = loop.time() + 0.01
    timers.rearm(owner)
    owner.deadline = None
    timers.rearm(owner)
    owner.deadline = loop.time() + 0.01
    timers.rearm(owner)
    owner.deadline = None  # gone by the time it fires
    await asyncio.sleep(0.03)
    assert owner.fired == []
    assert not timers._armed


async def test_close_drops_everything():
    timers, owner, loop = make()
    owner.deadline = loop.time() + 0.01
    timers.rearm(owner)
    timers.close()
    await asyncio.sleep(0.03)
    assert owner.fired == []
