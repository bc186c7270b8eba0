# SPDX-License-Identifier: MIT OR Apache-2.0
"""The resumption ratchet over the real engine: loss, repeats, reordering, replay, reboots, cuts.

constrained-design 5.6, property 7, in all three modes: HS-R, HS-RK and HS-RP cross each other.
test_resumption.py explores the state machine alone, with symbolic secrets; here the same chaos
meets engines, timers, sessions, flows, stored tickets and prekeys. Keys and nonces are watched: a
second use fails the run where it happens. Mutations at the end show that the explorer can fail.
"""

import contextlib
import random
from collections import Counter

import pytest

from pqmesh.engine.events import Established, Refused
from pqmesh.engine.peering import Peering
from pqmesh.engine.resumption import Resumption, Secrets
from pqmesh.errors import Busy, MeshError
from pqmesh.kdf import hmac_sha256
from pqmesh.limits import RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.handshake import M1
from support.explored import CheapCrypto, fast_hmac, hurry
from support.model_crypto import CountingEntropy
from support.resumption import R1, PowerCut, ResumePair, cut
from support.simulation import Medium

WIDE = replace(RADIO_LINK, mtu=700)  # each message of HS-RK and HS-RP in two fragments
LINKS = {"shared": WIDE, "alone": replace(WIDE, point_to_point=True)}
SHARED_CABLE = replace(SERIAL_LINK, point_to_point=False)
CHAOS = {"loss": 0.25, "repeat": 0.1, "jitter_ms": 3_000}
HEALS = (0x4B, 0x4C)  # octet 0 of the fragments of HS-RK and HS-RP
SHARDS = 8  # of 30,000 episodes, for as many workers as there are


def act(pair, dice):
    """One thing that may happen at any time."""
    chance, side = dice.random(), dice.randrange(2)
    if chance < 0.3:
        with contextlib.suppress(Busy):
            pair.resume(side, heal=dice.random() < 0.4)
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


def attempts(frames):
    """How many R1 are among ``frames``, repeats of one in fragments not counted."""
    begun = {frame[2:6] for frame in frames if frame[0] in HEALS and frame[1] >> 6 == M1}
    return [frame[0] for frame in frames].count(R1) + len(begun)


def resumed_in(pair, side, heal=False):
    """Resume over a channel that loses nothing; return how many R1 that took."""
    begin = len(pair.sent[side])
    seen = [len(pair.of(s, Established)) for s in (0, 1)]
    pair.resume(side, heal)
    pair.run_until(
        lambda: all(len(pair.of(s, Established)) > seen[s] for s in (0, 1)) and pair.joined()
    )
    for s in (0, 1):
        pair.send(s, pair.last(s, Established).session, b"after all")
    pair.run_for(20_000)
    assert pair.ticket(0).current == pair.ticket(1).current
    assert pair.ticket(0).candidate is pair.ticket(1).candidate is None
    return attempts(pair.sent[side][begin:])


def episode(seed, steps, link):
    """Chaos on a link that carries no full handshake, then a quiet one; returns the tries."""
    dice = random.Random(seed)
    pair = ResumePair(seed, link=link, crypto=CheapCrypto)
    pair.provision()
    for side in (0, 1):
        pair.stock(side, dice.randrange(4), bytes((side,)) * 32)
    pair.intercept = lambda _, frame: cut(frame)
    chaos(pair, dice, steps, lambda: _in_step(pair, seed))
    settle(pair)
    return resumed_in(pair, dice.randrange(2), dice.random() < 0.4)


def _in_step(pair, seed):
    assert pair.in_step(), (seed, pair.ticket(0), pair.ticket(1))


def explore(seeds, steps, link):
    tries = Counter(episode(seed, steps, link) for seed in seeds)
    assert set(tries) <= {1, 2, 3}, tries
    assert tries[3] * 500 <= len(seeds), tries  # R1 is sent again after one round trip


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_07_the_engines_are_never_apart(link):
    explore(range(60), 40, link)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_07_the_engines_are_never_apart_in_30_000_episodes(shard, monkeypatch):
    hurry(monkeypatch)
    each = 30_000 // SHARDS
    explore(range(each * shard, each * (shard + 1)), 20, list(LINKS.values())[shard % 2])


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_07_the_engines_are_never_apart_at_length(link):
    explore(range(100_000, 103_000), 150, link)


def test_07_an_r2_of_before_that_comes_while_a_healing_r1_is_being_made():
    """Found at length: it ended the engine's receive() with what only an owner may cause."""
    explore([100_581], 150, LINKS["alone"])


def test_what_computes_the_hmac_faster_computes_the_same():
    dice = random.Random(1)
    for size in (0, 1, 32, 64):
        key, parts = dice.randbytes(size), [dice.randbytes(n) for n in (0, 7, 500)]
        assert fast_hmac(key, *parts) == hmac_sha256(key, *parts)


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


# The explorer can fail: each of these is found within a few hundred episodes.


def erased_early(monkeypatch):
    """The initiator keeps only the new generation at R2."""
    keep = Resumption.answered

    def answered(self, child):
        keep(self, child)
        self._keep(Secrets(child, None))

    monkeypatch.setattr(Resumption, "answered", answered)


def committed_early(monkeypatch):
    """The responder moves on at R1, before R3 has proved the initiator."""
    keep = Peering.answering

    def answering(self, answer, pending, now):
        keep(self, answer, pending, now)
        self.ratchet._keep(Secrets(pending.child, None))

    monkeypatch.setattr(Peering, "answering", answering)


def older_never_tried(monkeypatch):
    """Of two generations only the newer one goes out."""
    keep = Resumption.begin

    def begin(self, nonce, strong=False):
        self.attempt = None
        return keep(self, nonce, strong)

    monkeypatch.setattr(Resumption, "begin", begin)


def both_ways(monkeypatch):
    """To begin does not drop what one was answering."""
    keep = Resumption.begin

    def begin(self, nonce, strong=False):
        pending = self.pending
        attempt = keep(self, nonce, strong)
        self.pending = pending
        return attempt

    monkeypatch.setattr(Resumption, "begin", begin)
    monkeypatch.setattr(Peering, "drop_answer", lambda self: None)


def poor_entropy(monkeypatch):
    """Every start of a board draws the same numbers."""
    monkeypatch.setattr(
        "support.resumption.CountingEntropy", lambda name: CountingEntropy(name[:6])
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "mutation", [erased_early, committed_early, older_never_tried, both_ways, poor_entropy]
)
def test_07_the_explorer_finds(mutation, monkeypatch):
    hurry(monkeypatch)
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        explore(range(1_000), 30, LINKS["shared"])
