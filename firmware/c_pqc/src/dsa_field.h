/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_field.h - arithmetic modulo q = 8380417 = 2^23 - 2^13 + 1.
 *
 * Products are Montgomery's with R = 2^32 and signed operands: the result is
 * a b / R modulo q with |result| <= |a b| / R + q / 2. No reduction branches, and
 * right shifts of negative values are arithmetic (gcc, clang; checked below).
 */
#ifndef PQC_DSA_FIELD_H
#define PQC_DSA_FIELD_H

#include "dsa.h"

_Static_assert((-3 >> 1) == -2, "this code needs arithmetic right shifts");

#define DSA_Q_INVERSE 58728449u /* q^-1 modulo 2^32 */

/*
 * Arm cores without a 32 x 32 -> 64 multiplier (v6-M), or with one whose time
 * depends on the operands (v7-M: Cortex-M3), build the high half from 16-bit
 * products.
 */
#if !defined(PQC_SHORT_MULTIPLY) && (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__))
#define PQC_SHORT_MULTIPLY
#endif

/* floor(a b / 2^32) */
PQC_INLINE int32_t dsa_mul_high(int32_t a, int32_t b)
{
#ifdef PQC_SHORT_MULTIPLY
    int32_t a_high = a >> 16, b_high = b >> 16;
    uint32_t a_low = (uint16_t)a, b_low = (uint16_t)b;
    int32_t t = a_high * (int32_t)b_low + (int32_t)((a_low * b_low) >> 16);
    int32_t u = (int32_t)a_low * b_high + (int32_t)(uint16_t)t;
    return a_high * b_high + (t >> 16) + (u >> 16);
#else
    return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/* floor(m q / 2^32) */
PQC_INLINE int32_t dsa_mul_high_q(int32_t m)
{
#ifdef PQC_SHORT_MULTIPLY
    /* m q = (m << 23) - (m << 13) + m, summed in two words with the borrow and the carry. */
    uint32_t low = (uint32_t)m << 23, minus = (uint32_t)m << 13;
    int32_t high = (m >> 9) - (m >> 19) - (int32_t)(low < minus);
    low -= minus;
    return high + (m >> 31) + (int32_t)((low + (uint32_t)m) < low);
#else
    return (int32_t)(((int64_t)m * DSA_Q) >> 32);
#endif
}

/* a b / 2^32 modulo q. |a b| < 2^31 q. |result| <= |a b| / 2^32 + q / 2. */
PQC_INLINE int32_t dsa_mul(int32_t a, int32_t b)
{
    int32_t m = (int32_t)((uint32_t)a * (uint32_t)b * DSA_Q_INVERSE);
    return dsa_mul_high(a, b) - dsa_mul_high_q(m);
}

/* The same for a constant b with b_inverse = b q^-1 modulo 2^32. */
PQC_INLINE int32_t dsa_mul_constant(int32_t a, int32_t b, int32_t b_inverse)
{
    int32_t m = (int32_t)((uint32_t)a * (uint32_t)b_inverse);
    return dsa_mul_high(a, b) - dsa_mul_high_q(m);
}

/* Centre: |result| < 0.76 q for a in [-2^31 + q, 2^31 - 2^22); < 0.51 q for |a| < 4 q. */
PQC_INLINE int32_t dsa_reduce(int32_t a)
{
    return a - ((a + (1 << 22)) >> 23) * DSA_Q;
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
