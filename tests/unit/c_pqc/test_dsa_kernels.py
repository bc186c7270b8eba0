# SPDX-License-Identifier: MIT OR Apache-2.0
"""The inner parts of ML-DSA-65 against plain arithmetic, with long and short multiplications."""

import ctypes
import hashlib
import random
import re

import pytest

from support.dsa_library import Library, library
from tools.build_cpython_pqc import C_PQC

Q, N, TAU, ETA = 8380417, 256, 49, 4
ZETA = 1753
Poly = ctypes.c_int32 * N

SHORT, SMALL = "-DPQC_SHORT_MULTIPLY", "-DPQC_SMALL"
VARIANTS = pytest.mark.parametrize("flags", [(), (SHORT,)], ids=["long", "short"])
TRANSFORMS = pytest.mark.parametrize(
    "flags",
    [(), (SHORT,), (SMALL,), (SHORT, SMALL)],
    ids=["long", "short", "long small", "short small"],
)


def bit_reversed(i: int) -> int:
    return int(f"{i:08b}"[::-1], 2)


def plain_ntt(a: list[int]) -> list[int]:
    """FIPS 204 algorithm 41 by its meaning: evaluation at the odd powers of zeta."""
    roots = [pow(ZETA, 2 * bit_reversed(i) + 1, Q) for i in range(N)]
    return [sum(c * pow(root, n, Q) for n, c in enumerate(a)) % Q for root in roots]


def negacyclic(a: list[int], b: list[int]) -> list[int]:
    """The product modulo X^256 + 1, over the integers."""
    out = [0] * N
    for i, x in enumerate(a):
        if x:
            for j, y in enumerate(b):
                sign = 1 if i + j < N else -1
                out[(i + j) % N] += sign * x * y
    return out


def run(function: object, a: list[int]) -> list[int]:
    poly = Poly(*a)
    function(poly)  # type: ignore[operator]
    return list(poly)


# ------------------------------------------------------------------ the field


def zetas() -> list[int]:
    """The table in dsa_ntt.c: the even powers, then the odd ones; low and high bits apart."""
    text = (C_PQC / "src" / "dsa_ntt.c").read_text()
    halves = []
    for name in ("low", "high"):
        table = re.search(rf"zetas_{name}\[\] = \{{([^}}]*)\}}", text)
        assert table is not None
        halves.append([int(number) for number in re.findall(r"-?\d+", table.group(1))])
    return [high * 65536 + low for low, high in zip(*halves, strict=True)]


def test_the_table_of_constants_is_what_it_says() -> None:
    table = zetas()
    assert len(table) == N
    for k, value in zip([*range(0, N, 2), *range(1, N, 2)], table, strict=True):
        assert (value - pow(ZETA, bit_reversed(k), Q)) % Q == 0
        assert abs(value) <= Q // 2


