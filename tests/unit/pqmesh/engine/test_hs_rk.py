# SPDX-License-Identifier: MIT OR Apache-2.0
"""HS-RK and HS-RP as pure messages: agreement, and every way in which they must not agree."""

import pytest

from pqmesh.engine import hs_r
from pqmesh.engine.hs_r import Names, draw_nonce, ticket_of
from pqmesh.engine.hs_rk import Initiator, Responder, peek
from pqmesh.errors import BadKey, BadTag, Malformed, ProtocolError, Unexpected
from pqmesh.wire.handshake import HS_RK, HS_RP, Params
from pqmesh.wire.healing import decode_heal
from pqmesh.wire.resumption import HEAL_BYTES
from support.model_crypto import CountingEntropy, ModelCrypto

CRYPTO = ModelCrypto()
ALICE, BOB, EVE = b"A" * 32, b"B" * 32, b"E" * 32
SECRET = bytes(range(32))
OF_BOB, OF_ALICE = Params(9999, 4, 0, bytes(4)), Params(4096, 8, 0, bytes(4))
NONCE, COINS, SEED = b"n" * 16, b"c" * 32, b"s" * 64
PREKEY_SEED = b"p" * 64
PREKEY = CRYPTO.kem_keypair(PREKEY_SEED)
MODES = pytest.mark.parametrize("mode", [HS_RK, HS_RP], ids=["rk", "rp"])


def initiator(mode, names=(ALICE, BOB), secret=SECRET, name=b"i"):
    nonce = draw_nonce(0x1111, CountingEntropy(name))
    side = Initiator(CRYPTO, secret, Names(*names, OF_BOB), nonce)
    if mode == HS_RK:
        side.offer_key(SEED)
    else:
        side.offer_ciphertext(7, PREKEY, COINS)
    return side


def responder(r1, mode, names=(ALICE, BOB), secret=SECRET):
    return Responder(CRYPTO, secret, Names(*names, OF_ALICE), r1, mode)


def answer(side, nonce=NONCE, coins=COINS, seed=PREKEY_SEED):
    if side.mode == HS_RK:
        return side.answer_key(0x2222, nonce, coins)
    return side.answer_ciphertext(0x2222, nonce, seed)


def up_to_r2(mode):
    i = initiator(mode)
    r2, outcome = answer(responder(i.r1, mode))
    return i, r2, outcome


