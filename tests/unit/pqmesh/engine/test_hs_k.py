# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-K as pure messages: agreement, and every way in which it must not agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.credentials.keyring import credential_id_of
from pqmesh.engine.front import Front
from pqmesh.errors import BadKey, BadTag, ProtocolError, Unexpected, UsageError
from pqmesh.record import replace
from pqmesh.wire import hs_k as wire
from pqmesh.wire.layout import decode
from support.known_keys import (
    ALICE,
    BOB,
    CID_I,
    CID_R,
    CRYPTO,
    EVE,
    FRONT,
    Side,
    as_peer,
    own_key,
    up_to_m2,
)
from support.model_crypto import ModelCrypto

CREDENTIAL = bytes(n % 251 for n in range(wire.CREDENTIAL_BYTES))


def up_to_m3():
    i, r, m2 = up_to_m2()
    i.verify(m2)
    confirm, outcome = i.finish()
    return i, r, confirm, outcome


def flip(data, octets, begin=0):
    """``octets`` with one bit changed, at or after ``begin``."""
    spoilt = bytearray(octets)
    at = data.draw(st.integers(begin, len(octets) - 1))
    spoilt[at] ^= 1 << data.draw(st.integers(0, 7))
    return bytes(spoilt)


def test_both_sides_hold_the_same_secrets_and_each_others_names():
    i, r, confirm, mine = up_to_m3()
    theirs = r.admit(confirm)
    assert (mine.peer_id, theirs.peer_id) == (BOB.peer_id, ALICE.peer_id)
    assert (mine.send_chain, mine.receive_chain) == (theirs.receive_chain, theirs.send_chain)
    for name in ("session_id", "exporter", "resumption"):
        assert getattr(mine, name) == getattr(theirs, name)
    secrets = [mine.send_chain, mine.receive_chain, mine.exporter, mine.resumption]
    assert len(set(secrets)) == 4
    assert (mine.params.message_bytes, theirs.params.message_bytes) == (9999, 4096)
    assert (i.peer_cid, r.peer_cid) == (CID_R, CID_I)


def test_the_messages_are_as_long_as_the_wire_says():
    i, _, m2 = up_to_m2()
    m1 = i.offer(FRONT)
    assert len(m1) == len(FRONT.octets) + wire.OFFER_BYTES
    assert len(m2) == wire.ANSWER_BYTES
    i.verify(up_to_m2(initiator=i)[2])
    assert len(i.finish()[0]) == wire.CONFIRM_BYTES


def test_two_handshakes_share_nothing():
    one = up_to_m3()[3]
    i, _, m2 = up_to_m2(responder=BOB.responder(b"again"))
    i.verify(m2)
    other = i.finish()[1]
    for name in ("session_id", "send_chain", "receive_chain", "exporter", "resumption"):
        assert getattr(one, name) != getattr(other, name)


def test_no_name_is_in_clear():
    i, _, m2 = up_to_m2()
    m1 = i.offer(FRONT)
    for name in (ALICE.peer_id, BOB.peer_id, ALICE.own.credential_id):
        assert name not in m1 + m2


# §5.6, property 2: every bit flip fails.


@settings(max_examples=60)
@given(st.data())
def test_any_change_to_m1_fails_at_the_responder_and_the_genuine_one_is_still_taken(data):
    i, r = ALICE.initiator(BOB.known()), BOB.responder()
    m1 = i.offer(FRONT)
    with pytest.raises(BadTag):
        r.open(FRONT, flip(data, m1, len(FRONT.octets)))
    r.open(FRONT, m1)
    assert r.peer_id == ALICE.peer_id


@pytest.mark.parametrize("name", ["hello", "retry"])
@settings(max_examples=20)
@given(data=st.data())
def test_any_change_to_what_came_before_m1_fails(name, data):
    m1 = ALICE.initiator(BOB.known()).offer(FRONT)
    changed = replace(FRONT, **{name: flip(data, getattr(FRONT, name))})
    with pytest.raises(BadTag):
        BOB.responder().open(changed, m1)


def test_what_came_before_m1_keeps_its_parts_apart():
    m1 = ALICE.initiator(BOB.known()).offer(Front(b"ab", b"c", b"", CID_I))
    with pytest.raises(BadTag):
        BOB.responder().open(Front(b"a", b"bc", b"", CID_I), m1)
    with pytest.raises(BadTag):
        BOB.responder().open(Front(b"ab", b"c", b"", CID_I + 1), m1)


@settings(max_examples=60)
@given(st.data())
def test_any_change_to_m2_fails_and_the_genuine_one_still_verifies(data):
    i, _, m2 = up_to_m2()
    with pytest.raises(BadTag):
        i.verify(flip(data, m2, 2))  # 0..1 route the message
    i.verify(m2)
    assert i.peer_cid == CID_R


