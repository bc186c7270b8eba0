/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ring3329.h - the ring Z_3329[X] / (X^256 + 1) of ML-KEM, with the transform of
 * FIPS 203 section 4.3. ML-DSA uses it too, for products whose exact value is
 * below 3329 / 2 in magnitude.
 *
 * Multiplication by constants and reduction follow Plantard, in the signed form
 * for small moduli (Huang et al., "Improved Plantard arithmetic", TCHES 2022):
 * two multiplications and two shifts, no correction step, result centred.
 */
#ifndef PQC_RING3329_H
#define PQC_RING3329_H

#include "common.h"

#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
#endif

#define PQC_Q     3329
#define PQC_Q_INV 0x6ba8f301u /* 3329^-1 mod 2^32 */

/* A constant c as pqc_mul_const() wants it: (c * -2^32 mod q) * q^-1 mod 2^32. */
#define PQC_CONST_ONE    0x0013afb8u /* c = 1: plain reduction */
#define PQC_CONST_FACTOR 0x97f44facu /* c = -2^32: undoes the factor of pqc_reduce() */
#define PQC_CONST_UNDO   0x6ba8f301u /* c = (-2^32)^-1: applies that factor */

typedef struct {
    int16_t c[256];
} pqc_poly16;

/* u is a product modulo 2^32; the last step of Plantard's reduction: ((u >> 16) + 8) q >> 16. */
PQC_INLINE int32_t pqc_reduce_finish(uint32_t u)
{
#if defined(__ARM_FEATURE_DSP)
    return __smlabt(PQC_Q, (int32_t)u, 8 * PQC_Q) >> 16;
#else
    int32_t q = PQC_Q;
    PQC_VALUE_BARRIER(q); /* else GCC multiplies by shifts and additions */
    return (((int32_t)u >> 16) + 8) * q >> 16;
#endif
}

/* a * c mod q, centred in [-1664, 1664]; |a| <= 458,000; `c` in the form above. */
PQC_INLINE int32_t pqc_mul_const(int32_t a, uint32_t c)
{
    return pqc_reduce_finish((uint32_t)a * c);
}

/* a * (-2^32)^-1 mod q, centred in [-1664, 1664]; -1.5e9 <= a. */
PQC_INLINE int32_t pqc_reduce(int32_t a)
{
    return pqc_reduce_finish((uint32_t)a * PQC_Q_INV);
}

/* NTT in place. Input: magnitude <= 3329. Output: not reduced, magnitude <= 14,984. */
void pqc_poly16_ntt(pqc_poly16 *p);

/* Inverse NTT in place, times -2^32. Input: any. Output: centred in [-1664, 1664]. */
void pqc_poly16_invntt(pqc_poly16 *p);

/*
 * r += a o b * (-2^32)^-1 over `groups` groups of four coefficients, starting at
 * group `first` of r and b; `a` points at the first group itself. Coefficients
 * of a: magnitude <= 14,984 (as after pqc_poly16_ntt()) or 0..4095; of b: the
 * same. Every call adds at most 1,664 to the magnitude of r.
 */
void pqc_poly16_mul_add(pqc_poly16 *r, const int16_t *a, const pqc_poly16 *b, unsigned first,
                        unsigned groups);

#endif