def every_flip(message, step=1):
    for bit in range(0, 8 * len(message), step):
        spoilt = bytearray(message)
        spoilt[bit // 8] ^= 1 << bit % 8
        yield bytes(spoilt)


@MODES
def test_both_sides_hold_the_same_secrets_and_each_others_names(mode):
    i, r2, theirs = up_to_r2(mode)
    mine = i.verify(r2)
    assert (mine.peer_id, theirs.peer_id) == (BOB, ALICE)
    assert (mine.params, theirs.params) == (OF_BOB, OF_ALICE)
    assert (mine.send_chain, mine.receive_chain) == (theirs.receive_chain, theirs.send_chain)
    for name in ("session_id", "exporter", "resumption"):
        assert getattr(mine, name) == getattr(theirs, name)
    secrets = [mine.send_chain, mine.receive_chain, mine.exporter, mine.resumption, SECRET]
    assert len(set(secrets)) == 5
    assert (i.peer_cid, i.cid) == (0x2222, 0x1111)


@MODES
def test_r1_begins_with_what_a_head_must_tell(mode):
    heal = peek(SECRET, Names(ALICE, BOB, OF_ALICE), initiator(mode).r1[:HEAL_BYTES], mode)
    assert heal.ticket == ticket_of(SECRET)
    assert (heal.cid(), heal.index) == (0x1111, 0 if mode == HS_RK else 7)
    assert responder(initiator(mode).r1, mode).index == heal.index


@MODES
def test_the_nonces_and_the_kem_secret_alone_each_make_other_keys(mode):
    i, _, one = up_to_r2(mode)
    again = answer(responder(i.r1, mode), nonce=b"m" * 16)[1]
    other = answer(responder(initiator(mode, name=b"j").r1, mode))[1]
    fresh = answer(responder(i.r1, mode), coins=b"d" * 32, seed=b"q" * 64)[1]
    for name in ("session_id", "send_chain", "receive_chain", "exporter", "resumption"):
        assert len({getattr(outcome, name) for outcome in (one, again, other, fresh)}) == 4


@MODES
def test_02_any_flipped_bit_of_r1_fails(mode):
    r1 = initiator(mode).r1
    for spoilt in every_flip(r1):
        with pytest.raises(ProtocolError):
            responder(spoilt, mode)


@MODES
def test_02_any_flipped_bit_of_the_beginning_of_r1_is_seen_in_the_head(mode):
    head = initiator(mode).r1[:HEAL_BYTES]
    names = Names(ALICE, BOB, OF_ALICE)
    for spoilt in every_flip(head):
        with pytest.raises(ProtocolError):
            peek(SECRET, names, spoilt, mode)
    assert peek(SECRET, names, head, mode).mode() == mode


@MODES
def test_02_any_flipped_bit_of_r2_fails_and_the_genuine_one_still_verifies(mode):
    i, r2, theirs = up_to_r2(mode)
    for spoilt in every_flip(r2, step=3 if mode == HS_RK else 1):  # 3: every octet, many bits
        with pytest.raises(ProtocolError):
            i.verify(spoilt)
    assert i.peer_cid == 0
    assert i.verify(r2).session_id == theirs.session_id


@MODES
def test_02_another_length_is_malformed(mode):
    i, r2, _ = up_to_r2(mode)
    for spoilt in (r2[:-1], r2 + b"\x00", b""):
        with pytest.raises(Malformed):
            i.verify(spoilt)
    for spoilt in (i.r1[:-1], i.r1 + b"\x00", b""):
        with pytest.raises(Malformed):
            responder(spoilt, mode)


@MODES
@pytest.mark.parametrize("names", [(BOB, ALICE), (ALICE, EVE), (EVE, BOB), (ALICE, ALICE)])
def test_03_r1_is_for_the_two_it_names_in_their_roles(mode, names):
    with pytest.raises(BadTag):
        responder(initiator(mode).r1, mode, names)


@MODES
def test_03_a_responder_of_other_names_or_another_generation_is_refused(mode):
    i = initiator(mode)
    genuine = responder(i.r1, mode)
    for names, secret in (((BOB, ALICE), SECRET), ((ALICE, EVE), SECRET), ((ALICE, BOB), b"x")):
        genuine._names, genuine._secret = Names(*names, OF_ALICE), secret
        with pytest.raises(BadTag):
            i.verify(answer(genuine)[0])


def test_16_a_wrong_prekey_or_ciphertext_is_like_any_other_wrong_mac():
    i = initiator(HS_RP)
    with pytest.raises(BadTag) as wrong_seed:
        i.verify(answer(responder(i.r1, HS_RP), seed=b"x" * 64)[0])
    i, r2, _ = up_to_r2(HS_RK)
    with pytest.raises(BadTag) as wrong_ciphertext:
        i.verify(r2[:20] + bytes(1088) + r2[-16:])
    with pytest.raises(BadTag) as wrong_mac:
        i.verify(r2[:-16] + bytes(16))
    texts = {str(error.value) for error in (wrong_seed, wrong_ciphertext, wrong_mac)}
    assert len(texts) == 1


# One mode is never taken for another.


def test_no_message_of_one_mode_is_one_of_another():
    rk, rp = initiator(HS_RK), initiator(HS_RP)
    for r1, other in ((rk.r1, HS_RP), (rp.r1, HS_RK)):
        with pytest.raises(ProtocolError):
            responder(r1, other)
        with pytest.raises(ProtocolError):
            peek(SECRET, Names(ALICE, BOB, OF_ALICE), r1[:HEAL_BYTES], other)
    for side, other in ((rk, up_to_r2(HS_RP)[1]), (rp, up_to_r2(HS_RK)[1])):
        with pytest.raises(Malformed):
            side.verify(other)


def relabelled(r1, mode):
    """R1 with another mode in its flags, and its index cleared where there is none."""
    heal = decode_heal(r1, r1[24] & 7)
    index = 0 if mode == HS_RK else heal.index
    return r1[:24] + bytes((8 | mode,)) + index.to_bytes(2, "big") + r1[27:]


@MODES
def test_the_mode_is_under_both_tags_of_r1(mode):
    other = HS_RK + HS_RP - mode
    r1 = initiator(mode).r1
    with pytest.raises(BadTag):  # the check
        peek(SECRET, Names(ALICE, BOB, OF_ALICE), relabelled(r1, other)[:HEAL_BYTES], other)
    genuine = initiator(other).r1
    mixed = genuine[:HEAL_BYTES] + (r1[HEAL_BYTES:] + bytes(99))[: len(genuine) - HEAL_BYTES]
    with pytest.raises(BadTag):  # the MAC
        responder(mixed, other)


def test_an_r2_of_hs_r_is_none_of_hs_rp():
    """The same frame kind, the same length: the transcript and the KEM secret tell them apart."""
    names = Names(ALICE, BOB, OF_ALICE)
    i = initiator(HS_RP)
    plain = hs_r.Initiator(SECRET, names, draw_nonce(0x1111, CountingEntropy(b"i")))
    r2 = hs_r.Responder(SECRET, names, plain.r1).answer(0x2222, NONCE)[0]
    with pytest.raises(BadTag):
        i.verify(r2)
    with pytest.raises(BadTag):
        plain.verify(up_to_r2(HS_RP)[1])


def test_the_domain_alone_separates_the_two_transcripts():
    i, r2, _ = up_to_r2(HS_RP)
    i.mode = HS_RK  # as if an attacker had turned it
    with pytest.raises(ProtocolError):
        i.verify(r2)
    one = i._schedule(NONCE, b"", b"clear")
    i.mode = HS_RP
    assert one.mac() != i._schedule(NONCE, b"", b"clear").mac()


@MODES
def test_an_answer_to_another_r1_is_not_ours(mode):
    _, r2, _ = up_to_r2(mode)
    with pytest.raises(BadTag):
        initiator(mode, name=b"other").verify(r2)  # the same CID, another nonce
    elsewhere = Initiator(CRYPTO, SECRET, Names(ALICE, BOB, OF_BOB), bytes(16))
    elsewhere.offer_key(SEED) if mode == HS_RK else elsewhere.offer_ciphertext(7, PREKEY, COINS)
    with pytest.raises(Unexpected):
        elsewhere.verify(r2)


def test_keys_that_are_none_are_refused_before_anything_is_sent():
    fresh = Initiator(CRYPTO, SECRET, Names(ALICE, BOB, OF_BOB), NONCE)
    with pytest.raises(BadKey):
        fresh.offer_ciphertext(7, bytes(1184), COINS)
    with pytest.raises(Unexpected):  # a late R2 may come to a number of before
        fresh.verify(bytes(37))

    class Careless(ModelCrypto):
        def kem_keypair(self, seed):
            return bytes(1184)

    fresh._crypto = Careless()
    r1 = fresh.offer_key(SEED)
    with pytest.raises(BadKey):
        answer(responder(r1, HS_RK))
