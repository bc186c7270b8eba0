/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* kem_internal.h - the workspace and the parts of ML-KEM-768, shared by kem*.c only. */
#ifndef PQC_KEM_INTERNAL_H
#define PQC_KEM_INTERNAL_H

#include "keccak.h"
#include "ring3329.h"

#define KEM_K           3   /* FIPS 203 table 2: rank, with eta1 = eta2 = 2 */
#define KEM_POLY_BYTES  384 /* 256 coefficients of 12 bits */
#define KEM_U_BYTES     320 /* d_u = 10 */
#define KEM_V_BYTES     128 /* d_v = 4 */
#define KEM_T_BYTES     (KEM_K * KEM_POLY_BYTES)
#define KEM_PART_BYTES  84 /* half a SHAKE128 block: seven groups of eight coefficients */
#define KEM_PART_COEFFS (2 * KEM_PART_BYTES / 3 + 3)

/* One call's scratch memory. `vector` holds s or y; decryption uses its first entry for u. */
typedef struct {
    pqc_sponge sponge;
    pqc_keccak_state scratch;
    pqc_poly16 vector[KEM_K];
    pqc_poly16 sum;
    int16_t part[KEM_PART_COEFFS + 1]; /* decoded coefficients on their way into a product */
    uint8_t pair[64];                  /* rho || sigma, or K || r */
    uint8_t message[32];
} kem_ws;

/* Two 12-bit coefficients from three bytes. */
PQC_INLINE void kem_load_pair(uint32_t c[2], const uint8_t *packed)
{
    c[0] = packed[0] | (packed[1] & 15u) << 8;
    c[1] = packed[1] >> 4 | (uint32_t)packed[2] << 4;
}

/* ---- kem_sample.c */

/* poly += scale * SamplePolyCBD_2(PRF_2(key, nonce)); |scale| <= 1664 and public. */
void pqc_kem_add_noise(kem_ws *ws, pqc_poly16 *poly, const uint8_t key[32], uint8_t nonce,
                       int32_t scale);

/*
 * ws->sum += SampleNTT(rho || first || second) o factor * (-2^32)^-1. The matrix
 * is never stored: coefficients go from the XOF straight into the product.
 */
void pqc_kem_add_matrix_product(kem_ws *ws, const pqc_poly16 *factor, const uint8_t rho[32],
                                uint8_t first, uint8_t second);

/* ws->sum += ByteDecode_12(packed) o factor * (-2^32)^-1. */
void pqc_kem_add_packed_product(kem_ws *ws, const pqc_poly16 *factor,
                                const uint8_t packed[KEM_POLY_BYTES]);

/* ---- kem_pack.c. No division: compression multiplies and shifts (FIPS 203 section 4.2.1). */

/* ByteEncode_12 of constant * poly mod q; `constant` as for pqc_mul_const(). */
void pqc_kem_pack12(uint8_t out[KEM_POLY_BYTES], const pqc_poly16 *poly, uint32_t constant);
/* All ones when a 12-bit value in `packed` is 3329 or more, else 0. `packed` may be secret. */
uint32_t pqc_kem_out_of_range(const uint8_t *packed, size_t bytes);
/*
 * ByteEncode_10(Compress_10(poly)), ByteEncode_4(Compress_4(poly)): written to
 * `out`, or, when `out` is NULL, compared with `expected`. Returns 0 when equal.
 */
uint32_t pqc_kem_compress10(uint8_t *out, const uint8_t *expected, const pqc_poly16 *poly);
uint32_t pqc_kem_compress4(uint8_t *out, const uint8_t *expected, const pqc_poly16 *poly);
/* Decompress_10(ByteDecode_10(in)). */
void pqc_kem_decompress10(pqc_poly16 *poly, const uint8_t in[KEM_U_BYTES]);
/* message = ByteEncode_1(Compress_1(Decompress_4(ByteDecode_4(in)) - poly)). */
void pqc_kem_decode_message(uint8_t message[32], const uint8_t in[KEM_V_BYTES],
                            const pqc_poly16 *poly);
/* poly += Decompress_1(ByteDecode_1(message)). */
void pqc_kem_add_message(pqc_poly16 *poly, const uint8_t message[32]);

#endif