@settings(max_examples=60)
@given(st.data())
def test_any_change_to_m3_fails_and_the_genuine_one_is_still_admitted(data):
    _, r, confirm, mine = up_to_m3()
    with pytest.raises(BadTag):
        r.admit(flip(data, confirm))
    assert r.admit(confirm).session_id == mine.session_id


# §5.6, property 16: implicit rejection is no oracle.


def test_a_ciphertext_to_another_key_fails_as_any_wrong_tag_does():
    m1 = ALICE.initiator(EVE.known()).offer(FRONT)
    with pytest.raises(BadTag) as rejected:
        BOB.responder().open(FRONT, m1)
    mine = bytearray(ALICE.initiator(BOB.known()).offer(FRONT))
    mine[-1] ^= 1
    with pytest.raises(BadTag) as forged:
        BOB.responder().open(FRONT, bytes(mine))
    assert str(rejected.value) == str(forged.value)


@pytest.mark.parametrize("at", [4, 4 + 1088], ids=["ephemeral", "static"])
def test_16_an_implicit_rejection_of_m2_is_the_same_error_as_a_wrong_mac(at):
    i, _, m2 = up_to_m2()
    errors = []
    for where in (at, len(m2) - 1):
        spoilt = bytearray(m2)
        spoilt[where] ^= 1
        with pytest.raises(BadTag) as error:
            i.verify(bytes(spoilt))
        errors.append(str(error.value))
    assert errors[0] == errors[1]


# §5.6, property 3: swapped roles, self-connection, reflection.


def test_a_handshake_with_ourselves_is_refused_by_both_roles():
    with pytest.raises(Unexpected, match="ourselves"):
        ALICE.initiator(ALICE.known())
    twin = Side(1)
    i = EVE.initiator(ALICE.known())  # Eve's code, with Alice's name and key
    i._me, i._own = ALICE.peer_id, ALICE.own
    with pytest.raises(Unexpected, match="ourselves"):
        twin.responder().open(FRONT, i.offer(FRONT))


def test_03_m1_reflected_to_who_sent_it_is_not_for_its_key():
    m1 = ALICE.initiator(BOB.known()).offer(FRONT)
    with pytest.raises(BadTag):
        ALICE.responder().open(FRONT, m1)


def test_fin_of_one_role_does_not_pass_for_the_other():
    _, r, m2 = up_to_m2()
    confirm = wire.Confirm(wire.CONFIRM, CID_R, m2[-16:]).encode()
    with pytest.raises(BadTag):
        r.admit(confirm)


def test_an_answer_to_another_offer_is_not_ours():
    i = ALICE.initiator(BOB.known())
    i.offer(FRONT)
    m2 = up_to_m2(initiator=ALICE.initiator(BOB.known(), b"other"))[2]
    with pytest.raises(BadTag):
        i.verify(m2)


def test_a_confirmation_of_another_answer_is_not_ours():
    i, _, m2 = up_to_m2()
    i.verify(m2)
    other = up_to_m2(responder=BOB.responder(b"again"))[1]
    with pytest.raises(BadTag):
        other.admit(i.finish()[0])


# §5.6, property 4: misbinding. Nobody proves possession when a credential is made.


def test_a_credential_with_somebody_elses_key_is_rejected_at_confirmation():
    stolen = own_key(EVE.peer_id, bytes([1]) * 64)  # Alice's public key under Eve's name
    assert stolen.public == ALICE.own.public
    eve = EVE.initiator(BOB.known(), own=replace(stolen, seed=bytes([3]) * 64))
    bob = BOB.responder()
    bob.open(FRONT, eve.offer(FRONT))
    m2 = bob.answer(as_peer(EVE.peer_id, stolen), CID_R)
    with pytest.raises(BadTag):
        eve.verify(m2)  # Eve cannot know the secret,
    eve._outcome, eve._confirm = "nothing", wire.Confirm(wire.CONFIRM, CID_R, bytes(16)).encode()
    with pytest.raises(BadTag):
        bob.admit(eve.finish()[0])  # and a guess does not confirm it


def test_what_alice_confirms_is_not_taken_for_eves():
    """Eve relays: Bob's ciphertext to the stolen key, in a handshake Alice has with Eve."""
    stolen = as_peer(EVE.peer_id, own_key(EVE.peer_id, bytes([1]) * 64))
    eve = EVE.initiator(BOB.known())
    eve._own = replace(EVE.own, credential_id=stolen.credential_id)
    bob = BOB.responder()
    bob.open(FRONT, eve.offer(FRONT))
    m2 = decode(wire.KnownAnswer, bob.answer(stolen, CID_R)[: wire.KNOWN_ANSWER_BYTES])
    alice, to_eve = ALICE.initiator(EVE.known()), EVE.responder(b"eve")
    to_eve.open(FRONT, alice.offer(FRONT))
    relayed = bytearray(to_eve.answer(ALICE.known(), CID_R))
    at = 4 + 1088
    relayed[at : at + 1088] = m2.static_ciphertext
    with pytest.raises(BadTag):
        alice.verify(bytes(relayed))


