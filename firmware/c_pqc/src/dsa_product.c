/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_product.c - products of the challenge with s1, s2 and t0, without a transform.
 *
 * c has 49 terms +-x^k, all public, so c s is the sum of 49 rotations of s. With
 * -x^k = x^(k + 256), an array of 512 entries (s, then -s) read cyclically serves
 * all of them. The entries of s are tiny: made non-negative they are summed four in
 * a word, and no lane overflows before the 32nd term. Words must be read aligned, so
 * terms are taken by their exponent modulo 4 (dsa_ball), and between two residues the
 * whole array moves on by one entry.
 */
#include "dsa.h"

#define LANE_TERMS (255 / (2 * DSA_ETA)) /* how many terms a byte lane holds */
_Static_assert(DSA_TAU <= 2 * LANE_TERMS, "two sums must do");

/* The first entries once more, for reads that begin near the end. */
PQC_INLINE void close_ring(uint32_t *lanes)
{
    for (unsigned i = 0; i < DSA_PRODUCT_WORDS - 1; i++) {
        lanes[128 + i] = lanes[i];
    }
}

/* lanes[0..63] = eta + s, lanes[64..127] = eta - s */
static void load_small(uint32_t *lanes, const uint8_t s[DSA_ETA_POLY_BYTES])
{
    for (unsigned i = 0; i < 64; i++) {
        uint32_t x = (uint32_t)s[2 * i] | (uint32_t)s[2 * i + 1] << 16;
        x = (x | x << 4) & 0x0F0F0F0F; /* eta - s, a byte each */
#ifdef PQC_TEST_LEAK
        if ((x & 255) == DSA_ETA) { /* what the tests of constant time must find */
            *(volatile uint32_t *)&lanes[127] = x;
        }
#endif
        lanes[64 + i] = x;
        lanes[i] = 0x01010101u * (2 * DSA_ETA) - x;
    }
    close_ring(lanes);
}

/* Multiply by x. */
static void move_on(uint32_t *lanes)
{
    uint32_t before = lanes[127];

    for (unsigned i = 0; i < 128; i++) {
        uint32_t here = lanes[i];
        lanes[i] = here << 8 | before >> 24;
        before = here;
    }
    close_ring(lanes);
}

/* sum += x^(4 quarter) s for each of the terms */
static void add_terms(uint32_t *sum, const uint32_t *lanes, const uint8_t *quarter,
                      const uint8_t *end)
{
    for (unsigned at = 0; at < DSA_N / 4; at += DSA_PRODUCT_WORDS, sum += DSA_PRODUCT_WORDS) {
        uint32_t a0 = sum[0], a1 = sum[1], a2 = sum[2], a3 = sum[3];
#if DSA_PRODUCT_WORDS == 8
        uint32_t a4 = sum[4], a5 = sum[5], a6 = sum[6], a7 = sum[7];
#endif
        for (const uint8_t *t = quarter; t != end; t++) {
            const uint32_t *p = lanes + ((at - *t) & 127);
            a0 += p[0]; /* written out to stay in registers */
            a1 += p[1];
            a2 += p[2];
            a3 += p[3];
#if DSA_PRODUCT_WORDS == 8
            a4 += p[4];
            a5 += p[5];
            a6 += p[6];
            a7 += p[7];
#endif
        }
        sum[0] = a0;
        sum[1] = a1;
        sum[2] = a2;
        sum[3] = a3;
#if DSA_PRODUCT_WORDS == 8
        sum[4] = a4;
        sum[5] = a5;
        sum[6] = a6;
        sum[7] = a7;
#endif
    }
}

PQC_HOT void pqc_dsa_product_small(dsa_product *work, const dsa_ball *c,
                                   const uint8_t s[DSA_ETA_POLY_BYTES])
{
    const uint8_t *term = c->quarter, *full = term + LANE_TERMS;

    load_small(work->small.lanes, s);
    memset(work->small.sum, 0, sizeof work->small.sum);
    for (unsigned residue = 0; residue < 4; residue++) {
        const uint8_t *end = c->quarter + c->end[residue];
        if (residue != 0) {
            move_on(work->small.lanes);
        }
        if (term < full && end > full) {
            add_terms(work->small.sum[0], work->small.lanes, term, full);
            term = full;
        }
        add_terms(work->small.sum[term >= full], work->small.lanes, term, end);
        term = end;
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

#ifdef PQC_SMALL

void pqc_dsa_product_wide(int32_t sum[8], const dsa_product *work, const dsa_ball *c,
                          unsigned first)
{
    const uint8_t *term = c->quarter;

    memset(sum, 0, 8 * sizeof *sum);
    for (unsigned residue = 0; residue < 4; residue++, first--) {
        for (const uint8_t *end = c->quarter + c->end[residue]; term != end; term++) {
            const int16_t *p = work->wide + ((first - 4u * *term) & 511);
            for (unsigned i = 0; i < 8; i++) {
                sum[i] += p[i];
            }
        }
    }
}

#else

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

#endif
