# SPDX-License-Identifier: MIT OR Apache-2.0
"""ML-DSA-65 key expansion (FIPS 204 §6.1, algorithm 6), for providers that take no seed.

liboqs signs with the 4032-byte private key alone, and an identity of ours is its 32-byte
seed. Runs once per identity, in tens of milliseconds; plain Python, so its time depends on
the seed. The rejection samplers consume the secret s1, s2 only through their own hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

Q = 8380417
N = 256
K, L = 6, 5
ETA = 4
D = 13
ROOT = 1753
"""A 512th root of unity modulo Q (FIPS 204 §2.3)."""

Polynomial = list[int]

_ZETAS = [pow(ROOT, int(f"{n:08b}"[::-1], 2), Q) for n in range(N)]


def expand(seed: bytes) -> tuple[bytes, bytes]:
    """(public key 1952 B, private key 4032 B) of a 32-byte seed.

    :raises ValueError: the seed has another length
    """
    if len(seed) != 32:
        raise ValueError(f"a seed has {len(seed)} bytes, want 32")
    stretched = hashlib.shake_256(seed + bytes((K, L))).digest(128)
    rho, rho_prime, key = stretched[:32], stretched[32:96], stretched[96:]
    s1 = [_bounded(rho_prime, r) for r in range(L)]
    s2 = [_bounded(rho_prime, r) for r in range(L, L + K)]
    transformed = [_ntt(poly) for poly in s1]
    high, low = [], []
    for i in range(K):
        row = [_uniform(rho, j, i) for j in range(L)]
        products = zip(row, transformed, strict=True)
        total = [sum(terms) for terms in zip(*map(_pointwise, products), strict=True)]
        t = [(a + b) % Q for a, b in zip(_inverse_ntt(total), s2[i], strict=True)]
        pairs = [_power2round(c) for c in t]
        high.append([pair[0] for pair in pairs])
        low.append([pair[1] for pair in pairs])
    public = rho + b"".join(_pack(poly, 10) for poly in high)
    digest = hashlib.shake_256(public).digest(64)
    secret = b"".join(_pack([ETA - c for c in poly], 4) for poly in s1 + s2)
    rest = b"".join(_pack([(1 << D - 1) - c for c in poly], D) for poly in low)
    return public, rho + key + digest + secret + rest


def _uniform(rho: bytes, column: int, row: int) -> Polynomial:
    """Algorithm 30, RejNTTPoly."""
    stream = hashlib.shake_128(rho + bytes((column, row))).digest(168 * 8)
    found = []
    for at in range(0, len(stream), 3):
        value = int.from_bytes(stream[at : at + 3], "little") & 0x7FFFFF
        if value < Q:
            found.append(value)
            if len(found) == N:
                return found
    raise RuntimeError("the sampler ran dry, with a chance below 2^-256")


def _bounded(rho_prime: bytes, nonce: int) -> Polynomial:
    """Algorithm 31, RejBoundedPoly: coefficients in -4..4."""
    stream = hashlib.shake_256(rho_prime + nonce.to_bytes(2, "little")).digest(136 * 8)
    found = [ETA - half for half in _halves(stream) if half < 2 * ETA + 1]
    if len(found) < N:
        raise RuntimeError("the sampler ran dry, with a chance below 2^-256")
    return found[:N]


def _halves(stream: bytes) -> Iterator[int]:
    for byte in stream:
        yield byte & 15
        yield byte >> 4


def _ntt(poly: Iterable[int]) -> Polynomial:
    """Algorithm 41."""
    w = list(poly)
    m, length = 0, N // 2
    while length:
        for start in range(0, N, 2 * length):
            m += 1
            zeta = _ZETAS[m]
            for j in range(start, start + length):
                t = zeta * w[j + length] % Q
                w[j + length] = (w[j] - t) % Q
                w[j] = (w[j] + t) % Q
        length //= 2
    return w


def _inverse_ntt(poly: Iterable[int]) -> Polynomial:
    """Algorithm 42."""
    w = list(poly)
    m, length = N, 1
    while length < N:
        for start in range(0, N, 2 * length):
            m -= 1
            zeta = -_ZETAS[m]
            for j in range(start, start + length):
                t = w[j]
                w[j] = (t + w[j + length]) % Q
                w[j + length] = zeta * (t - w[j + length]) % Q
        length *= 2
    scale = pow(N, -1, Q)
    return [scale * c % Q for c in w]


def _pointwise(pair: tuple[Polynomial, Polynomial]) -> Polynomial:
    return [a * b for a, b in zip(*pair, strict=True)]


def _power2round(value: int) -> tuple[int, int]:
    """Algorithm 35: value = high * 2^13 + low, low in -4095..4096."""
    low = value & ((1 << D) - 1)
    if low > 1 << (D - 1):
        low -= 1 << D
    return (value - low) >> D, low


def _pack(poly: Polynomial, bits: int) -> bytes:
    """Algorithms 16 and 17: ``bits`` a coefficient, little end first."""
    total = sum(c << (bits * n) for n, c in enumerate(poly))
    return total.to_bytes(N * bits // 8, "little")
