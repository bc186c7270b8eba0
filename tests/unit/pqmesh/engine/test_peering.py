# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-R with one peer: which R1 goes out when, what is stored first, and what is dropped."""

import pytest

from pqmesh.engine.answer import Answer, patience_ms
from pqmesh.engine.context import Context
from pqmesh.engine.hs_r import Responder, ticket_of
from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.peering import TRIES, Peering
from pqmesh.engine.resumption import Pending
from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, RADIO_LINK, SERIAL_LINK, replace
from pqmesh.wire.handshake import Params
from pqmesh.wire.resumption import decode_resume
from support.model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
ME = Identity(bytes(32), CRYPTO)
PEER = bytes(32)  # smaller than ours, so that we answer while we ask
ROOT, CHILD = b"r" * 32, b"c" * 32
PARAMS = Params(4096, 8, 0, bytes(4))


class FakeSession:
    """Stands for a session that R3 would open."""

    def __init__(self):
        self.discarded = False

    def discard(self):
        self.discarded = True


def kept(current, candidate, resumptions, params=PARAMS):
    return Ticket(PEER, current, candidate, resumptions, params.encode(), 11, 10, 3)


def fresh(candidate=None, link=RADIO_LINK):
    context = Context(ME, CRYPTO, CountingEntropy(b"e"), link, BOARD)
    tickets = MemoryTickets(1, lambda: 99)
    ticket = kept(ROOT, candidate, 7)
    tickets.save(ticket)
    return Peering(context, tickets, ticket), context, tickets


def outcome(resumption=CHILD, params=PARAMS):
    return Outcome(PEER, params, bytes(8), b"", b"", b"", resumption)


def sent(context):
    frames = []
    while (frame := context.tx.next()) is not None:
        frames.append(frame)
    return frames


def tries_of(peering, context):
    """Let every R1 go unanswered; return the frames and the waits before each next one."""
    waits, frames, now = [], [], 0
    while peering.send_r1(now):
        frames += sent(context)
        assert not peering.attempt_due(peering.next_deadline() - 1)
        assert peering.attempt_due(peering.next_deadline())
        waits.append(peering.next_deadline() - now)
        now = peering.next_deadline()
    return frames, waits


def test_one_generation_is_tried_five_times_with_one_r1_and_ever_more_patience():
    peering, context, _ = fresh()
    peering.connect(0)
    frames, waits = tries_of(peering, context)
    assert len(frames) == TRIES == 5
    assert len(set(frames)) == 1
    airtime = RADIO_LINK.airtime_ms(42)
    assert [wait - airtime for wait in waits] == [1_000, 1_000, 2_000, 2_000, 4_000]
    assert peering.tally.sent == 5 * 42
    assert context.stats.frames_retransmitted == 4


def test_of_two_generations_each_is_tried_five_times_in_turn():
    peering, context, _ = fresh(CHILD)
    peering.connect(0)
    frames, waits = tries_of(peering, context)
    tickets = [decode_resume(frame).ticket for frame in frames]
    assert tickets == [ticket_of(CHILD), ticket_of(ROOT)] * 5
    assert len({decode_resume(frame).nonce for frame in frames}) == 10
    assert len({decode_resume(frame).cid() for frame in frames}) == 1
    airtime = RADIO_LINK.airtime_ms(42)
    assert [wait - airtime for wait in waits] == [1_000] * 4 + [2_000] * 4 + [4_000] * 2


def test_patience_is_one_round_trip_within_the_links_bounds():
    assert patience_ms(SERIAL_LINK, 0) == SERIAL_LINK.min_rto_ms
    wide = replace(RADIO_LINK, min_rto_ms=1)
    assert patience_ms(wide, 1) == wide.answer_due_ms(37)
    assert patience_ms(wide, 2) == 2 * wide.answer_due_ms(37)
    assert patience_ms(RADIO_LINK, 99) == RADIO_LINK.max_rto_ms


def test_another_connect_starts_counting_anew():
    peering, context, _ = fresh()
    peering.connect(0)
    tries_of(peering, context)
    peering.connect(50_000)
    assert peering.send_r1(50_000)
    assert (peering.started_at, peering.tally.sent) == (50_000, 42)


def test_an_answer_is_stored_before_it_counts():
    peering, _, tickets = fresh()
    peering.connect(0)
    peering.send_r1(0)
    peering.answered(outcome())
    assert tickets.load(PEER) == kept(ROOT, CHILD, 8) == peering.ticket()
    assert (peering.handle, peering.initiator, peering.next_deadline()) == (0, None, None)
    peering.confirmed()
    assert tickets.load(PEER) == kept(CHILD, None, 8)


