# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-R as pure messages: agreement, and every way in which it must not agree."""

import pytest

from pqmesh.engine.hs_r import Initiator, Names, Responder, draw_nonce, ticket_of
from pqmesh.errors import BadTag, Malformed, ProtocolError, Unexpected
from pqmesh.wire.handshake import Params
from pqmesh.wire.resumption import decode_resume
from support.model_crypto import CountingEntropy

ALICE, BOB, EVE = b"A" * 32, b"B" * 32, b"E" * 32
SECRET = bytes(range(32))
OF_BOB, OF_ALICE = Params(9999, 4, 0, bytes(4)), Params(4096, 8, 0, bytes(4))
NONCE = b"n" * 16


def initiator(names=(ALICE, BOB), secret=SECRET, name=b"i"):
    nonce = draw_nonce(0x1111, CountingEntropy(name))
    return Initiator(secret, Names(*names, OF_BOB), nonce)


def responder(r1, names=(ALICE, BOB), secret=SECRET):
    return Responder(secret, Names(*names, OF_ALICE), r1)


def up_to_r2():
    i = initiator()
    r2, outcome = responder(i.r1).answer(0x2222, NONCE)
    return i, r2, outcome


def every_flip(message):
    for bit in range(8 * len(message)):
        spoilt = bytearray(message)
        spoilt[bit // 8] ^= 1 << bit % 8
        yield bytes(spoilt)


def test_both_sides_hold_the_same_secrets_and_each_others_names():
    i, r2, theirs = up_to_r2()
    mine = i.verify(r2)
    assert (mine.peer_id, theirs.peer_id) == (BOB, ALICE)
    assert (mine.params, theirs.params) == (OF_BOB, OF_ALICE)
    assert (mine.send_chain, mine.receive_chain) == (theirs.receive_chain, theirs.send_chain)
    for name in ("session_id", "exporter", "resumption"):
        assert getattr(mine, name) == getattr(theirs, name)
    secrets = [mine.send_chain, mine.receive_chain, mine.exporter, mine.resumption, SECRET]
    assert len(set(secrets)) == 5
    assert (i.peer_cid, i.cid) == (0x2222, 0x1111)


def test_the_ticket_is_of_the_generation_and_the_nonce_holds_the_cid():
    resume = decode_resume(initiator().r1)
    assert resume.ticket == ticket_of(SECRET) != ticket_of(bytes(32))
    assert resume.cid() == 0x1111


def test_either_nonce_alone_makes_other_keys():
    i, _, one = up_to_r2()
    again = responder(i.r1).answer(0x2222, b"m" * 16)[1]
    other = responder(initiator(name=b"j").r1).answer(0x2222, NONCE)[1]
    for name in ("session_id", "send_chain", "receive_chain", "exporter", "resumption"):
        assert len({getattr(outcome, name) for outcome in (one, again, other)}) == 3


def test_02_any_flipped_bit_of_r1_fails():
    for spoilt in every_flip(initiator().r1):  # kind, ticket and flags are under the MAC as well
        with pytest.raises(BadTag):
            responder(spoilt)


def test_02_any_flipped_bit_of_r2_fails_and_the_genuine_one_still_verifies():
    i, r2, theirs = up_to_r2()
    for spoilt in every_flip(r2):
        with pytest.raises(ProtocolError):
            i.verify(spoilt)
    assert i.peer_cid == 0
    assert i.verify(r2).session_id == theirs.session_id


def test_02_another_length_is_malformed():
    i, r2, _ = up_to_r2()
    for spoilt in (r2[:-1], r2 + b"\x00", b""):
        with pytest.raises(Malformed):
            i.verify(spoilt)
    with pytest.raises(Malformed):
        responder(i.r1[:-1])


@pytest.mark.parametrize("names", [(BOB, ALICE), (ALICE, EVE), (EVE, BOB), (ALICE, ALICE)])
def test_03_r1_is_for_the_two_it_names_in_their_roles(names):
    with pytest.raises(BadTag):
        responder(initiator().r1, names)


def test_03_a_responder_of_other_names_or_another_generation_is_refused():
    i = initiator()
    genuine = responder(i.r1)
    for names, secret in (((BOB, ALICE), SECRET), ((ALICE, EVE), SECRET), ((ALICE, BOB), b"x")):
        genuine._names, genuine._secret = Names(*names, OF_ALICE), secret
        with pytest.raises(BadTag):
            i.verify(genuine.answer(0x2222, NONCE)[0])


def test_an_answer_to_another_r1_is_not_ours():
    _, r2, _ = up_to_r2()
    with pytest.raises(BadTag):
        initiator(name=b"other").verify(r2)  # the same CID, another nonce
    elsewhere = Initiator(SECRET, Names(ALICE, BOB, OF_BOB), bytes(16))
    with pytest.raises(Unexpected):
        elsewhere.verify(r2)
