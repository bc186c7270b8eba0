# SPDX-License-Identifier: MIT OR Apache-2.0
"""One handshake object: state, sender and deadlines of either role."""

import pytest

from pqmesh.engine import handshake_states as states
from pqmesh.engine.context import Context
from pqmesh.engine.handshake import Handshake, own_params, stalest_of
from pqmesh.engine.peering import Peering
from pqmesh.engine.tickets import MemoryTickets, Ticket
from pqmesh.errors import Unexpected
from pqmesh.identity import Identity
from pqmesh.limits import BOARD, GATEWAY, SERIAL_LINK, replace
from pqmesh.wire.fragment import decode_fragment
from support.model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
NAME = Identity(bytes(32), CRYPTO)


def context(limits=BOARD, link=SERIAL_LINK):
    return Context(NAME, CRYPTO, CountingEntropy(b""), link, limits)


def frames(made):
    out = []
    while (frame := made.tx.next()) is not None:
        out.append(frame)
    return out


def test_params_tell_the_truth_within_their_fields():
    assert own_params(context()).message_bytes == BOARD.message_bytes
    assert own_params(context(replace(GATEWAY, message_bytes=1 << 20))).message_bytes == 0xFFFF
    assert own_params(context(link=replace(SERIAL_LINK, window=99))).window == 32


def test_an_initiator_has_a_nonce_and_a_responder_none():
    ours, theirs = Handshake(context(), True, 0), Handshake(context(), False, 0)
    assert ours.nonce() == b""
    ours.begin()
    assert len(ours.nonce()) == 16
    theirs.begin_answer()
    assert theirs.nonce() == b""


def test_beginning_again_draws_afresh():
    ours = Handshake(context(), True, 0)
    ours.begin()
    before = ours.nonce()
    ours.begin()
    assert ours.nonce() != before


def test_states_move_by_the_table():
    ours = Handshake(context(), True, 0)
    ours.advance(states.CONNECT)
    assert ours.state == states.OFFERED
    with pytest.raises(Unexpected):
        ours.advance(states.M3)
    ours.advance(states.FAIL)
    assert ours.state == states.FAILED


def test_a_new_message_ends_the_sending_of_the_last():
    made = context()
    ours = Handshake(made, True, 0)
    ours.stop_sending()  # nothing is being sent: harmless
    ours.send(bytes(100), 1, 0)
    ours.send(bytes(200), 3, 0)
    assert {decode_fragment(frame).number() for frame in frames(made)} == {3}


def test_the_deadline_is_the_senders_or_the_end():
    made = context()
    ours = Handshake(made, True, 100)
    assert ours.next_deadline() == 100 + SERIAL_LINK.handshake_ms
    assert ours.retransmit(10_000)
    ours.send(bytes(100), 1, 100)
    assert 100 < ours.next_deadline() < 100 + SERIAL_LINK.handshake_ms
    frames(made)
    assert ours.next_deadline() == 100  # it has left; the next look at the clock says when
    assert ours.retransmit(5_000)
    assert ours.next_deadline() == 5_000 + SERIAL_LINK.sack_ms()
    assert ours.retransmit(ours.next_deadline() - 1)
    assert frames(made) == []
    assert ours.retransmit(ours.next_deadline())
    assert len(frames(made)) == 1


def test_an_unstarted_sender_waits_for_nothing():
    ours = Handshake(context(), True, 0)
    ours.send(bytes(100), 1, 0)
    ours.sender.deadline = None
    assert ours.retransmit(10_000)
    assert ours.next_deadline() == SERIAL_LINK.handshake_ms


def test_in_the_end_the_peer_is_given_up():
    ours = Handshake(context(), True, 0)
    ours.send(bytes(100), 1, 0)
    tries = 0
    while ours.retransmit(ours.sender.deadline):
        tries += 1
    assert tries == SERIAL_LINK.tries


def test_the_stalest_of_the_peers_gives_way_once_it_was_silent_for_long():
    patience = 8 * SERIAL_LINK.min_rto_ms
    ours, older, newer = (Handshake(context(), mine, 0) for mine in (True, False, False))
    newer.touched_at = 5
    table = [newer, older, ours]
    assert stalest_of(table, patience - 1, SERIAL_LINK) is None
    assert stalest_of(table, patience, SERIAL_LINK) is older
    assert stalest_of([ours], patience, SERIAL_LINK) is None


def test_it_goes_on_from_a_resumption_under_its_handle():
    ticket = Ticket(b"p" * 32, b"c" * 32, None, 0, bytes(8), 0, 0, 0)
    resumption = Peering(context(), MemoryTickets(1), ticket)
    resumption.connect(77)
    resumption.tally.sent = 42
    ours = Handshake(context(), True, 99)
    ours.goes_on_from(resumption)
    assert (ours.handle, ours.started_at, ours.tally.sent) == (resumption.handle, 77, 42)


def test_whom_it_has_proved_is_told_only_while_m3_is_out():
    ours = Handshake(context(), True, 0)
    assert ours.proved_peer() == b""
    ours.begin().peer_id = b"p" * 32
    ours.advance(states.CONNECT)
    assert ours.proved_peer() == b""
    ours.advance(states.M2)
    assert ours.proved_peer() == b"p" * 32
    ours.advance(states.CONFIRM)
    assert ours.proved_peer() == b""


def test_a_peer_that_takes_less_gets_less():
    made = context()
    ours = Handshake(made, True, 0)
    ours.limit_mtu(300)
    ours.limit_mtu(999)
    ours.send(bytes(1_206), 1, 0)
    assert max(map(len, frames(made))) == 300


def test_a_single_frame_takes_the_place_of_a_message():
    made = context()
    ours = Handshake(made, True, 0)
    ours.send(bytes(1_206), 1, 0)
    before = ours.sender
    ours.say(b"frame", 24, 0)
    assert before.finished
    assert frames(made) == [b"frame"]
    assert ours.next_deadline() == ours.sender.deadline


def test_the_nonce_of_a_hello_is_the_one_that_counts():
    ours = Handshake(context(), True, 0)
    ours.drawn = b"n" * 16
    ours.begin()
    assert ours.nonce() == b"n" * 16
