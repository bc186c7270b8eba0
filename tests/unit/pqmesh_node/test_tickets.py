# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tickets on a board: durable, bounded, erased when replaced, and never a reason to crash."""

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pqmesh.engine.hs_r import ticket_of
from pqmesh_node.slots import BlockSlots
from pqmesh_node.tickets import TICKETS, TicketStore
from pqmesh_node.vault import Vault
from support.nor_flash import NorFlash, PowerCut
from support.tickets import ticket

OLD, NEXT = b"o" * 32, b"n" * 32


def on(flash: NorFlash) -> TicketStore:
    return TicketStore(Vault(BlockSlots(flash, 0)))


def test_a_ticket_is_found_by_both_its_generations_also_after_a_restart():
    flash = NorFlash()
    saved = ticket(current=OLD, candidate=NEXT, resumptions=3, healed_s=5, full_s=4, epoch=9)
    before = on(flash)
    before.save(saved)
    for tickets in (before, on(flash)):
        assert tickets.load(saved.peer_id) == saved
        assert tickets.find(ticket_of(OLD)) == tickets.find(ticket_of(NEXT)) == saved.peer_id
        assert tickets.find(bytes(8)) is None
        assert tickets.load(b"Q" * 32) is None
        assert len(tickets) == 1


def test_a_generation_that_was_replaced_is_erased():
    flash = NorFlash()
    tickets = on(flash)
    tickets.save(ticket(current=OLD, candidate=NEXT))
    assert OLD in flash.octets  # the search finds what is alive
    tickets.save(ticket(current=NEXT))
    assert OLD not in flash.octets
    assert tickets.find(ticket_of(OLD)) is None
    tickets.forget(b"P" * 32)
    tickets.forget(b"P" * 32)
    assert NEXT not in flash.octets
    assert on(flash).load(b"P" * 32) is None


def test_a_cut_anywhere_in_a_save_leaves_the_ticket_before_or_after():
    before, after = ticket(current=OLD), ticket(current=NEXT, resumptions=1)
    flash = NorFlash()
    on(flash).save(before)
    image = bytes(flash.octets)
    seen = set()
    for cut in range(0, 256 + 4096, 5):
        flash = NorFlash()
        flash.octets[:] = image
        tickets = on(flash)
        flash.cut = cut
        with pytest.raises(PowerCut):
            tickets.save(after)
        found = on(flash).load(before.peer_id)
        assert found in (before, after)
        seen.add(found)
    assert seen == {before, after}


def test_when_full_the_one_saved_least_recently_gives_way():
    tickets = on(NorFlash())
    for number in (*range(TICKETS), 0, TICKETS):
        tickets.save(ticket(bytes([number]) * 32, current=bytes([number]) * 32))
    assert len(tickets) == TICKETS
    assert tickets.load(b"\1" * 32) is None
    assert tickets.load(b"\0" * 32) is not None
    assert tickets.counts["displaced"] == 1


@pytest.mark.parametrize("value", [b"", b"\xff" * 118, b"\x01" * 117])
def test_an_unreadable_ticket_is_as_good_as_none(value: bytes):
    flash = NorFlash()
    vault = Vault(BlockSlots(flash, 0))
    vault.change({"t0": value, "k": b"another's"})
    tickets = on(flash)
    assert len(tickets) == 0
    assert tickets.counts["unreadable"] == 1
    assert Vault(BlockSlots(flash, 0)).names() == ["k"]


def test_a_flash_that_fails_costs_resumption_after_a_restart_and_nothing_now():
    flash = NorFlash()
    tickets = on(flash)
    tickets.save(ticket(current=OLD))
    flash.broken = {"program"}
    tickets.save(ticket(current=NEXT))
    assert tickets.counts["failed"] == 1
    assert "medium failed" in tickets.last_error
    assert tickets.load(b"P" * 32) == ticket(current=NEXT)
    flash.broken = set()
    assert on(flash).load(b"P" * 32) == ticket(current=OLD)


def test_the_time_is_the_boards_or_not_known():
    vault = Vault(BlockSlots(NorFlash(), 0))
    assert TicketStore(vault).now_s() == 0
    assert TicketStore(vault, lambda: 77).now_s() == 77


class Life(RuleBasedStateMachine):
    """Saves, restarts and cuts in any order against a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.flash = NorFlash(block_bytes=1024)
        self.tickets = on(self.flash)
        self.model: dict[bytes, list[bytes]] = {}

    @rule(peer=st.integers(1, TICKETS), generation=st.binary(min_size=32, max_size=32))
    def save(self, peer: int, generation: bytes) -> None:
        name = bytes([peer]) * 32
        self.tickets.save(ticket(name, current=generation))
        self.model[name] = [generation]

    @rule(
        peer=st.integers(1, TICKETS),
        generation=st.binary(min_size=32, max_size=32),
        cut=st.integers(0, 1_500),
    )
    def save_and_lose_power(self, peer: int, generation: bytes, cut: int) -> None:
        name = bytes([peer]) * 32
        self.flash.cut = cut
        with contextlib.suppress(PowerCut):
            self.tickets.save(ticket(name, current=generation))
        self.flash.cut = None
        self.tickets = on(self.flash)
        found = self.tickets.load(name)
        assert found is None or found.current in [generation, *self.model.get(name, [])]
        assert found is not None or name not in self.model
        if found is not None:
            self.model[name] = [found.current]

    @rule()
    def restart(self) -> None:
        self.tickets = on(self.flash)

    @invariant()
    def every_ticket_is_the_models(self) -> None:
        for name, generations in self.model.items():
            found = self.tickets.load(name)
            assert found is not None
            assert found.current in generations
        assert len(self.tickets) == len(self.model)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
