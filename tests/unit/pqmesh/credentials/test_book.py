# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rollback, revocation, expiry and grace: what a credential book accepts."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.credentials.book import GRACE_S, SKEW_S, CredentialBook
from pqmesh.credentials.epoch import FLAG_KILL, Epoch
from pqmesh.errors import Exhausted, ProtocolError, Unexpected

PEER, OTHER = bytes(32), bytes([1]) * 32
START = 1_800_000_000


def epoch(number: int, flags: int = 0, start_s: int = START, root: bytes = bytes(24)) -> Epoch:
    return Epoch(1, 1, number, start_s, 720, 0, 0, flags, bytes(24), root)


def test_epochs_go_up_only() -> None:
    book = CredentialBook(4)
    assert book.accept(PEER, epoch(5), START) is True
    assert book.accept(PEER, epoch(5), START) is False
    assert book.accept(PEER, epoch(7), START) is True
    for number in (5, 6):
        with pytest.raises(Unexpected, match="after 7"):
            book.accept(PEER, epoch(number), START)
    assert book.current(PEER) == epoch(7)


def test_a_second_object_for_the_same_epoch_is_refused() -> None:
    book = CredentialBook(4)
    book.accept(PEER, epoch(5), START)
    with pytest.raises(Unexpected):
        book.accept(PEER, epoch(5, root=b"\x01" * 24), START)


def test_the_epoch_before_has_a_day_of_grace() -> None:
    book = CredentialBook(4)
    book.accept(PEER, epoch(5), START)
    book.accept(PEER, epoch(6), START)
    assert book.valid(PEER, 5, START + GRACE_S - 1) == epoch(5)
    with pytest.raises(Unexpected, match="grace"):
        book.valid(PEER, 5, START + GRACE_S)
    assert book.valid(PEER, 6, START + GRACE_S) == epoch(6)
    with pytest.raises(Unexpected, match="not one we accepted"):
        book.valid(PEER, 4, START)


def test_without_a_clock_order_alone_counts() -> None:
    book = CredentialBook(4)
    book.accept(PEER, epoch(5, start_s=0), None)
    assert book.valid(PEER, 5, None) == epoch(5, start_s=0)
    book.accept(PEER, epoch(6, start_s=0), None)
    assert book.valid(PEER, 5, None) == epoch(5, start_s=0)
    with pytest.raises(Unexpected):
        book.accept(PEER, epoch(4, start_s=0), None)


def test_expired_and_not_begun_are_refused() -> None:
    book = CredentialBook(4)
    with pytest.raises(Unexpected, match="not begun"):
        book.accept(PEER, epoch(5), START - SKEW_S - 1)
    with pytest.raises(Unexpected, match="expired"):
        book.accept(PEER, epoch(5), START + 720 * 3600)
    assert book.current(PEER) is None
    book.accept(PEER, epoch(5), START - SKEW_S)
    with pytest.raises(Unexpected, match="expired"):
        book.valid(PEER, 5, START + 720 * 3600)


def test_revocation_is_for_ever_and_at_once() -> None:
    book = CredentialBook(4)
    book.accept(PEER, epoch(5), START)
    book.accept(PEER, epoch(6, FLAG_KILL, start_s=START + 10**6), START)
    for number in (5, 6):
        with pytest.raises(Unexpected, match="revoked"):
            book.valid(PEER, number, START)
    with pytest.raises(Unexpected, match="revoked"):
        book.accept(PEER, epoch(7), START)


def test_a_full_book_refuses_a_stranger_and_forgets_nobody() -> None:
    book = CredentialBook(1)
    book.accept(PEER, epoch(5), START)
    with pytest.raises(Exhausted):
        book.accept(OTHER, epoch(1), START)
    with pytest.raises(Unexpected, match="no credential"):
        book.valid(OTHER, 1, START)
    book.forget(PEER)
    assert book.accept(OTHER, epoch(1), START) is True


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=30))
def test_the_current_epoch_never_goes_back(steps: list[tuple[int, bool]]) -> None:
    book = CredentialBook(1)
    highest = -1
    for number, kill in steps:
        with contextlib.suppress(ProtocolError):
            book.accept(PEER, epoch(number, FLAG_KILL if kill else 0), START)
        current = book.current(PEER)
        assert current is not None
        assert current.epoch >= highest
        highest = current.epoch
