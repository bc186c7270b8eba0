/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* kem_sample.c - noise and matrix of ML-KEM (FIPS 203 section 4.2.2). */
#include "kem_internal.h"

/* One 32-bit word of PRF output gives eight coefficients, by counting bits in parallel. */
PQC_INLINE void add_cbd2(int16_t *c, uint32_t word, int32_t scale)
{
    uint32_t sums = (word & 0x55555555u) + ((word >> 1) & 0x55555555u);
    uint32_t noise = (sums & 0x33333333u) + 0x33333333u - ((sums >> 2) & 0x33333333u);
    PQC_UNROLL
    for (unsigned i = 0; i < 8; i++, noise >>= 4) { /* in each nibble: x - y + 3, at least 1 */
        c[i] = (int16_t)(c[i] + ((int32_t)(noise & 15) - 3) * scale);
    }
}

void pqc_kem_add_noise(kem_ws *ws, pqc_poly16 *poly, const uint8_t key[32], uint8_t nonce,
                       int32_t scale)
{
    pqc_shake256_start(&ws->sponge, key, 32);
    pqc_sponge_absorb_byte(&ws->sponge, nonce);
    pqc_sponge_finish(&ws->sponge);
    (void)pqc_sponge_squeeze_block(&ws->sponge); /* 136 bytes in the scratch, 128 are used */
    for (unsigned i = 0; i < 32; i++) {
        add_cbd2(&poly->c[8 * i], pqc_le32(ws->scratch.half[i]), scale);
    }
}

#ifndef PQC_SMALL
/* Eight 12-bit coefficients from twelve little-endian bytes, given as three words. */
PQC_INLINE void kem_unpack12(uint32_t c[8], uint32_t w0, uint32_t w1, uint32_t w2)
{
    c[0] = w0 & 0xfff;
    c[1] = (w0 >> 12) & 0xfff;
    c[2] = (w0 >> 24) | ((w1 << 8) & 0xfff);
    c[3] = (w1 >> 4) & 0xfff;
    c[4] = (w1 >> 16) & 0xfff;
    c[5] = (w1 >> 28) | ((w2 << 4) & 0xfff);
    c[6] = (w2 >> 8) & 0xfff;
    c[7] = w2 >> 20;
}
#endif

/*
 * FIPS 203 algorithm 7 on one part of a block: append the accepted candidates to
 * `out`. The matrix is public, so its rejections may steer memory and time.
 */
PQC_HOT static int16_t *reject_part(int16_t *out, const uint32_t *in)
{
#ifdef PQC_SMALL
    const uint8_t *p = (const uint8_t *)in;
    for (const uint8_t *end = p + KEM_PART_BYTES; p != end; p += 3) {
        uint32_t c[2];
        kem_load_pair(c, p);
        *out = (int16_t)c[0];
        out += c[0] < PQC_Q;
        *out = (int16_t)c[1];
        out += c[1] < PQC_Q;
    }
#else
    for (const uint32_t *end = in + KEM_PART_BYTES / 4; in != end; in += 3) {
        uint32_t c[8];
        kem_unpack12(c, pqc_le32(in[0]), pqc_le32(in[1]), pqc_le32(in[2]));
        PQC_UNROLL
        for (unsigned i = 0; i < 8; i++) {
            *out = (int16_t)c[i];
            out += c[i] < PQC_Q;
        }
    }
#endif
    return out;
}

void pqc_kem_add_matrix_product(kem_ws *ws, const pqc_poly16 *factor, const uint8_t rho[32],
                                uint8_t first, uint8_t second)
{
    pqc_sponge_numbered(&ws->sponge, PQC_SHAKE128, rho, 32, first | (unsigned)second << 8);
    unsigned done = 0; /* groups of four coefficients */
    unsigned left = 0; /* coefficients short of a group */
    while (done < 64) {
        (void)pqc_sponge_squeeze_block(&ws->sponge);
        const uint32_t *in = ws->scratch.half;
        const uint32_t *end = in + PQC_SHAKE128_RATE / 4;
        for (; in != end && done < 64; in += KEM_PART_BYTES / 4) {
            int16_t *stop = reject_part(ws->part + left, in);
            unsigned have = (unsigned)(stop - ws->part);
            unsigned groups = have / 4 < 64 - done ? have / 4 : 64 - done;
            pqc_poly16_mul_add(&ws->sum, ws->part, factor, done, groups);
            done += groups;
            left = have % 4;
            memcpy(ws->part, ws->part + 4 * groups, 3 * sizeof ws->part[0]);
        }
    }
}

void pqc_kem_add_packed_product(kem_ws *ws, const pqc_poly16 *factor,
                                const uint8_t packed[KEM_POLY_BYTES])
{
    for (unsigned done = 0; done < 64; done += 4) {
        for (unsigned i = 0; i < 16; i += 2, packed += 3) {
            uint32_t c[2];
            kem_load_pair(c, packed);
            ws->part[i] = (int16_t)c[0];
            ws->part[i + 1] = (int16_t)c[1];
        }
        pqc_poly16_mul_add(&ws->sum, ws->part, factor, done, 4);
    }
}
