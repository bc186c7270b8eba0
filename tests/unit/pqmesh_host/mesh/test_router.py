# SPDX-License-Identifier: MIT OR Apache-2.0
"""Routing decisions: who gets a message, who may speak for whom, and who may command."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.record import replace
from pqmesh.wire.mesh import COMMAND, READING, REPLY, MeshMessage, command, reading, reply
from pqmesh_host.mesh import router as subject
from pqmesh_host.mesh.router import Decision, Hop, Router, Unreachable

OWN, BOARD, OTHER_BOARD = b"\x00" * 32, b"\xb0" * 32, b"\xb1" * 32
ALICE, BOB, AWAY, STRANGER = (bytes([0xA0 + n]) * 32 for n in range(4))
ID = b"identify"
NEW_ID = b"freshone"
FROM_BOARD, FROM_ALICE = Hop(BOARD, on_link=True), Hop(ALICE, on_link=False)
A_READING = reading(ID, "t", 21, "C", 0)


class Here:
    """A topology to edit."""

    def __init__(self) -> None:
        self.on_links = {BOARD, OTHER_BOARD}
        self.connected = {ALICE, BOB}
        self.away = {AWAY}

    def boards(self) -> set[bytes]:
        return self.on_links

    def peers(self) -> set[bytes]:
        return self.connected

    def absent(self) -> set[bytes]:
        return self.away


@pytest.fixture
def here() -> Here:
    return Here()


@pytest.fixture
def router(here: Here) -> Router:
    return Router(OWN, here, lambda peer: peer == ALICE, lambda: NEW_ID)


def sent_to(decision: Decision) -> list[bytes]:
    return [target for target, _ in decision.forwards]


def test_a_boards_reading_goes_to_every_peer_with_its_origin(router: Router) -> None:
    decision = router.decide(A_READING, FROM_BOARD)
    assert decision.deliver
    assert sent_to(decision) == [ALICE, BOB, AWAY]
    for _, message in decision.forwards:
        assert message == replace(A_READING, origin=BOARD, ttl=A_READING.ttl - 1)


def test_a_peers_reading_stays_here(router: Router) -> None:
    decision = router.decide(replace(A_READING, origin=BOARD), FROM_ALICE)
    assert decision == Decision(deliver=True)


def test_a_reading_whose_ttl_is_used_up_is_not_forwarded(router: Router) -> None:
    decision = router.decide(replace(A_READING, ttl=0), FROM_BOARD)
    assert decision == Decision(deliver=True)


def test_a_board_may_name_itself_but_nobody_else(router: Router) -> None:
    assert router.decide(replace(A_READING, origin=BOARD), FROM_BOARD).deliver
    forged = router.decide(replace(A_READING, origin=ALICE), FROM_BOARD)
    assert not forged.deliver
    assert "only for itself" in forged.dropped


def test_what_we_sent_ourselves_is_not_taken_back(router: Router) -> None:
    assert "our own" in router.decide(replace(A_READING, origin=OWN), FROM_ALICE).dropped


def test_a_command_goes_down_to_its_board_and_says_who_gave_it(router: Router) -> None:
    asked = command(ID, "led", {"on": True}, BOARD)
    decision = router.decide(asked, FROM_ALICE)
    assert not decision.deliver
    assert decision.forwards == ((BOARD, replace(asked, origin=ALICE, ttl=asked.ttl - 1)),)


def test_a_command_for_us_is_obeyed_here(router: Router) -> None:
    assert router.decide(command(ID, "ping", {}, OWN), FROM_ALICE) == Decision(deliver=True)
    assert router.decide(command(ID, "ping", {}), FROM_ALICE) == Decision(deliver=True)


@pytest.mark.parametrize("hop", [Hop(BOB, on_link=False), FROM_BOARD])
def test_a_command_of_one_who_may_not_is_refused_with_a_reply(router: Router, hop: Hop) -> None:
    decision = router.decide(command(ID, "led", {}, OTHER_BOARD), hop)
    assert not decision.deliver
    assert "may not command" in decision.dropped
    ((target, answer),) = decision.forwards
    assert target == hop.peer_id
    assert (answer.kind, answer.id, answer.destination) == (REPLY, NEW_ID, hop.peer_id)
    assert (answer.body["re"], answer.body["ok"]) == (ID, False)


def test_a_command_for_a_board_that_is_away_is_refused_with_a_reply(
    router: Router, here: Here
) -> None:
    here.on_links = set()
    decision = router.decide(command(ID, "led", {}, BOARD), FROM_ALICE)
    assert "not connected here" in decision.forwards[0][1].body["r"]


def test_a_command_is_not_passed_on_between_peers(router: Router) -> None:
    decision = router.decide(command(ID, "led", {}, BOB), FROM_ALICE)
    assert sent_to(decision) == [ALICE]  # the refusal


def test_a_command_whose_ttl_is_used_up_ends_here(router: Router) -> None:
    decision = router.decide(replace(command(ID, "led", {}, BOARD), ttl=0), FROM_ALICE)
    assert decision == Decision(dropped="ttl ran out")


@pytest.mark.parametrize("asker", [ALICE, AWAY, OTHER_BOARD])
def test_a_reply_goes_to_who_asked_even_if_away_just_now(router: Router, asker: bytes) -> None:
    answer = reply(NEW_ID, ID, True, 1, asker)
    decision = router.decide(answer, FROM_BOARD)
    assert decision.forwards == ((asker, replace(answer, origin=BOARD, ttl=answer.ttl - 1)),)


def test_a_reply_goes_back_through_the_peer_that_spoke_for_who_asked(router: Router) -> None:
    router.decide(replace(command(ID, "led", {}, BOARD), origin=STRANGER), FROM_ALICE)
    assert sent_to(router.decide(reply(NEW_ID, ID, True, 1, STRANGER), FROM_BOARD)) == [ALICE]


def test_a_reply_for_one_who_is_gone_is_dropped(router: Router) -> None:
    assert "gone" in router.decide(reply(NEW_ID, ID, True, 1, STRANGER), FROM_BOARD).dropped
    used_up = replace(reply(NEW_ID, ID, True, 1, ALICE), ttl=0)
    assert router.decide(used_up, FROM_BOARD) == Decision(dropped="ttl ran out")


def test_our_own_command_goes_straight_when_it_can(router: Router) -> None:
    assert router.first_hops(BOARD) == [BOARD]
    assert router.first_hops(BOB) == [BOB]


def test_our_own_command_goes_to_who_last_spoke_for_its_destination(router: Router) -> None:
    assert router.first_hops(STRANGER) == [ALICE, BOB]
    router.decide(replace(A_READING, origin=STRANGER), Hop(BOB, on_link=False))
    assert router.first_hops(STRANGER) == [BOB]
    assert router.origins() == [STRANGER]


def test_our_own_command_waits_for_nobody(router: Router, here: Here) -> None:
    here.connected = set()
    with pytest.raises(Unreachable, match="no peer is"):
        router.first_hops(AWAY)


def test_routes_are_bounded_and_the_least_recent_goes(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_ROUTES", 2)
    for number in (1, 2, 1, 3):
        router.decide(replace(A_READING, origin=bytes([number]) * 32), FROM_ALICE)
    assert router.origins() == [b"\x01" * 32, b"\x03" * 32]


NAMES = st.sampled_from([OWN, BOARD, OTHER_BOARD, ALICE, BOB, AWAY, STRANGER])
MESSAGES = st.builds(
    MeshMessage,
    kind=st.sampled_from([READING, COMMAND, REPLY]),
    ttl=st.integers(0, 8),
    id=st.just(ID),
    origin=st.none() | NAMES,
    destination=st.none() | NAMES,
    body=st.just({"re": ID, "ok": True, "r": 0, "n": "", "v": 0, "u": "", "t": 0}),
)
HOPS = st.sampled_from([FROM_BOARD, FROM_ALICE, Hop(BOB, on_link=False)])


@settings(deadline=None)
@given(messages=st.lists(st.tuples(MESSAGES, HOPS), max_size=8))
def test_whatever_comes_no_message_loops_or_lies(messages: list[tuple[MeshMessage, Hop]]) -> None:
    fresh = Router(OWN, Here(), lambda peer: peer == ALICE, lambda: NEW_ID)
    for message, hop in messages:
        decision = fresh.decide(message, hop)
        assert decision.deliver or decision.forwards or decision.dropped
        for target, sent in decision.forwards:
            assert target != OWN
            if sent.id == message.id:
                assert sent.ttl == message.ttl - 1
                assert sent.origin == (message.origin or hop.peer_id)
                assert not hop.on_link or sent.origin == hop.peer_id


def test_no_message_is_forwarded_for_ever() -> None:
    """Two gateways that each take the board for the other's: ttl ends it."""
    message = command(ID, "led", {}, BOARD)
    forwarded = 0
    while True:
        gateway = Router(OWN, Here(), lambda _: True, lambda: NEW_ID)
        decision = gateway.decide(message, FROM_ALICE)
        if not decision.forwards:
            break
        message = decision.forwards[0][1]
        forwarded += 1
    assert forwarded == 8
