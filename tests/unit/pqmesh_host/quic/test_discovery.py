# SPDX-License-Identifier: MIT OR Apache-2.0
"""Addresses peers tell: newest wins, bounded, nothing acted on."""

from pqmesh_host.quic import frames
from pqmesh_host.quic.discovery import MAX_CANDIDATES, AddressBook, is_usable, plain
from support.quic_net import eventually, joined


def test_an_older_observation_does_not_replace_a_newer_one():
    book = AddressBook()
    book.take(frames.ObservedAddress(1, ("198.51.100.1", 1)))
    book.take(frames.ObservedAddress(0, ("198.51.100.9", 9)))
    book.take(frames.ObservedAddress(1, ("198.51.100.9", 9)))
    assert book.observed == ("198.51.100.1", 1)
    assert book.dropped == 2


def test_a_mapped_address_is_read_as_ipv4():
    book = AddressBook()
    book.take(frames.ObservedAddress(0, ("::ffff:198.51.100.1", 7)))
    assert book.observed == ("198.51.100.1", 7)
    assert plain(("2001:db8::1", 7)) == ("2001:db8::1", 7)


def test_candidates_come_change_and_go():
    book = AddressBook()
    book.take(frames.AddAddress(1, ("198.51.100.1", 1)))
    book.take(frames.AddAddress(1, ("198.51.100.1", 2)))
    assert book.candidates == {1: ("198.51.100.1", 2)}
    book.take(frames.RemoveAddress(1))
    book.take(frames.RemoveAddress(1))
    assert book.candidates == {}


def test_candidates_are_bounded():
    book = AddressBook()
    for n in range(MAX_CANDIDATES + 3):
        book.take(frames.AddAddress(n, ("198.51.100.1", 1 + n)))
    assert len(book.candidates) == MAX_CANDIDATES
    assert book.dropped == 3
    book.take(frames.AddAddress(0, ("198.51.100.2", 1)))
    assert book.candidates[0] == ("198.51.100.2", 1)


def test_addresses_nobody_can_have_are_dropped():
    for address in (("224.0.0.1", 9), ("0.0.0.0", 9), ("ff02::1", 9), ("198.51.100.1", 0)):
        assert not is_usable(address)
        book = AddressBook()
        book.take(frames.AddAddress(0, address))
        assert (book.candidates, book.dropped) == ({}, 1)


def test_requests_to_act_are_counted_only():
    book = AddressBook()
    book.take(frames.PunchMeNow(1, 1, ("198.51.100.1", 1)))
    book.take(frames.TryConnectTo(1, ("198.51.100.1", 1), 10))
    assert (book.punches, book.dropped) == (1, 1)


async def test_each_side_learns_its_address_from_the_other():
    async with joined() as (dialled, accepted):
        await eventually(lambda: dialled.addresses.observed and accepted.addresses.observed)
        assert dialled.addresses.observed == accepted.address
        assert accepted.addresses.observed == dialled.address
