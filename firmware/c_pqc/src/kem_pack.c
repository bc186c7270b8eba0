/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kem_pack.c - encoding and compression of ML-KEM (FIPS 203 section 4.2.1).
 *
 * Compress_d(x) = round(2^d x / q) mod 2^d becomes (x * M + H) >> S. Adding q to
 * x adds 2^d to the result, so x may be any representative in the range for
 * which M, H and S were checked; tests/unit/c_pqc/test_kem_constants.py repeats
 * that check for every x.
 */
#include "kem_internal.h"

PQC_INLINE uint32_t compress(int32_t x, int32_t factor, unsigned shift)
{
    return (uint32_t)((x * factor + (1 << (shift - 1))) >> shift);
}

#define COMPRESS_10(x) compress(x, 322541, 20) /* |x| <= 1670 */
#define COMPRESS_4(x)  compress(x, 315, 16)    /* |x| <= 3400 */
#define COMPRESS_1(x)  compress(x, 315, 19)    /* -1700 <= x <= 5050 */

void pqc_kem_pack12(uint8_t out[KEM_POLY_BYTES], const pqc_poly16 *poly, uint32_t constant)
{
    for (unsigned i = 0; i < 256; i += 2, out += 3) {
        int32_t x = pqc_mul_const(poly->c[i], constant);
        int32_t y = pqc_mul_const(poly->c[i + 1], constant);
        x += PQC_Q & (int32_t)pqc_mask_negative(x);
        y += PQC_Q & (int32_t)pqc_mask_negative(y);
        out[0] = (uint8_t)x;
        out[1] = (uint8_t)((x >> 8) | (y << 4));
        out[2] = (uint8_t)(y >> 4);
    }
}

uint32_t pqc_kem_out_of_range(const uint8_t *packed, size_t bytes)
{
    uint32_t above = 0;
    for (const uint8_t *end = packed + bytes; packed != end; packed += 3) {
        uint32_t c[2];
        kem_load_pair(c, packed);
        above |= (PQC_Q - 1 - c[0]) | (PQC_Q - 1 - c[1]);
    }
    return pqc_mask_negative((int32_t)above);
}

/* Whether something is written or compared is public. */
uint32_t pqc_kem_compress10(uint8_t *out, const uint8_t *expected, const pqc_poly16 *poly)
{
    uint32_t difference = 0;
    for (const int16_t *c = poly->c; c != poly->c + 256;) {
        uint32_t word = 0;
        for (const int16_t *stop = c + 3; c != stop; c++) {
            word = word >> 10 | COMPRESS_10(*c) << 22;
        }
        uint32_t last = COMPRESS_10(*c++) & 0x3ff;
        word = word >> 2 | last << 30;
        last >>= 2;
        if (out != NULL) {
            pqc_store32(out, word);
            out[4] = (uint8_t)last;
            out += 5;
        } else {
            difference |= (pqc_load32(expected) ^ word) | (expected[4] ^ last);
            expected += 5;
        }
    }
    return difference;
}

uint32_t pqc_kem_compress4(uint8_t *out, const uint8_t *expected, const pqc_poly16 *poly)
{
    uint32_t difference = 0;
    uint32_t word = 0;
    for (unsigned i = 0; i < 256; i++) {
        word = word >> 4 | COMPRESS_4(poly->c[i]) << 28;
        if (i % 8 == 7 && out != NULL) {
            pqc_store32(out + i / 8 * 4, word);
        } else if (i % 8 == 7) {
            difference |= pqc_load32(expected + i / 8 * 4) ^ word;
        }
    }
    return difference;
}

void pqc_kem_decompress10(pqc_poly16 *poly, const uint8_t in[KEM_U_BYTES])
{
    for (int16_t *c = poly->c; c != poly->c + 256; in += 5) {
        uint32_t bits = pqc_load32(in);
        for (unsigned i = 0; i < 4; i++, bits >>= 10) {
            if (i == 3) {
                bits |= (uint32_t)in[4] << 2;
            }
            *c++ = (int16_t)(((bits & 0x3ff) * PQC_Q + 512) >> 10);
        }
    }
}

void pqc_kem_decode_message(uint8_t message[32], const uint8_t in[KEM_V_BYTES],
                            const pqc_poly16 *poly)
{
    for (unsigned i = 0; i < 32; i++) {
        uint32_t bits = 0;
        for (unsigned j = 0; j < 8; j++) {
            int32_t y = (in[4 * i + j / 2] >> (4 * (j & 1))) & 15;
            int32_t x = ((y * PQC_Q + 8) >> 4) - poly->c[8 * i + j];
            bits |= (COMPRESS_1(x) & 1) << j;
        }
        message[i] = (uint8_t)bits;
    }
}

void pqc_kem_add_message(pqc_poly16 *poly, const uint8_t message[32])
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t bit = (uint32_t)(message[i / 8] >> (i & 7)) & 1;
        PQC_BARRIER32(bit); /* else a compiler may branch on it */
        poly->c[i] = (int16_t)(poly->c[i] + (int32_t)(bit * ((PQC_Q + 1) / 2)));
    }
}
