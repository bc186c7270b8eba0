# SPDX-License-Identifier: MIT OR Apache-2.0
"""The resumption ratchet: legal moves, and an explorer over loss, replay, crossing and power cuts.

constrained-design 5.6, property 7: never desynchronised, never the same key twice, recovery within
a few tries. The explorer runs the real state machine with symbolic secrets.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable

import pytest

from pqmesh.engine.resumption import Attempt, Pending, Resumption, Secrets
from pqmesh.errors import Unexpected, UsageError

ROOT, CHILD, NONCE = b"root", b"child", b"nonce"


def fresh(first: bool = True) -> tuple[Resumption, list[Secrets]]:
    saved: list[Secrets] = []
    return Resumption(Secrets(ROOT, None), first, saved.append), saved


def test_07_an_initiator_keeps_both_generations_until_it_is_confirmed() -> None:
    side, saved = fresh()
    assert side.begin(NONCE) == Attempt(ROOT, NONCE, False, False)
    side.answered(CHILD)
    assert side.secrets == Secrets(ROOT, CHILD)
    side.confirmed()
    assert side.secrets == Secrets(CHILD, None)
    side.confirmed()  # every later frame says the same
    assert saved == [Secrets(ROOT, CHILD), Secrets(CHILD, None)]


def test_07_the_newest_generation_is_tried_first_and_then_the_other() -> None:
    side, _ = fresh()
    side.begin(NONCE)
    side.answered(CHILD)
    assert side.begin(b"1").base == CHILD
    assert side.begin(b"2").base == ROOT
    assert side.begin(b"3").base == CHILD


def test_07_an_answer_under_the_candidate_shows_that_the_old_one_is_dead() -> None:
    side, _ = fresh()
    side.begin(NONCE)
    side.answered(CHILD)
    side.begin(b"1")
    side.answered(b"grandchild")
    assert side.secrets == Secrets(CHILD, b"grandchild")


def test_07_a_responder_commits_on_r3_and_answers_a_repeat_alike() -> None:
    side, saved = fresh(first=False)
    pending = Pending(NONCE, b"answer", ROOT, CHILD, False)
    assert side.may_answer(ROOT)
    assert not side.may_answer(b"other")
    side.answering(pending)
    assert side.repeated(NONCE, ROOT) == pending
    assert side.repeated(b"new", ROOT) is None
    assert saved == []
    assert side.commit() == CHILD
    assert saved == [Secrets(CHILD, None)]
    with pytest.raises(Unexpected):
        side.commit()


def test_07_the_smaller_name_does_not_answer_while_its_own_attempt_is_open() -> None:
    pending = Pending(NONCE, b"answer", ROOT, CHILD, False)
    smaller, _ = fresh(first=True)
    smaller.begin(b"mine")
    assert not smaller.may_answer(ROOT)
    with pytest.raises(Unexpected):
        smaller.answering(pending)
    larger, _ = fresh(first=False)
    larger.begin(b"mine")
    larger.answering(pending)
    assert larger.attempt is None


@pytest.mark.parametrize("first", [True, False])
def test_07_an_attempt_that_heals_goes_before_one_that_does_not(first: bool) -> None:
    weak = Pending(NONCE, b"answer", ROOT, CHILD, False)
    strong = Pending(NONCE, b"answer", ROOT, CHILD, True)
    side, _ = fresh(first)
    side.begin(b"mine", strong=True)
    assert not side.may_answer(ROOT)
    assert side.may_answer(ROOT, strong=True) != first
    with pytest.raises(Unexpected):
        side.answering(weak)
    side, _ = fresh(first)
    side.begin(b"mine")
    side.answering(strong)
    assert (side.attempt, side.pending) == (None, strong)


def test_07_to_begin_drops_what_one_was_answering() -> None:
    side, _ = fresh(first=False)
    side.answering(Pending(NONCE, b"answer", ROOT, CHILD, False))
    side.begin(b"mine")
    with pytest.raises(Unexpected):
        side.commit()


def test_07_a_full_handshake_erases_everything_before_it() -> None:
    side, _ = fresh(first=False)
    side.begin(NONCE)
    side.answered(CHILD)
    side.answering(Pending(NONCE, b"answer", ROOT, CHILD, False))
    side.reset(b"new")
    assert side.secrets == Secrets(b"new", None)
    assert (side.attempt, side.pending) == (None, None)


def test_an_answer_to_no_attempt_is_our_own_bug() -> None:
    side, _ = fresh()
    with pytest.raises(UsageError):
        side.answered(CHILD)


class PowerCut(Exception):
    """Raised by ``save``: the node loses power before, or after, the write."""


def h(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(1, "big") + part)
    return digest.digest()


class Node:
    """One side with symbolic cryptography: tags are hashes that name what they depend on."""

    def __init__(self, name: bytes, first: bool, dice: random.Random, cuts: float) -> None:
        self.name = name
        self.flash = Secrets(b"root", None)
        self.session: bytes | None = None
        self.keys_used: list[bytes] = []
        self._first = first
        self._dice = dice
        self._cuts = cuts
        self.reboot()

    def reboot(self) -> None:
        self.session = None
        self.ratchet = Resumption(self.flash, self._first, self._save)

    def _save(self, secrets: Secrets) -> None:
        if self._dice.random() < self._cuts:
            if self._dice.random() < 0.5:
                self.flash = secrets
            raise PowerCut
        self.flash = secrets

    def start(self) -> tuple[bytes, ...]:
        heal = bytes((self._dice.random() < 0.3,))
        attempt = self.ratchet.begin(self._dice.randbytes(4), bool(heal[0]))
        base, nonce = attempt.base, attempt.nonce
        mac = h(b"mac", base, nonce, heal, self.name)
        return (b"R1", self.name, h(b"id", base), nonce, heal, mac)

    def on(self, message: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
        kind, sender = message[0], message[1]
        if sender == self.name:
            return None
        handlers: dict[bytes, Callable[..., tuple[bytes, ...] | None]] = {
            b"R1": self._on_r1,
            b"R2": self._on_r2,
            b"R3": self._on_r3,
            b"DATA": self._on_data,
        }
        return handlers[kind](sender, *message[2:])

    def _on_r1(
        self, sender: bytes, ident: bytes, nonce: bytes, heal: bytes, mac: bytes
    ) -> tuple[bytes, ...] | None:
        for base in (self.ratchet.secrets.current, self.ratchet.secrets.candidate):
            if base is None or ident != h(b"id", base):
                continue
            if mac != h(b"mac", base, nonce, heal, sender):
                continue
            pending = self.ratchet.repeated(nonce, base)
            if pending is None:
                strong = bool(heal[0])
                if not self.ratchet.may_answer(base, strong):
                    return None
                answer = self._dice.randbytes(4)
                pending = Pending(nonce, answer, base, h(b"rs", base, nonce, answer), strong)
                self.ratchet.answering(pending)
            tag = h(b"macR", base, nonce, pending.answer, sender)
            return (b"R2", self.name, nonce, pending.answer, tag)
        return None

    def _on_r2(
        self, sender: bytes, nonce: bytes, answer: bytes, tag: bytes
    ) -> tuple[bytes, ...] | None:
        attempt = self.ratchet.attempt
        if attempt is None or attempt.nonce != nonce:
            return None
        base = attempt.base
        if tag != h(b"macR", base, nonce, answer, self.name):
            return None
        self.ratchet.answered(h(b"rs", base, nonce, answer))
        self.session = h(b"k", base, nonce, answer)
        return (b"R3", self.name, h(b"macI", self.session))

    def _on_r3(self, sender: bytes, tag: bytes) -> tuple[bytes, ...] | None:
        pending = self.ratchet.pending
        if pending is None:
            return None
        session = h(b"k", pending.base, pending.nonce, pending.answer)
        if tag != h(b"macI", session):
            return None
        self.ratchet.commit()
        self.session = session
        self.keys_used.append(session)
        return (b"DATA", self.name, h(b"data", session))

    def _on_data(self, sender: bytes, tag: bytes) -> None:
        if self.session is not None and tag == h(b"data", self.session):
            self.ratchet.confirmed()


def deliver(node: Node, message: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
    """Hand over a message; a power cut inside reboots the node, which then says nothing."""
    try:
        return node.on(message)
    except PowerCut:
        node.reboot()
        return None


def in_step(one: Node, other: Node) -> bool:
    """Each side's current generation is one of the other's two: a resume can succeed."""
    theirs = (other.flash.current, other.flash.candidate)
    ours = (one.flash.current, one.flash.candidate)
    return one.flash.current in theirs or other.flash.current in ours


def episode(seed: int, steps: int) -> int:
    """Chaos, then a quiet channel; returns how many tries the resume took there."""
    dice = random.Random(seed)
    nodes = [Node(b"a", True, dice, 0.02), Node(b"b", False, dice, 0.02)]
    network: list[tuple[int, tuple[bytes, ...]]] = []
    history: list[tuple[int, tuple[bytes, ...]]] = []

    def say(sender: int, message: tuple[bytes, ...]) -> None:
        network.append((1 - sender, message))
        history.append((1 - sender, message))

    for _ in range(steps):
        chance = dice.random()
        if chance < 0.15:
            who = dice.randrange(2)
            say(who, nodes[who].start())
        elif chance < 0.6 and network:
            to, message = network.pop(dice.randrange(len(network)))
            if dice.random() < 0.7:
                answer = deliver(nodes[to], message)
                if answer is not None:
                    say(to, answer)
        elif chance < 0.7 and history:
            to, message = dice.choice(history[-60:])  # an attacker replays
            answer = deliver(nodes[to], message)
            if answer is not None:
                say(to, answer)
        elif chance < 0.75:
            nodes[dice.randrange(2)].reboot()
        elif chance < 0.8 and network:
            network.pop(dice.randrange(len(network)))
        assert in_step(*nodes), (seed, nodes[0].flash, nodes[1].flash)
    for node in nodes:
        assert len(node.keys_used) == len(set(node.keys_used)), seed
        node._cuts = 0.0
        node.ratchet.attempt = None
    return recover(nodes, dice.randrange(2), seed)


def recover(nodes: list[Node], who: int, seed: int) -> int:
    """Resume over a channel that loses nothing; the other side is quiet."""
    initiator, responder = nodes[who], nodes[1 - who]
    for tries in range(1, 5):
        message: tuple[bytes, ...] | None = initiator.start()
        for node in (responder, initiator, responder, initiator):
            if message is None:
                break
            message = node.on(message)
        if initiator.session is not None and initiator.session == responder.session:
            assert initiator.flash == responder.flash == Secrets(responder.flash.current, None)
            return tries
    raise AssertionError((seed, "no recovery", initiator.flash, responder.flash))


def explore(seeds: range, steps: int) -> Counter[int]:
    return Counter(episode(seed, steps) for seed in seeds)


def test_07_the_explorer_never_finds_them_apart() -> None:
    tries = explore(range(3_000), 60)
    assert max(tries) <= 3, tries


def test_07_of_two_crossed_attempts_one_succeeds() -> None:
    dice = random.Random(1)
    first, second = Node(b"a", True, dice, 0.0), Node(b"b", False, dice, 0.0)
    mine, theirs = first.start(), second.start()
    assert first.on(theirs) is None
    message = second.on(mine)
    for node in (first, second, first):
        assert message is not None
        message = node.on(message)
    assert first.session == second.session is not None
    assert first.flash == second.flash


@pytest.mark.slow
def test_07_the_explorer_at_length() -> None:
    tries = explore(range(30_000), 150)
    assert max(tries) <= 3, tries
