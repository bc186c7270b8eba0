# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tickets in memory: found by either generation, bounded, and aged by the owner's clock."""

import pytest

from pqmesh.engine.hs_r import ticket_of
from pqmesh.engine.tickets import MemoryTickets, Ticket, worn_out
from pqmesh.errors import UsageError
from pqmesh.limits import RESUMPTION_AGE_S, RESUMPTIONS

PARAMS = bytes(8)


def ticket(peer=b"P" * 32, current=b"c" * 32, candidate=None, resumptions=0):
    return Ticket(peer, current, candidate, resumptions, PARAMS)


def test_a_ticket_is_found_by_both_its_generations():
    tickets = MemoryTickets(2)
    both = ticket(candidate=b"d" * 32)
    tickets.save(both)
    assert tickets.find(ticket_of(b"c" * 32)) == tickets.find(ticket_of(b"d" * 32)) == b"P" * 32
    assert tickets.load(b"P" * 32) == both
    assert tickets.find(bytes(8)) is None
    assert tickets.load(b"Q" * 32) is None


def test_a_saved_ticket_replaces_the_one_before_names_and_all():
    tickets = MemoryTickets(1)
    tickets.save(ticket(candidate=b"d" * 32))
    tickets.save(ticket(current=b"d" * 32))
    assert tickets.find(ticket_of(b"c" * 32)) is None
    assert tickets.find(ticket_of(b"d" * 32)) == b"P" * 32


def test_when_full_the_one_saved_least_recently_goes():
    tickets = MemoryTickets(2)
    for peer in (b"1" * 32, b"2" * 32, b"1" * 32, b"3" * 32):
        tickets.save(ticket(peer, current=peer))
    assert tickets.load(b"2" * 32) is None
    assert tickets.find(ticket_of(b"2" * 32)) is None
    assert tickets.load(b"1" * 32) is not None
    assert tickets.load(b"3" * 32) is not None


def test_what_is_forgotten_is_gone():
    tickets = MemoryTickets(1)
    tickets.forget(b"P" * 32)
    tickets.save(ticket())
    tickets.forget(b"P" * 32)
    assert tickets.load(b"P" * 32) is None
    assert vars(tickets)["_names"] == vars(tickets)["_full_at"] == {}


def test_age_counts_from_the_full_handshake():
    moments = [100]
    tickets = MemoryTickets(1, lambda: moments[0])
    assert tickets.age_s(b"P" * 32) == 0
    tickets.save(ticket())
    moments[0] = 130
    tickets.save(ticket(resumptions=1))
    assert tickets.age_s(b"P" * 32) == 30
    tickets.save(ticket())
    assert tickets.age_s(b"P" * 32) == 0


def test_without_a_clock_no_age_is_known():
    tickets = MemoryTickets(1)
    tickets.save(ticket())
    assert tickets.age_s(b"P" * 32) == 0


def test_06_a_ticket_wears_out_by_count_and_by_age():
    assert not worn_out(ticket(resumptions=RESUMPTIONS - 1), RESUMPTION_AGE_S - 1)
    assert worn_out(ticket(resumptions=RESUMPTIONS), 0)
    assert worn_out(ticket(), RESUMPTION_AGE_S)
    assert (RESUMPTIONS, RESUMPTION_AGE_S) == (256, 2_592_000)


def test_a_ticket_in_a_log_tells_no_secret():
    assert repr(ticket(candidate=b"d" * 32)) == "Ticket(5050505050505050, 0 resumptions)"


def test_there_must_be_room_for_one():
    with pytest.raises(UsageError):
        MemoryTickets(0)
