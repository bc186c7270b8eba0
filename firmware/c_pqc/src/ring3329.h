/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ring3329.h - the ring Z_3329[X] / (X^256 + 1) of ML-KEM, with the transform of
 * FIPS 203 section 4.3. ML-DSA uses it too, for products whose exact value is
 * below 3329 / 2 in magnitude.
 *
 * Multiplication by constants and reduction follow Plantard (the signed variant
 * for small moduli): every reduced value lies in [-1664, 1664], and no secret
 * meets a division.
 */
#ifndef PQC_RING3329_H
#define PQC_RING3329_H

#include "common.h"

#define PQC_Q 3329

typedef struct {
    int16_t c[256];
} pqc_poly16;

/* NTT in place. Input: any coefficients of magnitude <= 3329. Output: magnitude < 2^15, not reduced. */
void pqc_poly16_ntt(pqc_poly16 *p);
/* Reduce every coefficient to [-1664, 1664]. */
void pqc_poly16_reduce(pqc_poly16 *p);
/*
 * r = a o b in the NTT domain, times the constant factor (-2^32)^-1, which
 * pqc_poly16_invntt() takes out again. a: any int16, e.g. fresh from ntt();
 * b: reduced to magnitude <= 3329. Output in [-1664, 1664]. r may be a or b.
 */
void pqc_poly16_mul(pqc_poly16 *r, const pqc_poly16 *a, const pqc_poly16 *b);
/* The same, added to r without further reduction: at most 8 such sums fit. */
void pqc_poly16_mul_add(pqc_poly16 *r, const pqc_poly16 *a, const pqc_poly16 *b);
/*
 * Inverse of pqc_poly16_ntt() after pqc_poly16_mul(). Input: magnitude < 2^15.
 * Output: centred, in [-1664, 1664].
 */
void pqc_poly16_invntt(pqc_poly16 *p);

#endif
