# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both ends of a coordinated dial, joined by a real coordinator; and every trick on them."""

import dataclasses

import pytest

from pqmesh_host.quic.frames import Address
from pqmesh_host.quic.nat.aqcc import Coordination
from pqmesh_host.quic.nat.candidates import CandidatePolicy
from pqmesh_host.quic.nat.coordinator import Coordinator
from pqmesh_host.quic.nat.participant import (
    LIFETIME_MS,
    MAX_OPEN,
    Denied,
    Output,
    Participant,
    Punch,
    Send,
)

ALICE, BOB, CAROL, MALLORY = (bytes([name]) * 32 for name in b"abcm")
SEEN: dict[bytes, Address] = {ALICE: ("198.18.0.1", 4001), BOB: ("198.18.0.2", 4002)}
NOW = 1_790_000_000_000


def participant(name: bytes) -> Participant:
    return Participant(name, CandidatePolicy())


def one(outputs: list[Output]) -> Output:
    (output,) = outputs
    return output


def accepted(**changes: object) -> Coordination:
    made = Coordination(
        kind="Accepted",
        request_id=1,
        expires_at_unix_ms=NOW + LIFETIME_MS,
        initiator=ALICE,
        target=BOB,
        round=1,
        initiator_addresses=(SEEN[ALICE],),
        target_addresses=(SEEN[BOB],),
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_both_ends_dial_where_the_coordinator_sees_the_other() -> None:
    alice, bob, carol = participant(ALICE), participant(BOB), Coordinator(SEEN.get)
    request_id, send = alice.request(CAROL, BOB, [("10.0.0.1", 4001)], NOW)
    ((to, offer),) = carol.handle(ALICE, send.message, NOW)
    assert (send.to, to) == (CAROL, BOB)
    answer = one(bob.handle(CAROL, offer, [("10.7.7.7", 4002)], NOW, 0))
    assert isinstance(answer, Send)
    to_alice, to_bob = carol.handle(BOB, answer.message, NOW)
    # ant-quic's coordinator passes private addresses on: they mean nothing here.
    private = dataclasses.replace(to_alice[1], target_addresses=(SEEN[BOB], ("10.7.7.7", 4002)))
    assert one(alice.handle(CAROL, private, [], NOW, 0)) == Punch(
        BOB, (SEEN[BOB],), request_id, True
    )
    assert one(bob.handle(CAROL, to_bob[1], [], NOW, 0)) == Punch(
        ALICE, (SEEN[ALICE],), request_id, False
    )
    assert (alice.refused_addresses, bob.refused_addresses) == (1, 0)


def test_a_rejection_is_reported() -> None:
    alice, carol = participant(ALICE), Coordinator({ALICE: SEEN[ALICE]}.get)
    request_id, send = alice.request(CAROL, BOB, [], NOW)
    ((_, answer),) = carol.handle(ALICE, send.message, NOW)
    assert alice.handle(MALLORY, answer, [], NOW, 0) == []  # not her coordinator's word
    assert one(alice.handle(CAROL, answer, [], NOW, 0)) == Denied(BOB, request_id, "UnknownTarget")
    assert alice.handle(CAROL, answer, [], NOW, 0) == []


def test_an_accepted_nobody_asked_for_makes_no_one_dial() -> None:
    alice = participant(ALICE)
    assert alice.handle(CAROL, accepted(), [], NOW, 0) == []
    alice.request(CAROL, BOB, [], NOW)
    assert alice.handle(MALLORY, accepted(), [], NOW, 0) == []
    assert alice.handle(CAROL, accepted(request_id=2), [], NOW, 0) == []
    assert alice.handle(CAROL, accepted(initiator=BOB, target=ALICE), [], NOW, 0) == []
    assert alice.unasked == 4
    assert isinstance(one(alice.handle(CAROL, accepted(), [], NOW, 0)), Punch)
    assert alice.handle(CAROL, accepted(), [], NOW, 0) == []  # once


def test_a_third_party_in_the_list_is_not_dialled() -> None:
    alice = participant(ALICE)
    alice.request(CAROL, BOB, [], NOW)
    victims = tuple((f"198.18.9.{number}", 4_000) for number in range(1, 9))
    punch = one(alice.handle(CAROL, accepted(target_addresses=(SEEN[BOB], *victims)), [], NOW, 0))
    assert isinstance(punch, Punch)
    assert punch.addresses == (SEEN[BOB],)
    assert alice.refused_addresses == 8


def test_nothing_to_dial_is_nothing_to_do() -> None:
    alice = participant(ALICE)
    alice.request(CAROL, BOB, [], NOW)
    assert alice.handle(CAROL, accepted(target_addresses=()), [], NOW, 0) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"target": ALICE},
        {"initiator": BOB},
        {"initiator": CAROL},
        {"expires_at_unix_ms": NOW},
    ],
)
def test_offers_that_make_no_sense_are_not_answered(changes: dict[str, object]) -> None:
    offer = accepted(kind="Offer", target_addresses=(), **changes)
    assert participant(BOB).handle(CAROL, offer, [], NOW, 0) == []


