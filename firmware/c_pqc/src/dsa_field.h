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

/* A constant to multiply with: |value| <= q / 2, `quotient` = value 2^32 / q to within 6. */
typedef struct {
    int32_t value;
    int32_t quotient;
} dsa_constant;

/* 2^32 / q = 512.50043: shifts are as quick as a load, and a table would be twice as big. */
PQC_INLINE dsa_constant dsa_prepare(int32_t value)
{
    dsa_constant c = {value, value * 512 + (value >> 1) + (value >> 11) - (value >> 14)};
    return c;
}

/*
 * q and what else reduction needs, in registers. Left as constants they would tempt
 * the compiler to replace one multiply-and-subtract by a chain of shifts.
 */
typedef struct {
    int32_t q;
    int32_t inverse; /* q^-1 modulo 2^32 */
} dsa_modulus;

PQC_INLINE dsa_modulus dsa_load_modulus(void)
{
    dsa_modulus m = {DSA_Q, 58728449};
#if defined(__GNUC__)
    __asm__("" : "+r"(m.q), "+r"(m.inverse));
#endif
    return m;
}

/* a b modulo 2^32 */
PQC_INLINE uint32_t dsa_mul_low(int32_t a, int32_t b)
{
    return (uint32_t)a * (uint32_t)b;
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
 * a b modulo q, |result| < 140 q, for |a| < q and |b| < 0.54 q: a b - h q in 32 bits,
 * where h is near enough to a b / q. The leading 15 bits of a and 16 of b, rounded,
 * give t = a b / 2^15; then h = t (1 + 2^-10) / 2^8.
 */
PQC_INLINE int32_t dsa_mul(int32_t a, int32_t b, dsa_modulus m)
{
    int32_t t = ((a + 128) >> 8) * ((b + 64) >> 7);
    int32_t h = (t + (t >> 10)) >> 8;
    return (int32_t)(dsa_mul_low(a, b) - dsa_mul_low(h, m.q));
}

#define DSA_ONE 1 /* dsa_mul(a, DSA_ONE) is a */

/* 1 / 256: what the inverse transform multiplies with. */
#define DSA_INVERSE_SCALE (-32736)

#else

/* a b / 2^32 rounded down */
PQC_INLINE int32_t dsa_mul_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 32);
}

/*
 * a b / 2^32 modulo q (Montgomery), |result| <= |a b| / 2^32 + q / 2. The factor is
 * taken out again by the inverse transform.
 */
PQC_INLINE int32_t dsa_mul(int32_t a, int32_t b, dsa_modulus m)
{
#if defined(__GNUC__)
    __asm__("" : "+r"(a)); /* signed like b: one product, whatever is known of a */
#endif
    int64_t product = (int64_t)a * b;
    int32_t k = (int32_t)dsa_mul_low((int32_t)product, m.inverse);
    return (int32_t)(product >> 32) - dsa_mul_high(k, m.q);
}

#define DSA_ONE           (-4186625) /* 2^32: dsa_mul(a, DSA_ONE) is a */

/* 2^32 / 256 */
#define DSA_INVERSE_SCALE 16382

#endif

/*
 * a times a constant modulo q (Shoup): a value - h q in 32 bits, where h is
 * a value / q rounded down, give or take a little. With e = 6 |a| / 2^32, at most 3,
 * the result lies in (-e q, (1 + e) q), for short multiplications in (-e q, (3 + e) q).
 */
PQC_INLINE int32_t dsa_mul_constant(int32_t a, dsa_constant b, dsa_modulus m)
{
    return (int32_t)(dsa_mul_low(a, b.value) - dsa_mul_low(dsa_mul_high(a, b.quotient), m.q));
}

/*
 * Centre: |result| < 0.76 q for any a below 2^31 - 2^22 in magnitude, < 0.64 q for
 * |a| < 141 q, < 0.54 q for |a| < 34 q.
 */
PQC_INLINE int32_t dsa_reduce(int32_t a, dsa_modulus m)
{
    return a - (int32_t)dsa_mul_low((a + (1 << 22)) >> 23, m.q);
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
