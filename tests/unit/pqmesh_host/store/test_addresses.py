# SPDX-License-Identifier: MIT OR Apache-2.0
"""The cache of addresses: what comes in, in which order it comes out, and when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pqmesh_host.store import AddressStore, Store
from pqmesh_host.store import addresses as subject
from pqmesh_host.store.addresses import DAY_S, FORGET_S, MAX_ADDRESSES, MAX_FAILURES

ALICE, BOB = b"\xa1" * 32, b"\xb0" * 32
HERE, THERE = ("192.0.2.1", 9000), ("2001:db8::1", 9000)


class Clock:
    now_s = 1_700_000_000

    def __call__(self) -> int:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state.sqlite") as store:
        yield store


@pytest.fixture
def addresses(store: Store, clock: Clock) -> AddressStore:
    return AddressStore(store, clock)


def dialable(addresses: AddressStore, peer_id: bytes = ALICE) -> list[tuple[str, int]]:
    return [known.address for known in addresses.of(peer_id)]


def test_what_worked_is_there_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    with Store.open(tmp_path / "state.sqlite") as store:
        AddressStore(store, clock).worked(ALICE, HERE, "dialled")
    with Store.open(tmp_path / "state.sqlite") as store:
        (known,) = AddressStore(store, clock).of(ALICE)
    assert (known.address, known.how, known.successes) == (HERE, "dialled", 1)
    assert (known.failures, known.success_s) == (0, clock.now_s)


def test_peers_are_kept_apart(addresses: AddressStore) -> None:
    addresses.worked(ALICE, HERE, "dialled")
    addresses.worked(BOB, THERE, "accepted")
    assert dialable(addresses) == [HERE]
    assert [(one.peer_id, one.address) for one in addresses.all()] == [(ALICE, HERE), (BOB, THERE)]
    assert addresses.forget(ALICE) == 1
    assert addresses.forget(ALICE) == 0
    assert dialable(addresses) == []
    assert dialable(addresses, BOB) == [THERE]


def test_failures_and_age_move_an_address_back(addresses: AddressStore, clock: Clock) -> None:
    addresses.worked(ALICE, HERE, "dialled")
    addresses.worked(ALICE, HERE, "dialled")
    addresses.worked(ALICE, THERE, "dialled")
    assert dialable(addresses) == [HERE, THERE]
    addresses.failed(ALICE, HERE)
    addresses.failed(ALICE, HERE)
    assert dialable(addresses) == [THERE, HERE]
    addresses.worked(ALICE, HERE, "accepted")  # which makes up for the failures
    assert dialable(addresses) == [HERE, THERE]
    clock.now_s += 30 * DAY_S
    addresses.worked(ALICE, THERE, "dialled")
    assert dialable(addresses) == [THERE, HERE]


def test_what_has_not_worked_for_long_or_keeps_failing_is_forgotten(
    addresses: AddressStore, store: Store, clock: Clock
) -> None:
    addresses.worked(ALICE, HERE, "dialled")
    clock.now_s += FORGET_S
    addresses.worked(ALICE, THERE, "dialled")
    assert dialable(addresses) == [THERE, HERE]
    clock.now_s += 1
    assert dialable(addresses) == [THERE]
    for _ in range(MAX_FAILURES):
        addresses.failed(ALICE, THERE)
    assert dialable(addresses) == []
    assert store.execute("SELECT count(*) FROM peer_address") == [(0,)]


def test_a_failure_brings_nothing_in(addresses: AddressStore) -> None:
    addresses.failed(ALICE, HERE)
    assert addresses.all() == []


def test_only_so_many_are_kept(
    addresses: AddressStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MAX_ADDRESSES + 3):
        clock.now_s += 3600
        addresses.worked(ALICE, ("192.0.2.1", 1 + number), "accepted")
    ports = [port for _, port in dialable(addresses)]
    assert ports == list(range(MAX_ADDRESSES + 3, 3, -1))
    monkeypatch.setattr(subject, "MAX_PEERS", 2)
    for number in range(3):
        clock.now_s += 1
        addresses.worked(bytes([number]) * 32, HERE, "dialled")
    assert {one.peer_id for one in addresses.all()} == {b"\x01" * 32, b"\x02" * 32}


@pytest.mark.parametrize(
    "address",
    [
        ("224.0.0.1", 9000),
        ("0.0.0.0", 9000),
        ("::", 9000),
        ("192.0.2.1", 0),
        ("192.0.2.1", 65_536),
        ("host.example", 9000),
    ],
)
def test_what_cannot_be_dialled_does_not_come_in(
    addresses: AddressStore, address: tuple[str, int]
) -> None:
    addresses.worked(ALICE, address, "dialled")
    assert addresses.all() == []


def test_rows_that_make_no_sense_are_passed_over(addresses: AddressStore, store: Store) -> None:
    addresses.worked(ALICE, HERE, "dialled")
    for row in (
        (ALICE, "nonsense", 1, "x", 1, 0, 1_700_000_000),
        (ALICE, "192.0.2.9", 99_999, "x", 1, 0, 1_700_000_000),
        (b"short", "192.0.2.9", 9, "x", 1, 0, 1_700_000_000),
    ):
        store.execute("INSERT INTO peer_address VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    assert [one.address for one in addresses.all()] == [HERE]
