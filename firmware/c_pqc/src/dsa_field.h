/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_field.h - arithmetic modulo q = 8380417 = 2^23 - 2^13 + 1.
 *
 * No reduction branches, and right shifts of negative values are arithmetic (gcc,
 * clang; checked below).
 */
#ifndef PQC_DSA_FIELD_H
#define PQC_DSA_FIELD_H

#include "dsa.h"

_Static_assert((-3 >> 1) == -2, "this code needs arithmetic right shifts");

/*
 * Arm cores without a 32 x 32 -> 64 multiplier (v6-M), or with one whose time
 * depends on the operands (v7-M: Cortex-M3), build products from 16-bit halves.
 */
#if !defined(PQC_SHORT_MULTIPLY) && (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__))
#define PQC_SHORT_MULTIPLY
#endif

/* A constant to multiply with: `quotient` = round(value 2^32 / q). */
typedef struct {
    int32_t value;
    int32_t quotient;
} dsa_constant;

/*
 * q in a register. Left as a constant it would tempt the compiler to replace one
 * multiply-and-subtract by a chain of shifts.
 */
PQC_INLINE int32_t dsa_q(void)
{
    int32_t q = DSA_Q;
#if defined(__GNUC__)
    __asm__("" : "+r"(q));
#endif
    return q;
}

/* a b modulo 2^32 */
PQC_INLINE int32_t dsa_mul_low(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

#ifdef PQC_SHORT_MULTIPLY

/* a b / 2^32 rounded down, or up to 2 less: the product of the low halves is left out. */
PQC_INLINE int32_t dsa_mul_high(int32_t a, int32_t b)
{
    int32_t a_high = a >> 16, b_high = b >> 16;
    int32_t a_low = (uint16_t)a, b_low = (uint16_t)b;
    return a_high * b_high + ((a_high * b_low) >> 16) + ((a_low * b_high) >> 16);
}

/*
 * a b modulo q, |result| < 9 q, for |a| and |b| <= q: a b - h q in 32 bits, where
 * h = a b (1 + 2^-10) / 2^23 is a b / q to within 8.
 */
PQC_INLINE int32_t dsa_mul(int32_t a, int32_t b, int32_t q)
{
    int32_t a_high = a >> 16, b_high = b >> 16;
    uint32_t a_low = (uint16_t)a, b_low = (uint16_t)b;
    int32_t top = a_high * b_high * 65536 + a_high * (int32_t)b_low + (int32_t)a_low * b_high +
                  (int32_t)((a_low * b_low) >> 16); /* a b / 2^16, |top| < 2^30 */
    int32_t h = (top + (top >> 10)) >> 7;
    return dsa_mul_low(a, b) - dsa_mul_low(h, q);
}

/* 1 / 256: what the inverse transform multiplies with. */
#define DSA_INVERSE_SCALE {-32736, -16777214}

#else

/* a b / 2^32 rounded down */
PQC_INLINE int32_t dsa_mul_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 32);
}

#define DSA_Q_INVERSE 58728449 /* q^-1 modulo 2^32 */

/*
 * a b / 2^32 modulo q (Montgomery), |result| <= |a b| / 2^32 + q / 2. The factor is
 * taken out again by the inverse transform.
 */
PQC_INLINE int32_t dsa_mul(int32_t a, int32_t b, int32_t q)
{
    int32_t inverse = DSA_Q_INVERSE;
#if defined(__GNUC__)
    __asm__("" : "+r"(a), "+r"(inverse)); /* signed operands, one product: as dsa_q() */
#endif
    int64_t product = (int64_t)a * b;
    int32_t m = dsa_mul_low((int32_t)product, inverse);
    return (int32_t)(product >> 32) - dsa_mul_high(m, q);
}

/* 2^32 / 256 */
#define DSA_INVERSE_SCALE {16382, 8395782}

#endif

/*
 * a times a constant modulo q (Shoup): a value - h q in 32 bits, where h is
 * a value / q rounded down, or a little less. The result lies in (-q / 4, 5 q / 4),
 * for short multiplications in (-q / 4, 13 q / 4).
 */
PQC_INLINE int32_t dsa_mul_constant(int32_t a, dsa_constant b, int32_t q)
{
    return dsa_mul_low(a, b.value) - dsa_mul_low(dsa_mul_high(a, b.quotient), q);
}

/* Centre: |result| < 0.76 q for a in [-2^31 + q, 2^31 - 2^22); < 0.51 q for |a| < 4 q. */
PQC_INLINE int32_t dsa_reduce(int32_t a, int32_t q)
{
    return a - dsa_mul_low((a + (1 << 22)) >> 23, q);
}

/* (-q, q) to [0, q) */
PQC_INLINE int32_t dsa_positive(int32_t a)
{
    return a + (int32_t)((uint32_t)(a >> 31) & DSA_Q);
}

/*
 * HighBits and LowBits, FIPS 204 algorithms 37 and 38, of r in [0, q): the result
 * is r1 in [0, 16), *low is r0 in (-gamma2, gamma2], or -gamma2 .. -1 for the r
 * that wrap to r1 = 0. Division by 2 gamma2 = 128 * 4092 is a multiplication.
 */
PQC_INLINE int32_t dsa_decompose(int32_t *low, int32_t r)
{
    int32_t high = (((r + 127) >> 7) * 1025 + (1 << 21)) >> 22;
    high &= 15;
    int32_t rest = r - high * (2 * DSA_GAMMA2);
    rest -= (int32_t)((uint32_t)(((DSA_Q - 1) / 2 - rest) >> 31) & DSA_Q);
    *low = rest;
    return high;
}

#endif
