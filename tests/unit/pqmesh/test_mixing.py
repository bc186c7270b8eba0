# SPDX-License-Identifier: MIT OR Apache-2.0
"""The mix is HKDF, written out by hand; both inputs count."""

import hmac

import pytest

from pqmesh.errors import Malformed, UsageError
from pqmesh.mixing import POOL_BYTES, draw, stir

GIVEN, OWN = b"g" * 32, b"o" * 40


def test_the_mix_is_hkdf():
    pool = stir(bytes(POOL_BYTES), GIVEN)
    assert pool == hmac.digest(bytes(32), GIVEN, "sha256")
    key = hmac.digest(pool, OWN, "sha256")
    label = b"pqmesh1 " + b"entropy"
    info = b"\0\x0f" + label + b"\0\0" + b"\0\x28"
    first = hmac.digest(key, info + b"\1", "sha256")
    second = hmac.digest(key, first + info + b"\2", "sha256")
    assert draw(pool, OWN, 40) == (first + second)[:40]


def test_either_source_changes_everything():
    pool = stir(bytes(POOL_BYTES), GIVEN)
    assert draw(pool, OWN, 32) != draw(pool, b"p" + OWN[1:], 32)
    assert draw(pool, OWN, 32) != draw(stir(pool, GIVEN), OWN, 32)


def test_too_little_is_refused_and_so_is_too_much():
    with pytest.raises(Malformed, match="31 bytes"):
        stir(bytes(POOL_BYTES), bytes(31))
    with pytest.raises(UsageError):
        draw(bytes(POOL_BYTES), OWN, 8_161)