def test_an_offer_is_answered_once() -> None:
    bob, offer = participant(BOB), accepted(kind="Offer", target_addresses=())
    assert isinstance(one(bob.handle(CAROL, offer, [], NOW, 0)), Send)
    assert bob.handle(CAROL, offer, [], NOW, 0) == []


def test_what_is_under_way_is_bounded_and_forgotten_in_time() -> None:
    alice = participant(ALICE)
    for _ in range(MAX_OPEN):
        alice.request(CAROL, BOB, [], NOW)
    with pytest.raises(RuntimeError, match="under way"):
        alice.request(CAROL, BOB, [], NOW)
    offer = accepted(kind="Offer", initiator=BOB, target=ALICE, target_addresses=())
    assert alice.handle(CAROL, offer, [], NOW, 0) == []
    later = NOW + LIFETIME_MS
    assert alice.handle(CAROL, accepted(), [], later, 10) == []
    assert alice.request(CAROL, BOB, [], later)[0] == MAX_OPEN + 1


def test_messages_that_are_not_for_a_participant_are_ignored() -> None:
    for kind in ("Request", "Ready"):
        assert participant(BOB).handle(CAROL, accepted(kind=kind), [], NOW, 0) == []


RELAY: Address = ("198.18.0.9", 9009)


def second_round(bob: Participant, **changes: object) -> list[Output]:
    """Alice's relay address reaches Bob, who agreed to a round 2."""
    offer = accepted(kind="Offer", target_addresses=(), round=2)
    assert isinstance(one(bob.handle(CAROL, offer, [], NOW, 0)), Send)
    # Our coordinator tells of the relay alone; ant-quic's puts first where it sees her.
    agreed = accepted(round=2, initiator_addresses=(SEEN[ALICE], RELAY))
    return bob.handle(CAROL, dataclasses.replace(agreed, **changes), [], NOW, 0, ["198.18.0.9"])


def test_in_round_2_the_target_dials_the_relay_and_nothing_else() -> None:
    assert one(second_round(participant(BOB))) == Punch(ALICE, (RELAY,), 1, False, True)


def test_a_relay_we_are_not_connected_to_is_a_third_party() -> None:
    bob = participant(BOB)
    elsewhere = (SEEN[ALICE], ("198.18.0.77", 9009))
    assert second_round(bob, initiator_addresses=elsewhere) == []
    assert bob.refused_addresses == 2


def test_the_coordinator_cannot_turn_round_1_into_round_2() -> None:
    bob = participant(BOB)
    offer = accepted(kind="Offer", target_addresses=())
    bob.handle(CAROL, offer, [], NOW, 0)
    agreed = accepted(round=2, initiator_addresses=(SEEN[ALICE], RELAY))
    punch = one(bob.handle(CAROL, agreed, [], NOW, 0, ["198.18.0.9"]))
    assert punch == Punch(ALICE, (SEEN[ALICE],), 1, False, False)


def test_the_initiator_of_round_2_learns_that_it_is_agreed_and_dials_nobody() -> None:
    alice = participant(ALICE)
    request_id, send = alice.request(CAROL, BOB, [RELAY], NOW, relayed=True)
    assert send.message.round == 2
    agreed = accepted(request_id=request_id, round=2)
    assert one(alice.handle(CAROL, agreed, [], NOW, 0)) == Punch(BOB, (), request_id, True, True)
