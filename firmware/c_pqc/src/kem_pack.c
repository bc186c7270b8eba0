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
    for (const uint8_t *end = packed + bytes; packed != end; packed += 12) {
        uint32_t c[8];
        kem_load12(c, packed);
        PQC_UNROLL
        for (unsigned i = 0; i < 8; i++) {
            above |= PQC_Q - 1 - c[i];
        }
    }
    return pqc_mask_negative((int32_t)above);
}

/* Write or compare one packed group; returns 0 when written or equal. Which one is public. */
PQC_INLINE uint32_t emit(uint8_t *out, const uint8_t *expected, size_t offset,
                         const uint8_t *group, size_t bytes)
{
    uint32_t difference = 0;
    if (out != NULL) {
        memcpy(out + offset, group, bytes);
    } else {
        for (size_t i = 0; i < bytes; i++) {
            difference |= (uint32_t)(group[i] ^ expected[offset + i]);
        }
    }
    return difference;
}

uint32_t pqc_kem_compress10(uint8_t *out, const uint8_t *expected, const pqc_poly16 *poly)
{
    uint32_t difference = 0;
    for (unsigned i = 0; i < 256; i += 4) {
        const int16_t *c = &poly->c[i];
        uint32_t a = COMPRESS_10(c[0]) & 0x3ff;
        uint32_t b = COMPRESS_10(c[1]) & 0x3ff;
        uint32_t d = COMPRESS_10(c[2]) & 0x3ff;
        uint32_t e = COMPRESS_10(c[3]) & 0x3ff;
        const uint8_t group[5] = {
            (uint8_t)a,
            (uint8_t)(a >> 8 | b << 2),
            (uint8_t)(b >> 6 | d << 4),
            (uint8_t)(d >> 4 | e << 6),
            (uint8_t)(e >> 2),
        };
        difference |= emit(out, expected, i / 4 * 5, group, 5);
    }
    return difference;
}

uint32_t pqc_kem_compress4(uint8_t *out, const uint8_t *expected, const pqc_poly16 *poly)
{
    uint32_t difference = 0;
    for (unsigned i = 0; i < 256; i += 2) {
        uint32_t a = COMPRESS_4(poly->c[i]) & 15;
        uint32_t b = COMPRESS_4(poly->c[i + 1]) & 15;
        const uint8_t group[1] = {(uint8_t)(a | b << 4)};
        difference |= emit(out, expected, i / 2, group, 1);
    }
    return difference;
}

PQC_INLINE int16_t decompress10(uint32_t y)
{
    return (int16_t)((y * PQC_Q + 512) >> 10);
}

void pqc_kem_decompress10(pqc_poly16 *poly, const uint8_t in[KEM_U_BYTES])
{
    for (int16_t *c = poly->c; c != poly->c + 256; c += 4, in += 5) {
        uint32_t low = pqc_load32(in);
        c[0] = decompress10(low & 0x3ff);
        c[1] = decompress10((low >> 10) & 0x3ff);
        c[2] = decompress10((low >> 20) & 0x3ff);
        c[3] = decompress10((low >> 30) | ((uint32_t)in[4] << 2));
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
