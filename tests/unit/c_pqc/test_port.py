# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C provider and the host's provider are interchangeable, errors included."""

from typing import TYPE_CHECKING

import pytest

from pqmesh.errors import BadKey, BadTag, UsageError
from pqmesh_host.crypto import HostCrypto
from support.pqc_crypto import PqcCrypto

if TYPE_CHECKING:
    from pqmesh.crypto import Crypto

OURS = PqcCrypto()
THEIRS = HostCrypto()
BOTH = pytest.mark.parametrize("crypto", [OURS, THEIRS], ids=["c", "host"])
SEED, COINS = bytes(range(64)), bytes(range(32))


def test_it_is_a_provider() -> None:
    provider: Crypto = OURS
    assert provider.sha256(b"abc") == THEIRS.sha256(b"abc")


def test_keys_agree() -> None:
    assert OURS.kem_keypair(SEED) == THEIRS.kem_keypair(SEED)
    assert OURS.dsa_public_key(SEED[:32]) == THEIRS.dsa_public_key(SEED[:32])


def test_each_opens_what_the_other_closes() -> None:
    public_key = OURS.kem_keypair(SEED)
    for one, other in ((OURS, THEIRS), (THEIRS, OURS)):
        ciphertext, shared = one.kem_encapsulate(public_key, COINS)
        assert other.kem_decapsulate(SEED, ciphertext) == shared
        sealed = one.seal(COINS, bytes(13), b"aad", b"text", 8)
        assert other.open(COINS, bytes(13), b"aad", sealed, 8) == b"text"
        signature = one.sign(SEED[:32], b"message", b"context", COINS)
        key = other.dsa_public_key(SEED[:32])
        assert other.verify(key, b"message", b"context", signature)
        assert not other.verify(key, b"massage", b"context", signature)


def test_coins_and_rnd_decide_alone() -> None:
    public_key = OURS.kem_keypair(SEED)
    assert OURS.kem_encapsulate(public_key, COINS) == OURS.kem_encapsulate(public_key, COINS)
    signatures = {OURS.sign(SEED[:32], b"m", b"", rnd) for rnd in (COINS, COINS, bytes(32))}
    assert len(signatures) == 2


@BOTH
def test_malformed_input_from_a_peer(crypto: "Crypto") -> None:
    with pytest.raises(BadKey):
        crypto.kem_encapsulate(b"\xff" * 1184, COINS)
    with pytest.raises(BadKey):
        crypto.kem_encapsulate(bytes(1183), COINS)
    sealed = crypto.seal(COINS, bytes(13), b"", b"text", 8)
    for bad in (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", bytes(7), bytes(65_544)):
        with pytest.raises(BadTag):
            crypto.open(COINS, bytes(13), b"", bad, 8)
    key = crypto.dsa_public_key(SEED[:32])
    for public_key, context, signature in (
        (key[:-1], b"", bytes(3309)),
        (key, b"", bytes(3308)),
        (key, bytes(256), bytes(3309)),
        (key, b"", bytes(3309)),
    ):
        assert crypto.verify(public_key, b"", context, signature) is False


@BOTH
def test_our_own_mistakes(crypto: "Crypto") -> None:
    for mistake in (
        lambda: crypto.kem_keypair(SEED[1:]),
        lambda: crypto.kem_decapsulate(SEED, bytes(1087)),
        lambda: crypto.dsa_public_key(SEED),
        lambda: crypto.sign(SEED[:32], b"", bytes(256), COINS),
        lambda: crypto.seal(COINS[1:], bytes(13), b"", b"", 8),
        lambda: crypto.seal(COINS, bytes(12), b"", b"", 8),
        lambda: crypto.seal(COINS, bytes(13), b"", b"", 5),
        lambda: crypto.seal(COINS, bytes(13), b"", bytes(65_536), 8),
        lambda: crypto.open(COINS, bytes(13), b"", bytes(9), 18),
    ):
        with pytest.raises(UsageError):
            mistake()