def test_a_credential_of_another_name_or_key_is_not_answered():
    for peer in (
        replace(ALICE.known(), peer_id=EVE.peer_id),
        replace(ALICE.known(), credential_id=bytes(8)),
    ):
        r = BOB.responder()
        r.open(FRONT, ALICE.initiator(BOB.known()).offer(FRONT))
        with pytest.raises(Unexpected, match="not the one that M1 names"):
            r.answer(peer, CID_R)
        r.answer(ALICE.known(), CID_R)


@pytest.mark.parametrize("change", [{"epoch": 4}, {"public": CRYPTO.kem_keypair(bytes(64))}])
def test_the_two_sides_must_mean_the_same_key_and_epoch_of_the_initiator(change):
    i, r = ALICE.initiator(BOB.known()), BOB.responder()
    r.open(FRONT, i.offer(FRONT))
    with pytest.raises(BadTag):
        i.verify(r.answer(replace(ALICE.known(), **change), CID_R))


def test_the_two_sides_must_mean_the_same_epoch_of_the_responder():
    with pytest.raises(BadTag):
        BOB.responder().open(FRONT, ALICE.initiator(replace(BOB.known(), epoch=9)).offer(FRONT))


class SpoilsItsKey(ModelCrypto):
    """An initiator whose ephemeral key is none."""

    def kem_keypair(self, seed):
        return bytes(1184)


def test_keys_that_are_none_are_refused():
    with pytest.raises(BadKey):
        ALICE.initiator(replace(BOB.known(), public=bytes(1184))).offer(FRONT)
    i = ALICE.initiator(BOB.known())
    i._crypto = SpoilsItsKey()
    r = BOB.responder()
    r.open(FRONT, i.offer(FRONT))
    with pytest.raises(BadKey):
        r.answer(ALICE.known(), CID_R)


# c1: the responder does not hold the credential.


def asked():
    i, r = ALICE.initiator(BOB.known()), BOB.responder()
    r.open(FRONT, i.offer(FRONT))
    need = decode(wire.NeedCredential, r.ask(CID_R))
    i.check_need(need)
    return i, r, need.cid


def test_the_credential_goes_over_in_two_halves_and_the_handshake_goes_on():
    i, r, cid = asked()
    halves = []
    for number in (wire.PART_1, wire.PART_2):
        part = i.part(number, CREDENTIAL, cid)
        assert len(part) == wire.part_bytes(number)
        assert CREDENTIAL[1000:1100] not in part
        halves.append(r.part(number, part))
    assert b"".join(halves) == CREDENTIAL
    m2 = r.answer(ALICE.known(), CID_R)
    i.verify(m2)
    confirm, mine = i.finish()
    assert r.admit(confirm).exporter == mine.exporter


@settings(max_examples=30)
@given(st.data())
def test_any_change_to_need_or_to_a_half_fails(data):
    i, r, cid = asked()
    need = decode(wire.NeedCredential, flip(data, r.ask(CID_R), 3))
    with pytest.raises(BadTag):
        i.check_need(need)
    part = i.part(wire.PART_1, CREDENTIAL, cid)
    with pytest.raises(BadTag):
        r.part(wire.PART_1, flip(data, part))
    with pytest.raises(BadTag):
        r.part(wire.PART_1, i.part(wire.PART_2, CREDENTIAL, cid))
    r.part(wire.PART_1, part)


# Our own mistakes.


def test_out_of_order_is_our_own_bug():
    i, r = ALICE.initiator(BOB.known()), BOB.responder()
    for early in (
        i.finish,
        lambda: i.verify(bytes(wire.ANSWER_BYTES)),
        lambda: r.answer(ALICE.known(), CID_R),
        lambda: r.admit(bytes(wire.CONFIRM_BYTES)),
        lambda: r.ask(CID_R),
    ):
        with pytest.raises(UsageError):
            early()
    _, r, _ = up_to_m2()
    with pytest.raises(UsageError):
        r.answer(ALICE.known(), CID_R)  # one answer to one M1


@settings(max_examples=30)
@given(st.binary(min_size=wire.OFFER_BYTES, max_size=wire.OFFER_BYTES + 80))
def test_noise_of_the_right_length_is_a_protocol_error(noise):
    with pytest.raises(ProtocolError):
        BOB.responder().open(FRONT, noise)


def test_the_credential_id_names_key_slot_epoch_and_owner():
    ids = {
        credential_id_of(peer_id, epoch, slot, key)
        for peer_id in (ALICE.peer_id, BOB.peer_id)
        for epoch in (3, 4)
        for slot in (0, 1)
        for key in (ALICE.own.public, BOB.own.public)
    }
    assert len(ids) == 16