@VARIANTS
def test_products_with_constants_keep_their_bounds(flags: tuple[str, ...]) -> None:
    raw = library(*flags).raw
    rng = random.Random("constants")
    edges = [0, 1, -1, Q, -Q, 2**31 - 1, -(2**31), 2**30, -(2**16), 2**16 - 1]
    numbers = edges + [rng.randrange(-(2**31), 2**31) for _ in range(500)]
    a = (ctypes.c_int32 * len(numbers))(*numbers)
    out = (ctypes.c_int32 * len(numbers))()
    above = 3 if flags else 1
    for value in (1, -1, Q // 2, -(Q // 2), 16382, -32736, *zetas()):
        quotient = raw.kernel_mul_constant(out, a, value, ctypes.c_size_t(len(numbers)))
        assert abs(quotient - value * 2**32 / Q) < 6
        for number, result in zip(numbers, out, strict=True):
            slack = 6 * abs(number) / 2**32
            assert (number * value - result) % Q == 0
            assert -slack * Q - 1 <= result <= (above + slack) * Q


@VARIANTS
def test_products_of_two_variables_keep_their_bounds(flags: tuple[str, ...]) -> None:
    raw = library(*flags).raw
    rng = random.Random("variables")
    limit = 54 * Q // 100 if flags else 20 * Q
    # The short product drops the last 8 bits of one factor and 7 of the other.
    ends = [
        0,
        limit,
        -limit,
        *(sign * (limit & -128) + cut for sign in (1, -1) for cut in (63, 64)),
    ]
    starts = [
        0,
        Q - 1,
        1 - Q,
        *(sign * (Q & -256) + cut for sign in (1, -1) for cut in (-129, -128)),
    ]
    edges = [(x, y) for x in starts for y in ends if abs(y) <= limit]
    pairs = edges + [(rng.randrange(Q), rng.randrange(-limit, limit)) for _ in range(20_000)]
    a, b = ((ctypes.c_int32 * len(pairs))(*column) for column in zip(*pairs, strict=True))
    out = (ctypes.c_int32 * len(pairs))()
    raw.kernel_mul(out, a, b, ctypes.c_size_t(len(pairs)))
    factor = 1 if flags else pow(2, -32, Q)
    bound = 140 * Q if flags else 0.6 * Q
    for (x, y), result in zip(pairs, out, strict=True):
        assert (x * y * factor - result) % Q == 0
        assert abs(result) < bound


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_field_operations_over_the_whole_field() -> None:
    """C2SP CCTV, ML-DSA/accumulated, "Field operation tests"."""
    digest = ctypes.create_string_buffer(32)
    assert library().raw.kernel_field_hash(digest) == 0
    expected = "f930663417278156ab05d940294a77210a809c924d8ab63ec72f4526247602c7"
    assert digest.raw.hex() == expected


# ------------------------------------------------------------------ transforms


@TRANSFORMS
@pytest.mark.parametrize("bound", [1, 4, 1 << 19, Q, 8 * Q])
def test_the_transform_evaluates_at_the_odd_powers(flags: tuple[str, ...], bound: int) -> None:
    dsa = library(*flags)
    rng = random.Random(bound)
    for a in (
        [bound] * N,
        [-bound] * N,
        [bound if i % 2 else -bound for i in range(N)],
        [rng.randint(-bound, bound) for _ in range(N)],
    ):
        out = run(dsa.raw.pqc_dsa_ntt, a)
        assert [c % Q for c in out] == plain_ntt(a)
        assert max(map(abs, out)) < (0.54 * Q if SHORT in flags else 20 * Q)


@TRANSFORMS
def test_the_inverse_undoes_it_at_every_extreme(flags: tuple[str, ...]) -> None:
    """In: a sum of products, which carry the factor that the inverse takes out again."""
    dsa = library(*flags)
    factor = 1 if SHORT in flags else pow(2, 32, Q)
    rng = random.Random("inverse")
    limit = 76 * Q // 100
    for transformed in (
        [limit] * N,
        [-limit] * N,
        [limit if i % 2 else -limit for i in range(N)],
        [limit if i // 2 % 2 else -limit for i in range(N)],
        [rng.choice((-limit, limit)) for _ in range(N)],
        [rng.randint(-limit, limit) for _ in range(N)],
    ):
        out = run(dsa.raw.pqc_dsa_invntt, transformed)
        assert all(0 <= c < Q for c in out)
        assert plain_ntt(out) == [c * factor % Q for c in transformed]


def sampled(rho: bytes, row: int, column: int) -> list[int]:
    """RejNTTPoly, FIPS 204 algorithm 30."""
    stream = hashlib.shake_128(rho + bytes((column, row))).digest(3 * 1000)
    out: list[int] = []
    for at in range(0, len(stream), 3):
        candidate = int.from_bytes(stream[at : at + 3], "little") & 0x7FFFFF
        if candidate < Q:
            out.append(candidate)
    return out[:N]


@TRANSFORMS
def test_products_with_the_matrix(flags: tuple[str, ...]) -> None:
    dsa = library(*flags)
    for case in range(20):
        rng = random.Random(f"matrix {case}")
        rho, row, column = rng.randbytes(32), rng.randrange(6), rng.randrange(5)
        v = [rng.randint(-(1 << 19), 1 << 19) for _ in range(N)]
        out = Poly()
        dsa.raw.kernel_matrix_product(out, Poly(*v), rho, row, column)
        expected = [
            a * b % Q for a, b in zip(sampled(rho, row, column), plain_ntt(v), strict=True)
        ]
        assert plain_ntt(list(out)) == expected


# ------------------------------------------------------------------ products with the challenge


def sample_in_ball(seed: bytes) -> list[int]:
    """FIPS 204 algorithm 29, in its own words."""
    stream = iter(hashlib.shake_256(seed).digest(2000))
    signs = int.from_bytes(bytes(next(stream) for _ in range(8)), "little")
    c = [0] * N
    for i in range(N - TAU, N):
        j = next(byte for byte in stream if byte <= i)
        c[i] = c[j]
        c[j] = -1 if signs >> (i + TAU - N) & 1 else 1
    return c


def packed(values: list[int], top: int, bits: int) -> bytes:
    total = sum((top - value) << bits * i for i, value in enumerate(values))
    return total.to_bytes(N * bits // 8, "little")


def products(dsa: Library, seed: bytes, s: list[int], t0: list[int]) -> list[list[int]]:
    cs, ct0, c = Poly(), Poly(), Poly()
    dsa.raw.kernel_products(cs, ct0, seed, packed(s, ETA, 4), packed(t0, 4096, 13), c)
    return [list(cs), list(ct0), list(c)]


@pytest.mark.parametrize("flags", [(), ("-DDSA_PRODUCT_WORDS=4",)], ids=["8 words", "4 words"])
def test_products_with_the_challenge(flags: tuple[str, ...]) -> None:
    dsa = library(*flags)
    extreme: list[tuple[list[int], list[int]]] = [
        ([ETA] * N, [4096] * N),
        ([-ETA] * N, [-4095] * N),
    ]
    for case in range(30):
        rng = random.Random(f"challenge {case}")
        seed = rng.randbytes(48)
        s = [rng.randint(-ETA, ETA) for _ in range(N)]
        t0 = [rng.randint(-4095, 4096) for _ in range(N)]
        for small, wide in [(s, t0), *extreme]:
            cs, ct0, c = products(dsa, seed, small, wide)
            assert c == sample_in_ball(seed)
            assert cs == negacyclic(c, small)
            assert ct0 == negacyclic(c, wide)


def test_products_reach_their_bound() -> None:
    """The largest sum there can be: every term of c meets a coefficient of its own sign."""
    dsa = library()
    seed = b"\x07" * 48
    c = sample_in_ball(seed)
    for n in (0, 100, 255):
        for sign in (1, -1):
            s = [0] * N
            for k, term in enumerate(c):
                if term:
                    turned = 1 if k <= n else -1
                    s[(n - k) % N] = sign * ETA * term * turned
            cs, _, _ = products(dsa, seed, s, [0] * N)
            assert cs[n] == sign * TAU * ETA
