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

/* sum[at] += value, where x^256 = -1 */
PQC_INLINE void add_at(int16_t sum[DSA_N], unsigned at, int32_t value)
{
    if (at >= DSA_N) {
        at -= DSA_N;
        value = -value;
    }
    sum[at] = (int16_t)(sum[at] + value);
}

/* sum += x^residue (sum of x^(4 quarter) s over up to LANE_TERMS terms) */
static void add_group(dsa_product *work, const uint8_t *quarter, unsigned terms, unsigned residue)
{
    int32_t bias = DSA_ETA * (int32_t)terms;

    for (unsigned at = 0; at < DSA_N / 4; at += DSA_PRODUCT_WORDS) {
        uint32_t acc[DSA_PRODUCT_WORDS] = {0};
        for (unsigned t = 0; t < terms; t++) {
            const uint32_t *p = work->small.lanes + ((at - quarter[t]) & 127);
            for (unsigned i = 0; i < DSA_PRODUCT_WORDS; i++) {
                acc[i] += p[i];
            }
        }
        for (unsigned i = 0; i < DSA_PRODUCT_WORDS; i++) {
            for (unsigned lane = 0; lane < 4; lane++) {
                add_at(work->small.sum, 4 * (at + i) + lane + residue,
                       (int32_t)(acc[i] >> (8 * lane) & 255) - bias);
            }
        }
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
    int32_t acc[8] = {0};
    unsigned term = 0;

    for (unsigned residue = 0; residue < 4; residue++) {
        for (; term < c->end[residue]; term++) {
            const int16_t *p = work->wide + ((first - 4u * c->quarter[term] - residue) & 511);
            for (unsigned i = 0; i < 8; i++) {
                acc[i] += p[i];
            }
        }
    }
    memcpy(sum, acc, sizeof acc);
}
