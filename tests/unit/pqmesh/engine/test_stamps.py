# SPDX-License-Identifier: MIT OR Apache-2.0
"""Stamps: found in steps, verified in one hash, and good for one subject only."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine import stamps
from pqmesh.engine.stamps import MAX_BITS, Search, dtag_of, holds, subject_of
from pqmesh.errors import UsageError

DTAG, BINDING = b"d" * 8, b"b" * 16
SUBJECT = subject_of(DTAG, BINDING)


def leading_zeros(subject, stamp):
    digest = hashlib.sha256(b"pqmesh1 stamp" + subject + stamp).digest()
    return 256 - int.from_bytes(digest, "big").bit_length()


def found(bits, subject=SUBJECT, start=b"aaaa"):
    search = Search(subject, bits, start)
    while not search.step(1_000):
        pass
    return search


def test_a_stamp_is_found_in_steps_of_the_callers_length():
    search = Search(SUBJECT, 8, b"aaaa")
    steps = 0
    while not search.step(5):
        steps += 1
        assert (search.stamp, search.tries) == (None, 5 * steps)
    tries = search.tries
    assert tries > 20
    assert search.step(5)  # nothing more is done
    assert (search.tries, len(search.stamp)) == (tries, 8)
    assert search.stamp == b"aaaa" + (tries - 1).to_bytes(4, "big")
    assert leading_zeros(SUBJECT, search.stamp) >= 8


def test_a_step_of_nothing_does_nothing():
    search = Search(SUBJECT, 8, b"aaaa")
    assert not search.step(0)
    assert search.tries == 0


def test_no_bits_is_no_work():
    search = Search(SUBJECT, 0, b"aaaa")
    assert search.step(0)
    assert search.stamp == bytes(8)
    assert holds(SUBJECT, b"", 0)


@pytest.mark.parametrize("bits", [1, 4, 9])
def test_what_is_found_holds(bits):
    assert holds(SUBJECT, found(bits).stamp, bits)


def test_a_stamp_is_for_one_subject():
    stamp = found(10).stamp
    others = (
        subject_of(b"e" * 8, BINDING),
        subject_of(DTAG, b"c" * 16),
        subject_of(DTAG, BINDING, b"another!"),
    )
    assert not any(holds(other, stamp, 10) for other in others)


@given(st.binary(min_size=8, max_size=8), st.integers(1, MAX_BITS))
def test_it_holds_exactly_when_the_hash_leads_with_zeros(stamp, bits):
    assert holds(SUBJECT, stamp, bits) == (leading_zeros(SUBJECT, stamp) >= bits)


@pytest.mark.parametrize("stamp", [b"", b"7 bytes", b"9 octets!"])
def test_another_length_never_holds(stamp):
    assert not holds(SUBJECT, stamp, 1)


def test_one_verification_is_one_hash_of_one_block(monkeypatch):
    texts = []
    real = hashlib.sha256
    monkeypatch.setattr(stamps.hashlib, "sha256", lambda text: texts.append(text) or real(text))
    holds(SUBJECT, b"8 octets", 4)
    assert len(texts) == 1
    assert len(texts[0]) <= 55  # 64 less padding and length, FIPS 180-4


def test_parts_of_another_length_are_our_own_mistake():
    for parts in ((b"d" * 7, b"b" * 17), (DTAG, b"b" * 15), (DTAG, b"b" * 15, b"n" * 9)):
        with pytest.raises(UsageError):
            subject_of(*parts)
    for bits, start in ((-1, b"aaaa"), (MAX_BITS + 1, b"aaaa"), (4, b"aaa")):
        with pytest.raises(UsageError):
            Search(SUBJECT, bits, start)


def test_the_dtag_is_a_hash_of_the_name():
    assert dtag_of(b"P" * 32) == hashlib.sha256(b"pqmesh1 dtag" + b"P" * 32).digest()[:8]
