/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* kem_sample.c - noise and matrix of ML-KEM (FIPS 203 section 4.2.2). */
#include "kem_internal.h"

/* One 32-bit word of PRF output gives eight coefficients, by counting bits in parallel. */
static void add_cbd2(int16_t *c, uint32_t word, int32_t scale)
{
    uint32_t sums = (word & 0x55555555u) + ((word >> 1) & 0x55555555u);
    for (unsigned i = 0; i < 8; i++, sums >>= 4) {
        int32_t noise = (int32_t)(sums & 3) - (int32_t)((sums >> 2) & 3);
        c[i] = (int16_t)(c[i] + noise * scale);
    }
}

void pqc_kem_add_noise(kem_ws *ws, pqc_poly16 *poly, const uint8_t key[32], uint8_t nonce,
                       int32_t scale)
{
    pqc_shake256_init(&ws->sponge, &ws->scratch);
    pqc_sponge_absorb(&ws->sponge, key, 32);
    pqc_sponge_absorb_byte(&ws->sponge, nonce);
    pqc_sponge_finish(&ws->sponge);
    const uint8_t *block = pqc_sponge_squeeze_block(&ws->sponge); /* 136 bytes, 128 are used */
    for (unsigned i = 0; i < 32; i++) {
        add_cbd2(&poly->c[8 * i], pqc_load32(block + 4 * i), scale);
    }
}

/*
 * FIPS 203 algorithm 7 on one part of a block: append the accepted candidates to
 * `out`. The matrix is public, so its rejections may steer memory and time.
 */
static int16_t *reject_part(int16_t *out, const uint8_t *in)
{
    for (const uint8_t *end = in + KEM_PART_BYTES; in != end; in += 3) {
        int32_t d1 = in[0] | ((in[1] & 15) << 8);
        int32_t d2 = (in[1] >> 4) | (in[2] << 4);
        *out = (int16_t)d1;
        out += d1 < PQC_Q;
        *out = (int16_t)d2;
        out += d2 < PQC_Q;
    }
    return out;
}

void pqc_kem_add_matrix_product(kem_ws *ws, const pqc_poly16 *factor, const uint8_t rho[32],
                                uint8_t first, uint8_t second)
{
    pqc_shake128_init(&ws->sponge, &ws->scratch);
    pqc_sponge_absorb(&ws->sponge, rho, 32);
    pqc_sponge_absorb_byte(&ws->sponge, first);
    pqc_sponge_absorb_byte(&ws->sponge, second);
    pqc_sponge_finish(&ws->sponge);
    unsigned done = 0; /* groups of four coefficients */
    unsigned left = 0; /* coefficients short of a group */
    while (done < 64) {
        const uint8_t *in = pqc_sponge_squeeze_block(&ws->sponge);
        const uint8_t *end = in + PQC_SHAKE128_RATE;
        for (; in != end && done < 64; in += KEM_PART_BYTES) {
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
            ws->part[i] = (int16_t)(packed[0] | ((packed[1] & 15) << 8));
            ws->part[i + 1] = (int16_t)((packed[1] >> 4) | (packed[2] << 4));
        }
        pqc_poly16_mul_add(&ws->sum, ws->part, factor, done, 4);
    }
}
