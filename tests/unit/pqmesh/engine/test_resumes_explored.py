# SPDX-License-Identifier: MIT OR Apache-2.0
"""The resumption ratchet over the real engine: loss, repeats, reordering, replay, reboots, cuts.

constrained-design 5.6, property 7. test_resumption.py explores the state machine alone, with
symbolic secrets; here the same chaos meets engines, timers, sessions and stored tickets. Keys and
nonces are watched by ``OnceCrypto``: a second use fails the run where it happens.
"""

import contextlib
import random
from collections import Counter

import pytest

from pqmesh.engine.events import Established, Refused
from pqmesh.errors import Busy, MeshError
from pqmesh.limits import RADIO_LINK, SERIAL_LINK, replace
from support.resumption import R1, PowerCut, ResumePair, cut
from support.simulation import Medium

LINKS = {"shared": RADIO_LINK, "alone": replace(RADIO_LINK, point_to_point=True)}
SEEDS = {"shared": range(1_000, 16_000), "alone": range(20_000, 35_000)}
SHARED_CABLE = replace(SERIAL_LINK, point_to_point=False)
CHAOS = {"loss": 0.25, "repeat": 0.1, "jitter_ms": 3_000}


def act(pair, dice):
    """One thing that may happen at any time."""
    chance, side = dice.random(), dice.randrange(2)
    if chance < 0.3:
        with contextlib.suppress(Busy):
            pair.resume(side)
    elif chance < 0.4:
        pair.reboot(side)
    elif chance < 0.6 and pair.sent[1 - side]:  # an attacker replays, or sends it back
        pair.deliver(dice.choice((side, 1 - side)), dice.choice(pair.sent[1 - side][-40:]))
    elif chance < 0.7 and pair.of(side, Established):
        with contextlib.suppress(MeshError):  # that session may be over
            pair.send(side, pair.last(side, Established).session, b"reading")
    else:
        pair.run_for(dice.randrange(6_000))


def chaos(pair, dice, steps, check):
    pair.medium = Medium(**CHAOS)
    for flash in pair.flash:
        flash.cuts = 0.03
    for _ in range(steps):
        act(pair, dice)
        check()
    pair.medium = Medium()
    for flash in pair.flash:
        flash.cuts = 0.0


def settle(pair):
    """Let what is under way end, and close what is open: then nobody acts by itself."""
    for side in (0, 1):
        pair.reboot(side)
    pair.run_for(10_000)


def resumed_in(pair, side):
    """Resume over a channel that loses nothing; return how many R1 that took."""
    begin = len(pair.sent[side])
    seen = [len(pair.of(s, Established)) for s in (0, 1)]
    pair.resume(side)
    pair.run_until(
        lambda: all(len(pair.of(s, Established)) > seen[s] for s in (0, 1)) and pair.joined()
    )
    for s in (0, 1):
        pair.send(s, pair.last(s, Established).session, b"after all")
    pair.run_for(20_000)
    assert pair.ticket(0).current == pair.ticket(1).current
    assert pair.ticket(0).candidate is pair.ticket(1).candidate is None
    return pair.kinds(side, begin).count(R1)


def episode(seed, steps, link):
    """Chaos on a link that carries no full handshake, then a quiet one; returns the tries."""
    dice = random.Random(seed)
    pair = ResumePair(seed, link=link)
    pair.provision()
    pair.intercept = lambda _, frame: cut(frame)
    chaos(pair, dice, steps, lambda: _in_step(pair, seed))
    settle(pair)
    return resumed_in(pair, dice.randrange(2))


def _in_step(pair, seed):
    assert pair.in_step(), (seed, pair.ticket(0), pair.ticket(1))


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_07_the_engines_are_never_apart(link):
    tries = Counter(episode(seed, 40, link) for seed in range(60))
    assert set(tries) <= {1, 2}, tries


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_07_the_engines_are_never_apart_at_length(link):
    tries = Counter(episode(seed, 150, link) for seed in range(1_000, 2_500))
    assert set(tries) <= {1, 2}, tries


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", LINKS)
def test_07_the_engines_are_never_apart_in_30_000_episodes(name):
    tries = Counter(episode(seed, 60, LINKS[name]) for seed in SEEDS[name])
    assert set(tries) <= {1, 2}, tries


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("link", [SERIAL_LINK, RADIO_LINK], ids=["alone", "shared"])
def test_07_with_full_handshakes_in_between_they_still_meet(link, seed):
    dice = random.Random(seed)
    pair = ResumePair(seed, link=link)
    chaos(pair, dice, 25, lambda: None)
    settle(pair)
    pair.resume(0)
    pair.run_until(lambda: pair.joined() and pair.in_step())
    pair.reboot(dice.randrange(2))
    assert resumed_in(pair, dice.randrange(2)) <= 2


def crossed(seed, link, held):
    """Both connect at about the same time, by name or not; those in ``held`` have tickets."""
    dice = random.Random(seed)
    pair = ResumePair(seed, Medium(loss=dice.choice((0.0, 0.05, 0.15))), link)
    pair.provision(held)
    for side in (0, 1):
        if dice.random() < 0.7 or side not in held:
            pair.resume(side)
        else:
            pair.connect(side)
        pair.run_for(dice.randrange(1_500))
    pair.run_for(100_000)
    return pair


@pytest.mark.parametrize(
    ("link", "held"),
    [(SERIAL_LINK, (0, 1)), (SERIAL_LINK, (0,)), (SERIAL_LINK, (1,)), (SHARED_CABLE, (0, 1))],
    ids=["alone", "alone-first", "alone-second", "shared"],
)
def test_crossings_of_both_kinds_become_one_session(link, held):
    for seed in range(20):
        pair = crossed(seed, link, held)
        assert pair.joined(), (seed, pair.events)
        assert pair.in_step(), seed
        assert not pair.of(0, Refused) + pair.of(1, Refused)


@pytest.mark.parametrize("held", [(0,), (1,)], ids=["first", "second"])
@pytest.mark.parametrize("seed", range(20))
def test_where_full_handshakes_do_not_merge_the_next_connect_puts_it_right(held, seed):
    pair = crossed(seed, SHARED_CABLE, held)
    settle(pair)
    pair.medium = Medium()
    pair.resume(0)
    pair.run_until(lambda: pair.joined() and pair.in_step())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("side", "write"), [(0, 1), (0, 2), (1, 1)])
def test_07_a_cut_at_any_write_of_a_resume_is_survived(side, write, after):
    pair = ResumePair()
    pair.provision()
    cut_at(pair, side, write, after)
    pair.resume(0)
    pair.run_for(1_000)
    if pair.of(1, Established):
        pair.send(1, pair.last(1, Established).session, b"confirms")
    pair.run_for(1_000)
    assert pair.boots[side] == 2
    assert pair.in_step()
    del pair.flash[side].save
    settle(pair)
    assert resumed_in(pair, side) <= 2


def cut_at(pair, side, write, after):
    """Fail the power of ``side`` at its n-th write, before or after it."""
    flash = pair.flash[side]
    keep, writes = flash.save, []

    def save(ticket):
        writes.append(ticket)
        if len(writes) == write:
            if after:
                keep(ticket)
            raise PowerCut
        keep(ticket)

    flash.save = save
