# SPDX-License-Identifier: MIT OR Apache-2.0
"""The schedule of HS-K: what each value depends on. The values themselves are in the vectors."""

import hashlib

import pytest

from pqmesh.engine.front import Front
from pqmesh.engine.hs_k_schedule import Party, begin
from pqmesh.kdf import LABEL_MAC_I, LABEL_MAC_R
from pqmesh.record import replace
from pqmesh.wire.handshake import Params

FRONT = Front(b"hello", b"retry", b"", 7)
MINE, THEIRS = Party(b"i" * 32, 1, b"ek_i"), Party(b"r" * 32, 2, b"ek_r")
PARAMS = Params(4096, 8, 0, bytes(4))


def through(
    front=FRONT, responder=THEIRS, offer=b"offer", secrets=b"abc", initiator=MINE, parts=()
):
    schedule = begin(front, responder, offer)
    for secret in secrets:
        schedule.mix(bytes([secret]) * 32)
    schedule.hash_answer(initiator, *(parts or (b"sealed", b"answer")))
    return schedule


def values(schedule):
    outcome = schedule.outcome(b"p" * 32, PARAMS, True)
    return (
        schedule.finished(LABEL_MAC_R),
        schedule.finished(LABEL_MAC_I),
        outcome.session_id,
        outcome.send_chain,
        outcome.receive_chain,
        outcome.exporter,
        outcome.resumption,
    )


def test_a_party_is_name_hash_of_key_and_epoch():
    digest = hashlib.sha256(b"ek_i").digest()
    assert MINE.octets() == b"i" * 32 + digest + b"\x00\x01"


@pytest.mark.parametrize(
    "change",
    [
        {"front": replace(FRONT, hello=b"hellO")},
        {"front": replace(FRONT, retry=b"")},
        {"front": replace(FRONT, cid=8)},
        {"responder": replace(THEIRS, peer_id=b"s" * 32)},
        {"responder": replace(THEIRS, epoch=3)},
        {"responder": replace(THEIRS, public=b"ek_s")},
        {"offer": b"other"},
        {"secrets": b"xbc"},
        {"secrets": b"axc"},
        {"secrets": b"abx"},
        {"initiator": replace(MINE, peer_id=b"j" * 32)},
        {"initiator": replace(MINE, epoch=9)},
        {"initiator": replace(MINE, public=b"ek_j")},
        {"parts": (b"Sealed", b"answer")},
        {"parts": (b"sealed", b"Answer")},
    ],
    ids=repr,
)
def test_everything_depends_on_all_of_it(change):
    plain, changed = values(through()), values(through(**change))
    assert not set(plain) & set(changed)


def test_the_octets_that_m1_begins_with_count_by_what_they_restore():
    assert values(through(front=replace(FRONT, octets=b"echo"))) == values(through())


def test_the_two_roles_have_each_others_directions():
    schedule = through()
    ours, theirs = (schedule.outcome(b"p" * 32, PARAMS, side) for side in (True, False))
    assert (ours.send_chain, ours.receive_chain) == (theirs.receive_chain, theirs.send_chain)
    assert ours.resumption == theirs.resumption


def test_a_fork_leaves_the_schedule_as_it_was():
    schedule = begin(FRONT, THEIRS, b"offer")
    schedule.mix(b"a" * 32)
    before = schedule.seal_key(b"m1", b""), schedule.need(1)
    fork = schedule.fork()
    fork.mix(b"b" * 32)
    assert (schedule.seal_key(b"m1", b""), schedule.need(1)) == before
    assert fork.seal_key(b"m1", b"") != before[0]
    assert schedule.need(2) != before[1]
