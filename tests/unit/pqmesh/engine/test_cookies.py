# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cookies: good for one to two lifetimes, for what they were made for, and for nobody else."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh.engine.cookies import CookieJar
from pqmesh.errors import BadTag
from support.model_crypto import CountingEntropy

LIFE = 1_000
HELLO, RETRY = b"h" * 42, b"r" * 24


def jar(name=b"jar"):
    return CookieJar(CountingEntropy(name), LIFE)


def good(cookies, cookie, now, address=b"", hello=HELLO, retry=RETRY):
    try:
        cookies.check(cookie, address, hello, retry, now)
    except BadTag:
        return False
    return True


def test_a_cookie_is_a_mac_over_where_from_and_both_frames():
    cookies = jar()
    key = CountingEntropy(b"jar")(32)
    text = b"pqmesh1 cookie" + b"\x00\x02at" + HELLO + RETRY
    want = hmac.new(key, text, hashlib.sha256).digest()[:16]
    cookie = cookies.make(b"at", HELLO, RETRY, 0)
    assert cookie[:-1] == want[:-1]
    assert cookie[-1] == want[-1] & 0xFE
    assert good(cookies, cookie, 0, b"at")
    for change in (
        {"address": b"ta"},
        {"address": b""},
        {"hello": b"h" * 41 + b"i"},
        {"retry": b"r" * 23 + b"s"},
    ):
        assert not good(cookies, cookie, 0, **{"address": b"at", **change})


def test_one_hello_has_one_cookie_while_the_key_lives():
    cookies = jar()
    first = cookies.make(b"", HELLO, RETRY, 0)
    assert cookies.make(b"", HELLO, RETRY, LIFE - 1) == first
    assert cookies.make(b"", HELLO, RETRY, LIFE) != first


@given(st.integers(0, 5 * LIFE), st.integers(0, 3 * LIFE))
def test_property_15_a_cookie_lives_at_least_one_lifetime_and_less_than_two(made, later):
    cookies = jar()
    cookie = cookies.make(b"", HELLO, RETRY, made)
    if later <= LIFE:
        assert good(cookies, cookie, made + later)
    elif later >= 2 * LIFE:
        assert not good(cookies, cookie, made + later)


@given(st.lists(st.integers(0, 700), max_size=12), st.integers(0, LIFE))
def test_property_15_however_often_others_come_meanwhile(gaps, wait):
    cookies = jar()
    now = 123
    cookie = cookies.make(b"", HELLO, RETRY, now)
    until = now + wait
    for gap in gaps:
        if now + gap > until:
            break
        now += gap
        cookies.make(b"other", HELLO, RETRY, now)
    assert good(cookies, cookie, until)


def test_a_key_is_drawn_when_it_is_needed_and_never_twice():
    entropy = CountingEntropy(b"jar")
    cookies = CookieJar(entropy, LIFE)
    with pytest.raises(BadTag):
        cookies.check(bytes(16), b"", HELLO, RETRY, 0)
    assert entropy.draws == 0
    seen = set()
    for turn in range(6):
        seen.add(cookies.make(b"", HELLO, RETRY, turn * LIFE))
        assert entropy.draws == turn + 1
    assert len(seen) == 6


def test_a_long_silence_ends_both_keys():
    cookies = jar()
    old = cookies.make(b"", HELLO, RETRY, 0)
    newer = cookies.make(b"", HELLO, RETRY, LIFE)
    assert (old[-1] & 1, newer[-1] & 1) == (0, 1)
    assert good(cookies, old, LIFE)
    assert not any(good(cookies, cookie, 3 * LIFE) for cookie in (old, newer))
    assert not any(good(cookies, cookie, 4 * LIFE) for cookie in (old, newer))


def test_another_nodes_cookie_is_none():
    assert not good(jar(b"another"), jar().make(b"", HELLO, RETRY, 0), 0)


def test_a_clock_that_starts_late_or_stands_still():
    cookies = jar()
    start = 10**9
    cookie = cookies.make(b"", HELLO, RETRY, start)
    assert good(cookies, cookie, start)
    assert good(cookies, cookie, start - 1)  # never raises, whatever the caller's clock does
