# SPDX-License-Identifier: MIT OR Apache-2.0
"""A credential in pieces: judged as early as can be, and never held whole."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh.credentials.intake import CREDENTIAL_BYTES, REVOCATION_BYTES, Intake
from pqmesh.errors import BadTag, Malformed, ProtocolError, Unexpected, UnknownKind, UsageError
from support.credentials import Owner
from support.simulation import CRYPTO

ALICE, BOB = Owner(b"alice"), Owner(b"bob")
OWN = ALICE.epoch(7)
WHOLE = ALICE.credential(OWN)
REVOKED = ALICE.revocation(8)


def fed(pieces, **options):
    intake = Intake(CRYPTO, **options)
    done = False
    for piece in pieces:
        assert not done
        done = intake.feed(piece)
    return intake


def cut(blob, cuts):
    edges = [0, *sorted(cuts), len(blob)]
    return [blob[begin:end] for begin, end in itertools.pairwise(edges)]


def test_the_lengths():
    assert (len(WHOLE), len(REVOKED)) == (CREDENTIAL_BYTES, REVOCATION_BYTES) == (6703, 5325)


@settings(max_examples=25)
@given(st.lists(st.integers(0, CREDENTIAL_BYTES), max_size=8))
def test_in_whatever_pieces_it_comes(cuts):
    intake = Intake(CRYPTO)
    pieces = [piece for piece in cut(WHOLE, cuts) if piece]
    assert [intake.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    key = OWN.keys(CRYPTO)[0]
    assert (intake.peer_id, intake.epoch) == (ALICE.peer_id, OWN.epoch)
    assert (intake.slot, intake.public) == (key.slot, key.public)
    assert intake.complete()


def test_octet_by_octet_and_in_views():
    assert fed([WHOLE[at : at + 1] for at in range(len(WHOLE))]).complete()
    assert fed([memoryview(bytearray(WHOLE))]).complete()


def test_nothing_of_nothing():
    intake = Intake(CRYPTO)
    assert not intake.feed(b"")
    assert not intake.complete()


def test_it_never_holds_more_than_key_body_and_signature():
    intake, most = Intake(CRYPTO), 0
    for at in range(0, len(WHOLE), 50):
        intake.feed(WHOLE[at : at + 50])
        held = len(intake._part) + len(intake._key) + len(intake.public)
        most = max(most, held)
    assert most == 1952 + 3309  # the body is parsed by then
    assert held == 1184


def test_a_revocation_needs_no_leaf():
    intake = fed([REVOKED])
    assert intake.complete()
    assert intake.epoch.killed
    assert intake.public == b""
    with pytest.raises(Malformed, match="after"):
        fed([REVOKED + b"x"])


def test_bytes_after_the_credential_are_malformed():
    intake = Intake(CRYPTO)
    assert intake.feed(WHOLE)
    with pytest.raises(Malformed, match="1 bytes after"):
        intake.feed(b"x")
    with pytest.raises(UsageError, match="refused"):
        intake.feed(b"")


def test_property_05_somebody_elses_credential_is_refused_by_its_first_part():
    with pytest.raises(Unexpected, match="in place of"):
        fed([WHOLE[:1952]], expect=BOB.peer_id)
    assert fed([WHOLE], expect=ALICE.peer_id).complete()


def test_an_epoch_that_would_not_be_accepted_is_refused_before_its_signature_comes():
    asked = []

    def judge(peer_id, epoch):
        asked.append((peer_id, epoch))
        raise Unexpected("rolled back")

    intake = Intake(CRYPTO, judge=judge)
    intake.feed(WHOLE[: 1952 + 63])
    assert asked == []
    with pytest.raises(Unexpected, match="rolled back"):
        intake.feed(WHOLE[1952 + 63 : 1952 + 64])
    assert asked == [(ALICE.peer_id, OWN.epoch)]


def test_a_judge_who_agrees_changes_nothing():
    assert fed([WHOLE], judge=lambda peer_id, epoch: None).complete()


def test_an_unknown_version_is_refused():
    with pytest.raises(UnknownKind):
        fed([WHOLE[:1952] + b"\x02" + WHOLE[1953:]])


@settings(max_examples=60)
@given(st.integers(0, 8 * CREDENTIAL_BYTES - 1))
def test_property_05_any_changed_bit_is_refused(bit):
    spoilt = bytearray(WHOLE)
    spoilt[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        fed([spoilt], expect=ALICE.peer_id)


@pytest.mark.parametrize("at", [1952 + 64, 1952 + 64 + 3308, 5325 + 2, 5325 + 1186, 6702])
def test_property_05_signature_key_and_path_are_checked(at):
    spoilt = bytearray(WHOLE)
    spoilt[at] ^= 0x80
    with pytest.raises(BadTag):
        fed([spoilt])


def test_property_05_the_leaf_of_another_identity_or_epoch_is_refused():
    for other in (BOB.epoch(7).leaf(CRYPTO), ALICE.epoch(8).leaf(CRYPTO)):
        with pytest.raises(BadTag):
            fed([WHOLE[:REVOCATION_BYTES] + other])


def test_after_an_error_nothing_is_held_or_taken():
    intake = Intake(CRYPTO, expect=BOB.peer_id)
    with pytest.raises(Unexpected):
        intake.feed(WHOLE)
    assert (len(intake._part), len(intake._key)) == (0, 0)
    with pytest.raises(UsageError, match="refused"):
        intake.feed(WHOLE)
    assert not intake.complete()
