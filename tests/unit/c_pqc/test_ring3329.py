# SPDX-License-Identifier: MIT OR Apache-2.0
"""The transforms and products of ``ring3329.c`` against plain arithmetic, at every extreme."""

import ctypes
import random

import pytest

from support.pqc_extension import pqc

Q, N = 3329, 256
R = -(2**32)  # what a product lacks and the inverse transform gives back
NTT_BOUND, PRODUCT_BOUND, INT16 = 14_984, 1664, 32_767
LIBRARY = ctypes.CDLL(pqc.__file__)
Poly = ctypes.c_int16 * N


def bit_reversed(i: int) -> int:
    return int(f"{i:07b}"[::-1], 2)


def plain_ntt(a: list[int]) -> list[int]:
    """FIPS 203 section 4.3 by its meaning: remainders modulo X^2 - 17^(2 brv(i) + 1)."""
    out = []
    for i in range(128):
        root = pow(17, 2 * bit_reversed(i) + 1, Q)
        powers = [pow(root, k, Q) for k in range(128)]
        out.append(sum(a[2 * k] * powers[k] for k in range(128)) % Q)
        out.append(sum(a[2 * k + 1] * powers[k] for k in range(128)) % Q)
    return out


def ntt(a: list[int]) -> list[int]:
    poly = Poly(*a)
    LIBRARY.pqc_poly16_ntt(poly)
    return list(poly)


def inverse(a: list[int]) -> list[int]:
    poly = Poly(*a)
    LIBRARY.pqc_poly16_invntt(poly)
    return list(poly)


def product(start: list[int], a: list[int], b: list[int]) -> list[int]:
    """Add the product in four calls of 16 groups, as the samplers do."""
    total, factor = Poly(*start), Poly(*b)
    for first in range(0, 64, 16):
        part = (ctypes.c_int16 * 64)(*a[4 * first : 4 * first + 64])
        LIBRARY.pqc_poly16_mul_add(total, part, factor, first, 16)
    return list(total)


def inputs(bound: int) -> list[list[int]]:
    rng = random.Random(bound)
    return [
        [bound] * N,
        [-bound] * N,
        [bound if i % 2 else -bound for i in range(N)],
        [bound if i // 2 % 2 else -bound for i in range(N)],
        [bound if bin(i).count("1") % 2 else -bound for i in range(N)],
        [bound * (i == 0) for i in range(N)],
        [rng.choice((-bound, bound)) for _ in range(N)],
        [rng.randint(-bound, bound) for _ in range(N)],
    ]


@pytest.mark.parametrize("bound", [1, 2, 2800, Q])
def test_the_transform_is_the_standards_and_keeps_its_bound(bound: int) -> None:
    for a in inputs(bound):
        out = ntt(a)
        assert [c % Q for c in out] == plain_ntt(a)
        assert max(map(abs, out)) <= NTT_BOUND


@pytest.mark.parametrize("bound", [1, PRODUCT_BOUND, 4 * PRODUCT_BOUND, INT16])
def test_the_inverse_undoes_it_for_any_input_and_centres(bound: int) -> None:
    for a in inputs(bound):
        out = inverse(a)
        assert max(map(abs, out)) <= PRODUCT_BOUND
        scale = pow(R, -1, Q)
        assert plain_ntt([c * scale % Q for c in out]) == [c % Q for c in a]


@pytest.mark.parametrize(("left", "right"), [(4095, NTT_BOUND), (NTT_BOUND, NTT_BOUND), (1, 1)])
def test_products_are_right_and_grow_by_half_q(left: int, right: int) -> None:
    scale = pow(R, -1, Q)
    for a, b in zip(inputs(left), reversed(inputs(right)), strict=True):
        start = [1000] * N
        out = product(start, a, b)
        for i in range(128):
            root = pow(17, 2 * bit_reversed(i) + 1, Q)
            a0, a1, b0, b1 = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
            low, high = out[2 * i] - 1000, out[2 * i + 1] - 1000
            assert (low - (a0 * b0 + a1 * b1 * root) * scale) % Q == 0
            assert (high - (a0 * b1 + a1 * b0) * scale) % Q == 0
            assert max(abs(low), abs(high)) <= PRODUCT_BOUND


def test_product_of_polynomials_by_way_of_the_transform() -> None:
    rng = random.Random("negacyclic")
    a = [rng.randint(-2, 2) for _ in range(N)]
    b = [rng.randint(-1664, 1664) for _ in range(N)]
    want = [0] * N
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            want[(i + j) % N] += x * y if i + j < N else -x * y
    out = inverse(product([0] * N, ntt(a), ntt(b)))
    assert [c % Q for c in out] == [c % Q for c in want]
