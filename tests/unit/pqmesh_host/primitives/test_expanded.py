# SPDX-License-Identifier: MIT OR Apache-2.0
"""The expanded private key, against pyca's public key and against its own definition."""

import hashlib

import pytest

from pqmesh_host.primitives.expanded import expand
from pqmesh_host.primitives.pyca import PYCA


@pytest.mark.parametrize("seed", [bytes(32), bytes(range(32)), b"\xff" * 32])
def test_the_public_half_is_pycas(seed):
    public, private = expand(seed)
    assert public == PYCA.signing_key(seed).public
    assert len(private) == 4032


def test_the_private_half_is_what_the_standard_says():
    """rho || K || tr || s1 || s2 || t0 (FIPS 204 algorithm 24)."""
    seed = bytes(range(32))
    public, private = expand(seed)
    stretched = hashlib.shake_256(seed + bytes((6, 5))).digest(128)
    assert private[:32] == public[:32] == stretched[:32]
    assert private[32:64] == stretched[96:]
    assert private[64:128] == hashlib.shake_256(public).digest(64)
    small = private[128 : 128 + 11 * 128]
    assert all(byte & 15 <= 8 and byte >> 4 <= 8 for byte in small)


def test_a_seed_has_32_bytes():
    with pytest.raises(ValueError, match="31"):
        expand(bytes(31))
