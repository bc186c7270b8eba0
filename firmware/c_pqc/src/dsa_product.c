/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_product.c - products of the challenge with s1, s2 and t0, without a transform.
 *
 * c has 49 terms +-x^k, all public, so c s is the sum of 49 rotations of s. With
 * -x^k = x^(k + 256), an array of 512 entries (s, then -s) read cyclically serves
 * all of them. The entries of s are tiny: made non-negative they are summed four in
 * a word, and no lane overflows before the 32nd term. Words must be read aligned,
 * so terms are grouped by their exponent modulo 4 (dsa_ball) and each group's sum
 * is moved to its place at the end.
 */
#include "dsa.h"

#define LANE_TERMS (255 / (2 * DSA_ETA)) /* how many terms a byte lane holds */

/* lanes[0..63] = eta + s, lanes[64..127] = eta - s, then the first few again. */
static void load_small(dsa_product *work, const uint8_t s[DSA_ETA_POLY_BYTES])
{
    uint32_t *lanes = work->small.lanes;

    for (unsigned i = 0; i < 64; i++) {
        uint32_t x = (uint32_t)s[2 * i] | (uint32_t)s[2 * i + 1] << 8;
        x = (x | x << 8) & 0x00FF00FF;
        x = (x | x << 4) & 0x0F0F0F0F; /* eta - s, a byte each */
        lanes[64 + i] = x;
        lanes[i] = 0x01010101u * (2 * DSA_ETA) - x;
    }
    for (unsigned i = 0; i < DSA_PRODUCT_WORDS - 1; i++) {
        lanes[128 + i] = lanes[i];
    }
}

/* sum[at .. at+3] += lanes - bias, where x^256 = -1 */
PQC_INLINE void add_lanes(int16_t sum[DSA_N], unsigned at, uint32_t lanes, int32_t bias)
{
    for (unsigned lane = 0; lane < 4; lane++, at++, lanes >>= 8) {
        int32_t value = (int32_t)(lanes & 255) - bias;
        if (at < DSA_N) {
            sum[at] = (int16_t)(sum[at] + value);
        } else {
            sum[at - DSA_N] = (int16_t)(sum[at - DSA_N] - value);
        }
    }
}

/* sum += x^residue (sum of x^(4 quarter) s over up to LANE_TERMS terms) */
static void add_group(dsa_product *work, const uint8_t *quarter, unsigned terms, unsigned residue)
{
    int32_t bias = DSA_ETA * (int32_t)terms;

    for (unsigned at = 0; at < DSA_N / 4; at += DSA_PRODUCT_WORDS) {
        uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0; /* written out to stay in registers */
        for (const uint8_t *t = quarter, *end = quarter + terms; t != end; t++) {
            const uint32_t *p = work->small.lanes + ((at - *t) & 127);
            a0 += p[0];
            a1 += p[1];
            a2 += p[2];
            a3 += p[3];
        }
        add_lanes(work->small.sum, 4 * at + residue, a0, bias);
        add_lanes(work->small.sum, 4 * at + residue + 4, a1, bias);
        add_lanes(work->small.sum, 4 * at + residue + 8, a2, bias);
        add_lanes(work->small.sum, 4 * at + residue + 12, a3, bias);
    }
}

PQC_HOT void pqc_dsa_product_small(dsa_product *work, const dsa_ball *c,
                                   const uint8_t s[DSA_ETA_POLY_BYTES])
{
    unsigned term = 0;

    load_small(work, s);
    memset(work->small.sum, 0, sizeof work->small.sum);
    for (unsigned residue = 0; residue < 4; residue++) {
        while (term < c->end[residue]) {
            unsigned terms = c->end[residue] - term;
            if (terms > LANE_TERMS) {
                terms = LANE_TERMS;
            }
            add_group(work, c->quarter + term, terms, residue);
            term += terms;
        }
    }
}

void pqc_dsa_product_load(dsa_product *work, const uint8_t t0[DSA_T0_POLY_BYTES])
{
    int16_t *wide = work->wide;
    uint32_t bits = 0;
    unsigned have = 0;

    for (unsigned i = 0; i < DSA_N; i++) {
        while (have < 13) {
            bits |= (uint32_t)*t0++ << have;
            have += 8;
        }
        int32_t value = (1 << (DSA_D - 1)) - (int32_t)(bits & 0x1FFF);
        wide[i] = (int16_t)value;
        wide[DSA_N + i] = (int16_t)-value;
        bits >>= 13;
        have -= 13;
    }
    memcpy(wide + 512, wide, 7 * sizeof *wide);
}

PQC_HOT void pqc_dsa_product_wide(int32_t sum[8], const dsa_product *work, const dsa_ball *c,
                                  unsigned first)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
    const uint8_t *term = c->quarter;

    for (unsigned residue = 0; residue < 4; residue++, first--) {
        for (const uint8_t *end = c->quarter + c->end[residue]; term != end; term++) {
            const int16_t *p = work->wide + ((first - 4u * *term) & 511);
            a0 += p[0];
            a1 += p[1];
            a2 += p[2];
            a3 += p[3];
            a4 += p[4];
            a5 += p[5];
            a6 += p[6];
            a7 += p[7];
        }
    }
    sum[0] = a0;
    sum[1] = a1;
    sum[2] = a2;
    sum[3] = a3;
    sum[4] = a4;
    sum[5] = a5;
    sum[6] = a6;
    sum[7] = a7;
}
