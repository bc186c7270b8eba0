# SPDX-License-Identifier: MIT OR Apache-2.0
"""A coordinator brings two peers together, and nobody into trouble."""

import dataclasses

import pytest

from pqmesh_host.quic.frames import Address
from pqmesh_host.quic.nat.aqcc import Coordination
from pqmesh_host.quic.nat.coordinator import (
    MAX_LIFETIME_MS,
    MAX_PAIRS,
    MAX_PENDING,
    PAIR_INTERVAL_MS,
    Coordinator,
)

ALICE, BOB, CAROL = (bytes([name]) * 32 for name in b"abc")
SEEN: dict[bytes, Address] = {ALICE: ("198.18.0.1", 4001), BOB: ("198.18.0.2", 4002)}
NOW = 1_790_000_000_000
CLAIMED = (("198.18.0.1", 4444), ("198.18.0.1", 4001), ("10.0.0.1", 4001))


def request(**changes: object) -> Coordination:
    made = Coordination(
        kind="Request",
        request_id=7,
        expires_at_unix_ms=NOW + 5_000,
        initiator=ALICE,
        target=BOB,
        round=1,
        initiator_addresses=CLAIMED,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def ready(**changes: object) -> Coordination:
    made = request(kind="Ready", initiator_addresses=(), target_addresses=(("10.9.9.9", 4002),))
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def coordinator() -> Coordinator:
    return Coordinator(SEEN.get)


def test_two_peers_are_told_where_each_is_seen() -> None:
    made = coordinator()
    ((to, offer),) = made.handle(ALICE, request(), NOW)
    assert (to, offer.kind) == (BOB, "Offer")
    # Where we see her comes first, and what she says of herself once.
    assert offer.initiator_addresses == (("198.18.0.1", 4001), ("198.18.0.1", 4444))
    first, second = made.handle(BOB, ready(), NOW + 50)
    assert first == (ALICE, second[1])
    assert second[0] == BOB
    assert first[1].kind == "Accepted"
    assert first[1].initiator_addresses == offer.initiator_addresses
    assert first[1].target_addresses == (("198.18.0.2", 4002),)
    assert len(made) == 0


def test_in_round_2_only_the_relay_is_told() -> None:
    relay = (("198.18.0.9", 9009),)
    ((_, offer),) = coordinator().handle(ALICE, request(round=2, initiator_addresses=relay), NOW)
    assert offer.initiator_addresses == relay


@pytest.mark.parametrize(
    ("alice", "bob", "told"),
    [
        ("198.18.0.1", "198.18.0.1", True),  # behind the same NAT
        ("10.0.0.1", "10.0.0.2", True),  # all three in one network
        ("198.18.0.1", "10.0.0.2", False),
        ("198.18.0.1", "198.18.0.2", False),
    ],
)
def test_private_addresses_are_told_where_they_may_mean_something(
    alice: str, bob: str, told: bool
) -> None:
    made = Coordinator({ALICE: (alice, 4001), BOB: (bob, 4002)}.get)
    ((_, offer),) = made.handle(ALICE, request(), NOW)
    assert (("10.0.0.1", 4001) in offer.initiator_addresses) is told or alice == "10.0.0.1"
    (_, accepted), _ = made.handle(BOB, ready(), NOW + 50)
    assert (("10.9.9.9", 4002) in accepted.target_addresses) is told


@pytest.mark.parametrize(
    ("sender", "changes", "reason"),
    [
        (BOB, {}, "Unauthenticated"),
        (ALICE, {"target": ALICE}, "SelfTarget"),
        (ALICE, {"target": CAROL}, "UnknownTarget"),
        (ALICE, {"expires_at_unix_ms": NOW}, "Expired"),
    ],
)
def test_a_request_that_cannot_be_is_rejected_with_its_reason(
    sender: bytes, changes: dict[str, object], reason: str
) -> None:
    ((to, answer),) = coordinator().handle(sender, request(**changes), NOW)
    assert (to, answer.kind, answer.reason) == (sender, "Rejected", reason)
    assert answer.initiator_addresses == ()


def test_a_pair_may_ask_every_two_seconds() -> None:
    made = coordinator()
    made.handle(ALICE, request(), NOW)
    ((_, again),) = made.handle(ALICE, request(request_id=8), NOW + PAIR_INTERVAL_MS - 1)
    assert again.reason == "RateLimited"
    ((_, later),) = made.handle(ALICE, request(request_id=9), NOW + PAIR_INTERVAL_MS)
    assert later.kind == "Offer"


def test_an_answer_that_comes_too_late_is_nobody_s() -> None:
    made = coordinator()
    made.handle(ALICE, request(expires_at_unix_ms=NOW + 10**9), NOW)
    assert made.handle(BOB, ready(), NOW + MAX_LIFETIME_MS) == []


def test_only_the_target_may_say_it_is_ready() -> None:
    made = coordinator()
    made.handle(ALICE, request(), NOW)
    assert made.handle(ALICE, ready(), NOW) == []
    assert made.handle(BOB, ready(request_id=8), NOW) == []
    assert len(made.handle(BOB, ready(), NOW)) == 2
    assert made.handle(BOB, ready(), NOW) == []  # once


def test_who_hung_up_gets_no_answer() -> None:
    seen = dict(SEEN)
    made = Coordinator(seen.get)
    made.handle(ALICE, request(), NOW)
    del seen[BOB]
    assert made.handle(BOB, ready(), NOW) == []
    seen[BOB] = SEEN[BOB]
    del seen[ALICE]
    assert made.handle(ALICE, request(request_id=9), NOW + 3_000) == []


def test_other_messages_are_not_a_coordinator_s() -> None:
    for kind in ("Offer", "Accepted", "Rejected"):
        assert coordinator().handle(ALICE, request(kind=kind), NOW) == []


def test_requests_under_way_are_bounded() -> None:
    everybody = {number.to_bytes(32, "big"): ("198.18.0.9", 4_000) for number in range(2_000)}
    made = Coordinator({**everybody, **SEEN}.get)
    for number in range(MAX_PENDING):
        who = number.to_bytes(32, "big")
        made.handle(who, request(initiator=who), NOW)
    ((_, answer),) = made.handle(ALICE, request(), NOW)
    assert answer.reason == "RateLimited"
    assert made.handle(ALICE, request(), NOW + MAX_LIFETIME_MS)[0][1].reason == "Expired"
    fresh = request(expires_at_unix_ms=NOW + 10**6)
    assert made.handle(ALICE, fresh, NOW + MAX_LIFETIME_MS)[0][1].kind == "Offer"
    assert len(made) == 1


def test_the_memory_of_pairs_is_bounded() -> None:
    everybody = {number.to_bytes(32, "big"): ("198.18.0.9", 4_000) for number in range(3_000)}
    made = Coordinator({**everybody, **SEEN}.get)
    for number in range(3_000):
        who = number.to_bytes(32, "big")
        now = NOW + number * 100
        made.handle(who, request(initiator=who, expires_at_unix_ms=now + 50), now)
    assert len(made._last) <= MAX_PAIRS
