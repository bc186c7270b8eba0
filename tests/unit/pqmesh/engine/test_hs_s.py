# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-S as pure messages: agreement, and every way in which it must not agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.engine.hs_s import Initiator, Responder, read_offer, transcript, transcript_start
from pqmesh.errors import BadKey, BadTag, ProtocolError, Unexpected, UnknownKind, UsageError
from pqmesh.identity import Identity
from pqmesh.wire.handshake import Params
from support.model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
ALICE, BOB, EVE = (Identity(bytes([n]) * 32, CRYPTO) for n in (1, 2, 3))
PARAMS = Params(4096, 8, 0, bytes(4))


def initiator(identity=ALICE, name=b"i"):
    return Initiator(identity, CRYPTO, CountingEntropy(name), PARAMS)


def responder(identity=BOB, name=b"r"):
    return Responder(identity, CRYPTO, CountingEntropy(name), Params(9999, 4, 0, bytes(4)))


def up_to_m2():
    i, r = initiator(), responder()
    m1 = i.offer(0x1111)
    return i, r, m1, r.answer(m1, 0x2222)


def up_to_m3():
    i, r, _, m2 = up_to_m2()
    i.verify(m2)
    m3, outcome = i.finish()
    return i, r, m3, outcome


def test_both_sides_hold_the_same_secrets_and_each_others_names():
    i, r, m3, mine = up_to_m3()
    theirs = r.admit(m3)
    assert (mine.peer_id, theirs.peer_id) == (BOB.peer_id, ALICE.peer_id)
    assert (mine.send_chain, mine.receive_chain) == (theirs.receive_chain, theirs.send_chain)
    for name in ("session_id", "exporter", "resumption"):
        assert getattr(mine, name) == getattr(theirs, name)
    secrets = [mine.send_chain, mine.receive_chain, mine.exporter, mine.resumption]
    assert len(set(secrets)) == 4
    assert (mine.params.message_bytes, theirs.params.message_bytes) == (9999, 4096)
    assert (i.peer_cid, r.peer_cid) == (0x2222, 0x1111)


def test_two_handshakes_share_nothing():
    one = up_to_m3()[3]
    i, r = initiator(name=b"again"), responder()
    i.verify(r.answer(i.offer(0x1111), 0x2222))
    other = i.finish()[1]
    for name in ("session_id", "send_chain", "receive_chain", "exporter", "resumption"):
        assert getattr(one, name) != getattr(other, name)


# §5.6, property 2: every bit flip fails.


