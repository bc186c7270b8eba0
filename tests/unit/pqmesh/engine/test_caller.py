# SPDX-License-Identifier: MIT OR Apache-2.0
"""The caller: what it offers, which RETRY it takes, and what it refuses to be talked into."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.caller import Caller, NoCommonGround
from pqmesh.engine.entry import admission_key
from pqmesh.engine.stamps import MAX_HANDSHAKE_BITS
from pqmesh.errors import Exhausted, ProtocolError, Unexpected, UsageError
from pqmesh.record import replace
from pqmesh.wire.entry import ADMITTED, ANY_MODE, NAMED, NO_MODE, Retry, decode_hello
from pqmesh.wire.handshake import HS_K, HS_S
from support.entries import BOB, CREDENTIAL, caller, context_of, doorman
from support.simulation import NAMES

KEY = admission_key(b"N" * 32)


def retry_to(one, **changes):
    nonce = decode_hello(one.hello).nonce
    retry = Retry(0x85, 1 << 3 | HS_K, nonce[:4], b"r" * 16, 1 << 5, 222)
    return replace(retry, **changes).encode()


def test_hello_says_what_is_offered_and_no_more():
    hello = decode_hello(caller(versions=(2, 1), suites=(1,)).hello)
    assert (hello.wish, hello.versions, hello.suites) == (NAMED | HS_K, 0x06, 0x02)
    assert (hello.credential, hello.admission) == (CREDENTIAL, bytes(8))
    assert decode_hello(caller(any_mode=True).hello).wish == NAMED | ANY_MODE | HS_K
    assert decode_hello(caller(admission_key=KEY).hello).wish == NAMED | ADMITTED | HS_K
    nobody = decode_hello(caller(HS_S, None, bytes(8)).hello)
    assert (nobody.wish, nobody.rtag) == (HS_S, bytes(6))


def test_the_nonce_is_fresh_or_the_owners():
    ours = context_of(NAMES[0], b"a")
    assert Caller(ours, HS_S).hello != Caller(ours, HS_S).hello
    assert decode_hello(caller(nonce=b"n" * 16).hello).nonce == b"n" * 16


def test_hs_k_needs_a_name():
    with pytest.raises(UsageError):
        caller(HS_K, None)


def test_a_retry_is_taken_once():
    one = caller()
    frame = retry_to(one)
    assert one.wants(frame)
    assert one.on_retry(frame)
    assert (one.entry.hello, one.entry.retry) == (one.hello, frame)
    assert not one.wants(frame)
    with pytest.raises(Unexpected):
        one.on_retry(frame)


def test_a_retry_to_another_hello_is_none():
    one = caller()
    frame = retry_to(one, nonce_echo=b"else")
    assert not one.wants(frame)
    assert not one.wants(b"\x84" + frame[1:])
    with pytest.raises(Unexpected, match="no HELLO"):
        one.on_retry(frame)
    assert one.entry is None


def test_property_06_only_what_was_offered_is_taken():
    for chosen, terms in (
        (1 << 3 | HS_S, 1 << 5),  # a mode
        (1 << 3 | 2, 1 << 5),
        (2 << 3 | HS_K, 1 << 5),  # a version
        (0 << 3 | HS_K, 1 << 5),
        (1 << 3 | HS_K, 2 << 5),  # a suite
        (1 << 3 | HS_K, 0),
    ):
        one = caller()
        with pytest.raises(Unexpected, match="not offered"):
            one.on_retry(retry_to(one, chosen=chosen, terms=terms))
        assert one.entry is None
        assert one.on_retry(retry_to(one))  # the genuine one may still come


@given(st.integers(0, 127), st.integers(0, 255), st.booleans(), st.booleans())
def test_property_06_no_retry_whatever_makes_it_weaker(chosen, terms, any_mode, member):
    one = caller(any_mode=any_mode, admission_key=KEY if member else None)
    try:
        taken = one.on_retry(retry_to(one, chosen=chosen, terms=terms))
    except ProtocolError:
        assert one.entry is None
        return
    assert taken == (one.entry is not None)
    if taken:
        assert one.entry.mode in ((HS_K, HS_S) if any_mode else (HS_K,))
        assert (one.entry.version, one.entry.suite) == (1, 1)


def test_any_mode_takes_hs_s():
    one = caller(any_mode=True)
    assert one.on_retry(retry_to(one, chosen=1 << 3 | HS_S))
    assert one.entry.mode == HS_S


def test_no_mode_is_a_hint_and_nothing_else():
    one = caller()
    with pytest.raises(NoCommonGround):
        one.on_retry(retry_to(one, chosen=1 << 3 | NO_MODE))
    assert one.entry is None
    assert one.on_retry(retry_to(one))


def test_too_much_work_is_refused():
    one = caller()
    with pytest.raises(Exhausted):
        one.on_retry(retry_to(one, terms=1 << 5 | MAX_HANDSHAKE_BITS + 1))
    assert one.entry is None
    assert one.on_retry(retry_to(one, terms=1 << 5 | MAX_HANDSHAKE_BITS))
    assert one.stamp is not None


def test_m1_is_not_due_before_retry_and_stamp():
    one = caller()
    with pytest.raises(UsageError):
        one.echo()
    assert one.on_retry(retry_to(one, terms=1 << 5 | 4))
    with pytest.raises(UsageError):
        one.echo()
    while not one.stamp.step(1):
        pass
    assert one.echo()[40 - 8 : 48 - 8] == CREDENTIAL
    assert one.echo()[40:48] == one.stamp.stamp


def test_an_admission_that_makes_no_sense_is_refused():
    stranger, member = caller(), caller(admission_key=KEY)
    with pytest.raises(Unexpected, match="does not know"):
        stranger.on_retry(retry_to(stranger, chosen=ADMITTED | 1 << 3 | HS_K))
    with pytest.raises(Unexpected, match="does not know"):
        member.on_retry(retry_to(member, chosen=ADMITTED | 1 << 3 | HS_K, terms=1 << 5 | 3))
    assert member.on_retry(retry_to(member, chosen=ADMITTED | 1 << 3 | HS_K))
    assert member.echo()[40:48] == decode_hello(member.hello).admission


def test_without_a_key_that_is_known_it_says_hello_as_a_stranger():
    one = caller(admission_key=KEY, nonce=b"CI" + b"n" * 14)
    first = retry_to(one, terms=1 << 5 | 3)
    before = one.hello
    assert one.on_retry(first) is False
    after = decode_hello(one.hello)
    assert (one.entry, after.wish, after.admission) == (None, NAMED | HS_K, bytes(8))
    assert after.nonce[:2] == b"CI"
    assert after.nonce[2:] != decode_hello(before).nonce[2:]
    with pytest.raises(Unexpected):
        one.on_retry(first)  # a repeat of it answers a HELLO that is no more
    assert one.on_retry(retry_to(one, terms=1 << 5 | 3))


def test_a_member_that_nobody_asks_for_work_stays_one():
    one = caller(admission_key=KEY)
    assert one.on_retry(retry_to(one))
    assert not one.entry.admitted


def test_the_real_other_side_takes_it():
    one, door = caller(), doorman()
    assert one.on_retry(door.on_hello(one.hello, b"", 5))
    assert door.admit(one.echo(), b"", 6) == one.entry
    assert BOB.peer_id not in one.hello
