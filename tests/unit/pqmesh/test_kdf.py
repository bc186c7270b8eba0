# SPDX-License-Identifier: MIT OR Apache-2.0
"""HMAC and HKDF against the vectors of their RFCs; D against a computation by hand."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqmesh import kdf
from pqmesh.errors import UsageError


def test_hkdf_rfc_5869_case_1():
    salt = bytes.fromhex("000102030405060708090a0b0c")
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    prk = kdf.extract(salt, b"\x0b" * 22)
    assert prk.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    okm = kdf.expand(prk, info, 42)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_hmac_rfc_4231_case_2():
    mac = kdf.hmac_sha256(b"Jefe", b"what do ya want ", b"for nothing?")
    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), max_size=4))
def test_hmac_is_the_standard_librarys(key, parts):
    expected = hmac.new(key, b"".join(parts), hashlib.sha256).digest()
    assert kdf.hmac_sha256(key, *parts) == expected


def test_hmac_keys_over_one_block_are_refused():
    with pytest.raises(UsageError):
        kdf.hmac_sha256(bytes(65), b"")


def test_expand_has_its_bound():
    assert kdf.expand(bytes(32), b"", 0) == b""
    assert len(kdf.expand(bytes(32), b"", 255 * 32)) == 8160
    for length in (-1, 255 * 32 + 1):
        with pytest.raises(UsageError):
            kdf.expand(bytes(32), b"", length)


def test_d_is_what_the_design_says():
    info = b"\x00\x0bpqmesh1 key" + b"\x00\x03ctx" + b"\x00\x20"
    block = hmac.new(b"s" * 32, info + b"\x01", hashlib.sha256).digest()
    assert kdf.derive(b"s" * 32, b"key", b"ctx") == block


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_lp_keeps_neighbours_apart(one, other):
    assert (kdf.lp(one) + kdf.lp(other) == kdf.lp(other) + kdf.lp(one)) == (one == other)


def test_lp_has_its_bound():
    assert kdf.lp(bytes(0xFFFF))[:2] == b"\xff\xff"
    with pytest.raises(UsageError):
        kdf.lp(bytes(0x10000))


def test_domains_begin_with_the_prefix():
    digest = kdf.domain_hash(b"frag")
    kdf.update_lp(digest, b"abc")
    assert digest.digest() == hashlib.sha256(b"pqmesh1 frag\x00\x03abc").digest()


def test_no_two_labels_are_alike():
    labels = [value for name, value in vars(kdf).items() if name.startswith(("LABEL_", "DOMAIN_"))]
    assert len(labels) == len(set(labels)) > 20


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [(b"", b"", True), (b"ab", b"ab", True), (b"ab", b"ac", False), (b"ab", b"abc", False)],
)
def test_equal(left, right, same):
    assert kdf.equal(left, right) is same