@settings(max_examples=60)
@given(st.data())
def test_any_change_to_m1_fails_at_the_initiator(data):
    i, r = initiator(), responder()
    m1 = bytearray(i.offer(0x1111))
    m1[data.draw(st.integers(0, len(m1) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        m2 = r.answer(bytes(m1), 0x2222)
    except ProtocolError:
        return
    with pytest.raises(BadTag):
        i.verify(m2)


@settings(max_examples=60)
@given(st.data())
def test_any_change_to_m2_fails_and_the_genuine_one_still_verifies(data):
    i, _, _, m2 = up_to_m2()
    spoilt = bytearray(m2)
    where = data.draw(st.integers(2, len(m2) - 1))  # 0..1 route the message
    spoilt[where] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ProtocolError):
        i.verify(bytes(spoilt))
    i.verify(m2)
    assert i.peer_id == BOB.peer_id


@settings(max_examples=60)
@given(st.data())
def test_any_change_to_m3_fails_and_the_genuine_one_is_still_admitted(data):
    _, r, m3, mine = up_to_m3()
    spoilt = bytearray(m3)
    where = data.draw(st.integers(2, len(m3) - 1))
    spoilt[where] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadTag):
        r.admit(bytes(spoilt))
    assert r.admit(m3).session_id == mine.session_id


# §5.6, property 3: swapped roles, self-connection, reflection.


def test_a_handshake_with_ourselves_is_refused_by_both_roles():
    i, r = initiator(ALICE), responder(ALICE)
    m2 = r.answer(i.offer(1), 2)
    with pytest.raises(Unexpected, match="ourselves"):
        i.verify(m2)
    i, r = initiator(BOB), responder(BOB)
    m1 = i.offer(1)
    i._identity = EVE  # so that the initiator goes on
    i.verify(r.answer(m1, 2))
    i._identity, i._secrets._identity = BOB, BOB
    with pytest.raises(Unexpected, match="ourselves"):
        r.admit(i.finish()[0])


def test_m2_does_not_pass_for_m3():
    i, r, _, m2 = up_to_m2()
    i.verify(m2)
    with pytest.raises(BadTag):
        r.admit(m2[1108:])  # the responder's own Credential, sent back


def test_an_answer_to_another_offer_is_not_ours():
    i = initiator()
    i.offer(0x1111)
    other = initiator(name=b"other")
    m2 = responder().answer(other.offer(0x1111), 0x2222)
    with pytest.raises(BadTag):
        i.verify(m2)


class SwapsTheKey(ModelCrypto):
    """A peer that puts somebody else's public key over its own signature."""

    def seal(self, key, nonce, aad, plaintext, tag_bytes):
        if len(plaintext) > 5000:
            plaintext = EVE.public_key + plaintext[1952:]
        return super().seal(key, nonce, aad, plaintext, tag_bytes)


class SwapsTheMac(ModelCrypto):
    """A peer whose MAC is right for the stolen name, but whose signature is not."""

    def verify(self, public_key, message, context, signature):
        return False


def test_somebody_elses_key_is_found_out_by_the_mac():
    i = initiator()
    r = Responder(BOB, SwapsTheKey(), CountingEntropy(b"r"), PARAMS)
    with pytest.raises(BadTag, match="another handshake"):
        i.verify(r.answer(i.offer(1), 2))
    i = Initiator(ALICE, SwapsTheKey(), CountingEntropy(b"i"), PARAMS)
    r = responder()
    i.verify(r.answer(i.offer(1), 2))
    with pytest.raises(BadTag, match="another handshake"):
        r.admit(i.finish()[0])


def test_a_signature_that_does_not_verify_is_refused():
    i = Initiator(ALICE, SwapsTheMac(), CountingEntropy(b"i"), PARAMS)
    with pytest.raises(BadTag, match="signature"):
        i.verify(responder().answer(i.offer(1), 2))


# Negotiation.


@pytest.mark.parametrize("octet", [0, 1, 2])
def test_an_offer_of_another_version_mode_or_suite_is_refused(octet):
    m1 = bytearray(initiator().offer(1))
    m1[octet] ^= 0xFF
    with pytest.raises(UnknownKind):
        read_offer(m1)
    with pytest.raises(UnknownKind):
        responder().answer(bytes(m1), 2)


@pytest.mark.parametrize("octet", [4, 5])
def test_an_answer_of_another_version_or_suite_is_refused(octet):
    i, _, _, m2 = up_to_m2()
    spoilt = bytearray(m2)
    spoilt[octet] ^= 0xFF
    with pytest.raises(UnknownKind):
        i.verify(bytes(spoilt))


def test_a_key_that_is_none_is_refused():
    m1 = initiator().offer(1)
    with pytest.raises(BadKey):
        responder().answer(m1[:22] + bytes(1184), 2)


def test_out_of_order_is_our_own_bug():
    with pytest.raises(UsageError):
        initiator().finish()
    with pytest.raises(UsageError):
        responder().admit(bytes(5303))


def test_transcripts_keep_their_parts_apart():
    th0 = transcript_start(b"", b"")
    assert len({th0, transcript_start(b"a", b""), transcript_start(b"", b"a")}) == 3
    assert transcript(th0, b"ab", b"c") != transcript(th0, b"a", b"bc")
    assert transcript(th0, memoryview(b"ab")) == transcript(th0, b"ab")
