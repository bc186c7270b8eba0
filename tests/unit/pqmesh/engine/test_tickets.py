# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tickets in memory: found by either generation, bounded, and aged by the owner's clock."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.hs_r import ticket_of
from pqmesh.engine.tickets import (
    TICKET_STORED_BYTES,
    MemoryTickets,
    Ticket,
    age_s,
    worn_out,
)
from pqmesh.errors import Malformed, UsageError
from pqmesh.limits import RESUMPTION_AGE_S, RESUMPTIONS

PARAMS = bytes(8)


def ticket(peer=b"P" * 32, current=b"c" * 32, candidate=None, resumptions=0, healed_s=0):
    return Ticket(peer, current, candidate, resumptions, PARAMS, healed_s, 0, 0)


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
    assert vars(tickets)["_names"] == {}


def test_the_time_is_the_owners_or_not_known():
    assert MemoryTickets(1, lambda: 77).now_s() == 77
    assert MemoryTickets(1).now_s() == 0


def test_an_age_needs_both_moments_and_a_clock_that_was_set_back_makes_none():
    assert age_s(100, 130) == 30
    assert age_s(0, 130) == age_s(100, 0) == age_s(130, 100) == 0


def test_06_a_ticket_wears_out_by_count_and_by_age():
    aged = ticket(resumptions=RESUMPTIONS - 1, healed_s=5)
    assert not worn_out(aged, 5 + RESUMPTION_AGE_S - 1)
    assert worn_out(aged, 5 + RESUMPTION_AGE_S)
    assert worn_out(ticket(resumptions=RESUMPTIONS), 0)
    assert not worn_out(ticket(), RESUMPTION_AGE_S)
    assert (RESUMPTIONS, RESUMPTION_AGE_S) == (256, 2_592_000)


@pytest.mark.parametrize("candidate", [None, b"d" * 32, bytes(32)])
def test_a_stored_ticket_is_the_same_again(candidate):
    whole = Ticket(b"P" * 32, b"c" * 32, candidate, 300, b"params:)", 2**32 - 1, 7, 65_535)
    stored = whole.encode()
    assert len(stored) == TICKET_STORED_BYTES
    assert Ticket.decode(stored) == whole


def test_a_count_beyond_what_is_stored_stays_worn_out():
    assert Ticket.decode(ticket(resumptions=70_000).encode()).resumptions == 65_535


def test_a_ticket_of_another_form_or_length_is_not_read():
    stored = ticket().encode()
    spoilt = (b"\x02" + stored[1:], stored[:-1], stored + b"\x00", b"", stored[:65] + b"\x02")
    for octets in (*spoilt[:4], spoilt[4] + stored[66:]):
        with pytest.raises(Malformed):
            Ticket.decode(octets)


@given(st.binary(max_size=130))
def test_any_octets_make_a_ticket_or_are_malformed(octets):
    with contextlib.suppress(Malformed):
        decoded = Ticket.decode(octets).encode()
        assert decoded[:66] == octets[:66]
        assert decoded[98:] == octets[98:]


def test_a_ticket_in_a_log_tells_no_secret():
    assert repr(ticket(candidate=b"d" * 32)) == "Ticket(5050505050505050, 0 resumptions)"


def test_there_must_be_room_for_one():
    with pytest.raises(UsageError):
        MemoryTickets(0)