def test_a_dropped_attempt_gives_its_cid_back_and_closes_the_ratchets_door():
    peering, context, _ = fresh()
    peering.drop_attempt()  # harmless without one
    peering.connect(0)
    peering.send_r1(0)
    assert context._cids == {peering.initiator.cid}
    peering.drop_attempt()
    assert context._cids == set()
    assert peering.ratchet.attempt is None
    assert peering.next_deadline() is None


def answering(peering, now=0):
    answer = Answer(FakeSession(), b"R2" + bytes(35), now)
    peering.answering(answer, Pending(b"n", b"a", ROOT, CHILD, False), now)
    return answer


def test_to_answer_ends_our_attempt_and_the_answer_before():
    peering, context, _ = fresh()
    peering.connect(0)
    peering.send_r1(0)
    first = answering(peering)
    assert peering.initiator is None
    second = answering(peering)
    assert (first.session.discarded, second.session.discarded) == (True, False)
    assert peering.busy()
    assert sent(context)[1:] == [first.r2, second.r2]


def test_to_begin_ends_our_answer():
    peering, _, _ = fresh()
    answer = answering(peering)
    peering.connect(0)
    peering.send_r1(0)
    assert answer.session.discarded
    assert peering.answer is None


def test_r2_is_repeated_seven_times_and_then_only_waits():
    peering, context, _ = fresh()
    answer = answering(peering, 1_000)
    assert answer.expires_at == 1_000 + RADIO_LINK.handshake_ms
    waits = [peering.next_deadline() - 1_000 - RADIO_LINK.airtime_ms(37)]
    while not answer.settled():
        now = answer.deadline
        answer.repeat(context, now)
        waits.append(answer.deadline - now - RADIO_LINK.airtime_ms(37))
    # after a time in which the peer's R1 comes again if it wants R2
    again = RADIO_LINK.airtime_ms(42)
    twice = [1_000, 1_000, 2_000, 2_000, 4_000, 4_000, 8_000, 8_000]
    assert [wait - again for wait in waits] == twice
    assert sent(context) == [answer.r2] * 8
    assert answer.tally.sent == 8 * 37
    assert context.stats.frames_retransmitted == 7
    answer.wait(answer.expires_at)
    answer.begin(context, 200_000)  # the peer asks about its R1 after all
    assert not answer.settled()
    assert sent(context) == [answer.r2]


def test_a_commit_is_stored_and_leaves_nothing_open():
    peering, _, tickets = fresh()
    answering(peering)
    peering.handle, peering.unconfirmed = 5, FakeSession()
    peering.commit()
    assert tickets.load(PEER) == kept(CHILD, None, 8)
    assert peering.idle()


def test_a_full_handshake_stores_generation_0_and_what_the_peer_now_takes():
    peering, _, tickets = fresh(CHILD)
    params = Params(99, 1, 0, bytes(4))
    peering.reset(outcome(b"0" * 32, params), 4)
    assert tickets.load(PEER) == Ticket(PEER, b"0" * 32, None, 0, params.encode(), 99, 99, 4)
    assert peering.names(True).params.message_bytes == 99


def test_generations_are_known_by_name_and_roles_by_who_begins():
    peering, _, _ = fresh(CHILD)
    assert peering.generation(ticket_of(ROOT)) == ROOT
    assert peering.generation(ticket_of(CHILD)) == CHILD
    assert peering.generation(bytes(8)) is None
    assert fresh()[0].generation(ticket_of(CHILD)) is None
    ours, theirs = peering.names(True), peering.names(False)
    assert (ours.initiator, ours.responder) == (ME.peer_id, PEER)
    assert (theirs.initiator, theirs.responder) == (PEER, ME.peer_id)


@pytest.mark.parametrize("what", ["handle", "answer", "unconfirmed"])
def test_it_is_idle_when_the_ticket_says_it_all(what):
    peering, _, _ = fresh()
    assert peering.idle()
    setattr(peering, what, 1)
    assert not peering.idle()
    assert peering.busy() == (what != "unconfirmed")


def test_what_it_sends_a_responder_of_the_peer_takes():
    peering, context, _ = fresh()
    peering.connect(0)
    peering.send_r1(0)
    (r1,) = sent(context)
    r2, theirs = Responder(ROOT, peering.names(True), r1).answer(1, bytes(16))
    assert peering.initiator.verify(r2).resumption == theirs.resumption
