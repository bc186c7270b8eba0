# SPDX-License-Identifier: MIT OR Apache-2.0
"""The constants of ML-KEM's arithmetic, checked for every input they may meet.

The C sources state ranges and magic numbers; here both are read back from the sources
and held against the definitions of FIPS 203.
"""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "firmware" / "c_pqc" / "src"
PACK = (SOURCE / "kem_pack.c").read_text()
RING = (SOURCE / "ring3329.c").read_text()
RING_HEADER = (SOURCE / "ring3329.h").read_text()
Q = 3329
R = -(2**32)  # the factor of Plantard's reduction


def signed32(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def mul_const(a: int, constant: int) -> int:
    """What pqc_mul_const() computes."""
    return ((signed32(a * constant) >> 16) + 8) * Q >> 16


def encoded(c: int) -> int:
    """A constant in the form pqc_mul_const() takes."""
    return (c * R % Q) * pow(Q, -1, 2**32) % 2**32


def define(source: str, name: str) -> int:
    found = re.search(rf"#define {name}\s+\(?(-?\w+)\)?", source)
    assert found, name
    return int(found[1].rstrip("uU"), 0)


@pytest.mark.parametrize(
    ("d", "low", "high"), [(10, -1670, 1670), (4, -3400, 3400), (1, -1700, 5050)]
)
def test_compression_by_multiply_and_shift(d: int, low: int, high: int) -> None:
    found = re.search(rf"#define COMPRESS_{d}\(x\)\s+compress\(x, (\d+), (\d+)\)", PACK)
    assert found
    factor, shift = int(found[1]), int(found[2])
    for x in range(low, high + 1):
        product = x * factor + (1 << (shift - 1))
        assert -(2**31) <= product < 2**31
        exact = (2 * 2**d * (x % Q) + Q) // (2 * Q) % 2**d  # round half up; q is odd, no halves
        assert (product >> shift) % 2**d == exact, x


def test_zetas_are_the_powers_of_17_in_bit_reversed_order() -> None:
    table = RING[RING.index("zetas[]") : RING.index("};")]
    zetas = [int(text) for text in re.findall(r"\d+", table.split("{")[1])]
    assert zetas == [pow(17, int(f"{i:07b}"[::-1], 2), Q) * R % Q for i in range(128)]
    inverse = define(RING_HEADER, "PQC_Q_INV")  # what zeta_at() multiplies with
    for i, zeta in enumerate(zetas):
        assert zeta * inverse % 2**32 == encoded(pow(17, int(f"{i:07b}"[::-1], 2), Q))
    quarter = define(RING, "ZETA_64")
    assert quarter == encoded(pow(17, 64, Q))
    for even, odd in zip(zetas[0::2], zetas[1::2], strict=True):  # what PQC_SMALL computes
        assert mul_const(even, quarter) % Q == odd


def test_named_constants() -> None:
    assert define(RING_HEADER, "PQC_Q_INV") * Q % 2**32 == 1
    assert define(RING_HEADER, "PQC_CONST_ONE") == encoded(1)
    assert define(RING_HEADER, "PQC_CONST_FACTOR") == encoded(R)
    scale = pow(128, -1, Q) * R
    assert define(RING, "SCALE") == encoded(scale)
    assert define(RING, "SCALE_ZETA") == encoded(scale * pow(17, 64, Q))
    undo = define((SOURCE / "kem.c").read_text(), "UNDO_FACTOR")
    assert undo * R % Q == 1
    assert 2 * abs(undo) <= Q  # scaled noise keeps within what the NTT accepts


def test_multiplication_by_constants_is_right_and_centred_over_its_whole_range() -> None:
    for c in (1, 17, Q - 1, R % Q):
        constant = encoded(c)
        for a in (*range(-458_000, 458_001, 37), *range(-35_000, 35_001)):
            r = mul_const(a, constant)
            assert (r - a * c) % Q == 0
            assert -1664 <= r <= 1664


def test_reduction_of_products_is_right_at_the_ends_of_its_range() -> None:
    inverse = pow(R, -1, Q)
    for a in (-1_500_000_000, -(2 * 14_984**2), -1, 0, 1, 2 * 14_984**2, 2**31 - 1):
        for x in range(max(a - 5000, -1_500_000_000), min(a + 5000, 2**31)):
            r = mul_const(x, define(RING_HEADER, "PQC_Q_INV"))
            assert (r - x * inverse) % Q == 0
            assert -1664 <= r <= 1664
