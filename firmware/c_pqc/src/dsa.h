/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa.h - ML-DSA-65 inside: parameters, types and the parts that key generation,
 * signing and verification are made of. FIPS 204.
 *
 * Memory is what shapes this code. Vectors of six polynomials are kept in 24 bits
 * a coefficient, the matrix is sampled straight into the product, secrets stay in
 * the 4-bit form of the standard's private key, and one polynomial of 32-bit
 * coefficients is all that is ever transformed at a time.
 */
#ifndef PQC_DSA_H
#define PQC_DSA_H

#include "common.h"
#include "keccak.h"

#define DSA_N            256
#define DSA_Q            8380417
#define DSA_K            6 /* rows of the matrix, FIPS 204 table 1 */
#define DSA_L            5 /* columns */
#define DSA_D            13
#define DSA_ETA          4
#define DSA_TAU          49
#define DSA_BETA         (DSA_TAU * DSA_ETA)
#define DSA_GAMMA1       (1 << 19)
#define DSA_GAMMA2       ((DSA_Q - 1) / 32)
#define DSA_OMEGA        55
#define DSA_LAMBDA_BYTES 48 /* length of the commitment hash */

#define DSA_ETA_POLY_BYTES 128 /* 4 bits a coefficient */
#define DSA_T0_POLY_BYTES  416 /* 13 */
#define DSA_T1_POLY_BYTES  320 /* 10 */
#define DSA_Z_POLY_BYTES   640 /* 20 */
#define DSA_W1_POLY_BYTES  128 /* 4 */
#define DSA_HINT_BYTES     (DSA_OMEGA + DSA_K)
#define DSA_S1_BYTES       (DSA_L * DSA_ETA_POLY_BYTES)
#define DSA_S2_BYTES       (DSA_K * DSA_ETA_POLY_BYTES)
#define DSA_T0_BYTES       (DSA_K * DSA_T0_POLY_BYTES)
#define DSA_Z_BYTES        (DSA_L * DSA_Z_POLY_BYTES)
#define DSA_EXPANDED_BYTES (32 + 32 + 64 + DSA_S1_BYTES + DSA_S2_BYTES + DSA_T0_BYTES)

/*
 * Says that a value made from secrets may be known: it is published, or independent
 * of the key. Does nothing, except under tests/poison.h, where the test of constant
 * time tells its checker so.
 */
#ifndef PQC_DECLASSIFY
#define PQC_DECLASSIFY(pointer, bytes) ((void)0)
#endif

/* A polynomial to compute with. */
typedef struct {
    int32_t c[DSA_N];
} dsa_poly;

/* A polynomial to keep: 24 bits a coefficient, two's complement. */
typedef struct {
    uint16_t low[DSA_N];
    int8_t high[DSA_N];
} dsa_packed;

PQC_INLINE int32_t dsa_packed_get(const dsa_packed *p, unsigned i)
{
    return (int32_t)p->high[i] * 65536 + (int32_t)p->low[i];
}

/* value in [-2^23, 2^23) */
PQC_INLINE void dsa_packed_put(dsa_packed *p, unsigned i, int32_t value)
{
    p->low[i] = (uint16_t)value;
    p->high[i] = (int8_t)(value >> 16);
}

/* ---- dsa_ntt.c ---- */

/*
 * NTT, FIPS 204 algorithm 41. In: |c| <= 8 q. Out: as the second factor of dsa_mul() may
 * be, |c| < 20 q or, for short multiplications, reduced.
 */
void pqc_dsa_ntt(dsa_poly *p);
/*
 * Inverse NTT, algorithm 42, of a sum of dsa_mul() products. In: |c| < 0.76 q.
 * Out: [0, q).
 */
void pqc_dsa_invntt(dsa_poly *p);

/* ---- dsa_matrix.c ---- */

/* acc += A[row][column] o v, the matrix polynomial sampled from rho as it is used (algorithm 32). */
void pqc_dsa_matrix_mul_add(dsa_packed *acc, const dsa_poly *v, pqc_sponge *sponge,
                            const uint8_t rho[32], unsigned row, unsigned column);
/* v = NTT(v), then acc[i] += A[first + i][column] o v for i below `rows`. */
void pqc_dsa_column_mul_add(dsa_packed *acc, unsigned rows, dsa_poly *v, pqc_sponge *sponge,
                            const uint8_t rho[32], unsigned first, unsigned column);
/* acc += a o v */
void pqc_dsa_packed_mul_add(dsa_packed *acc, const dsa_packed *a, const dsa_poly *v);
/* Between the two forms of a polynomial; what is kept is reduced to [0, q). */
void pqc_dsa_poly_load(dsa_poly *p, const dsa_packed *packed);
void pqc_dsa_poly_keep(dsa_packed *packed, const dsa_poly *p);
/* Unpack a sum of products and transform it back. Out: [0, q). */
void pqc_dsa_packed_invntt(dsa_poly *p, const dsa_packed *acc);

/* ---- dsa_sample.c ---- */

/* One polynomial of s1 or s2 (algorithm 33), as the 4-bit values eta - s. */
void pqc_dsa_sample_secret(uint8_t packed[DSA_ETA_POLY_BYTES], pqc_sponge *sponge,
                           const uint8_t seed[64], unsigned nonce);
/* One polynomial of the mask y: how to sample it, and where its bits may be kept (or NULL). */
typedef struct {
    const uint8_t *seed; /* rho'', 64 bytes */
    unsigned nonce;
    uint8_t *stored; /* DSA_Z_POLY_BYTES */
} dsa_mask;

/* Algorithm 34. Stores the bits, when there is a place for them. */
void pqc_dsa_sample_mask(dsa_poly *y, pqc_sponge *sponge, const dsa_mask *mask);

/*
 * The challenge c = sum of tau terms +-x^k, with -x^k written as x^(k + 256) and
 * the exponents ordered by their residue modulo 4: exponent = 4 quarter + residue.
 */
typedef struct {
    uint8_t quarter[DSA_TAU];
    uint8_t end[4]; /* end[r]: where the terms of residue r stop */
} dsa_ball;

/* Algorithm 29; `work` holds 256 bytes. */
void pqc_dsa_sample_ball(dsa_ball *ball, uint8_t *work, pqc_sponge *sponge,
                         const uint8_t seed[DSA_LAMBDA_BYTES]);
/* The same polynomial with its coefficients written out. */
void pqc_dsa_ball_expand(dsa_poly *c, const dsa_ball *ball);

/* ---- dsa_product.c ---- */

/* How many words of output are summed in registers. */
#ifndef DSA_PRODUCT_WORDS
#if defined(__ARM_ARCH_6M__) || defined(PQC_SMALL)
#define DSA_PRODUCT_WORDS 4
#else
#define DSA_PRODUCT_WORDS 8
#endif
#endif

/* Room for a product with the challenge, shared by the two kinds. */
typedef union {
    struct {
        uint32_t lanes[128 + DSA_PRODUCT_WORDS - 1]; /* the factor, a byte a coefficient */
        uint32_t sum[2][DSA_N / 4];                  /* two parts, a byte a coefficient */
    } small;
    int16_t wide[512 + 7]; /* a factor of 13 bits */
} dsa_product;

/* work->small = c s, s in 4-bit form */
void pqc_dsa_product_small(dsa_product *work, const dsa_ball *c,
                           const uint8_t s[DSA_ETA_POLY_BYTES]);

/* Coefficient i of that product, exact, at most beta in magnitude. */
PQC_INLINE int32_t dsa_product_get(const dsa_product *work, unsigned i)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    i ^= 3;
#endif
    return (int32_t)((const uint8_t *)work->small.sum[0])[i] +
           (int32_t)((const uint8_t *)work->small.sum[1])[i] - DSA_BETA;
}

/*
 * One polynomial of the response z = y + cs, where y is what was stored, or sampled
 * anew. Packs it unless `packed` is NULL. Returns all ones when a coefficient is
 * gamma1 - beta or more in magnitude, else 0. (In dsa_sample.c.)
 */
uint32_t pqc_dsa_sample_response(uint8_t *packed, const dsa_product *cs, pqc_sponge *sponge,
                                 const dsa_mask *mask);

/* Prepare t0 (13-bit form) for pqc_dsa_product_wide(). */
void pqc_dsa_product_load(dsa_product *work, const uint8_t t0[DSA_T0_POLY_BYTES]);
/* Eight coefficients of c t0 from coefficient `first`, a multiple of 8. */
void pqc_dsa_product_wide(int32_t sum[8], const dsa_product *work, const dsa_ball *c,
                          unsigned first);

/* ---- dsa_pack.c ---- */

void pqc_dsa_unpack_secret(dsa_poly *s, const uint8_t packed[DSA_ETA_POLY_BYTES]);
/* `packed` may be the memory of t. */
void pqc_dsa_pack_t1(uint8_t packed[DSA_T1_POLY_BYTES], const dsa_poly *t);
void pqc_dsa_pack_t0(uint8_t packed[DSA_T0_POLY_BYTES], const dsa_poly *t);
/* v = -t1 2^d, what verification adds: A z - c t1 2^d */
void pqc_dsa_unpack_t1(dsa_poly *v, const uint8_t packed[DSA_T1_POLY_BYTES]);
/* Returns not 0 when a coefficient is gamma1 - beta or more in magnitude. */
int pqc_dsa_unpack_z(dsa_poly *z, const uint8_t packed[DSA_Z_POLY_BYTES]);
/*
 * The high bits of w (in [0, q)), each moved by one where `hints` ascending
 * positions say so (UseHint, algorithm 40). Public values only. `packed` may be the
 * memory of w.
 */
void pqc_dsa_pack_w1(uint8_t packed[DSA_W1_POLY_BYTES], const dsa_poly *w, const uint8_t *position,
                     unsigned hints);
/* Returns not 0 unless the hint is encoded exactly as algorithm 21 demands. */
int pqc_dsa_check_hint(const uint8_t hint[DSA_HINT_BYTES]);

/* ---- dsa_key.c ---- */

/* What signing holds of its key. Two fields serve for something else first. */
typedef struct {
    uint8_t rho[32];
    uint8_t mu[64];        /* first rho', then tr, then the message representative */
    uint8_t mask_seed[64]; /* first K, then rho'' */
    uint8_t s1[DSA_S1_BYTES];
} dsa_key;

/* rho, rho' (into mu) and K (into mask_seed) of a seed; algorithm 6, line 1. And s1. */
void pqc_dsa_key_begin(dsa_key *key, pqc_sponge *sponge, const uint8_t seed[PQC_DSA_SEED_BYTES]);
/* t = A s1 + s2 for one row, in [0, q), from the row's product still transformed. */
void pqc_dsa_key_row(dsa_poly *t, const dsa_packed *product, const uint8_t s2[DSA_ETA_POLY_BYTES]);
/* What is signed: a representative, or a message with its context, or a bare M'. */
typedef struct {
    const uint8_t *mu; /* 64 bytes; NULL: hash the rest */
    const uint8_t *message;
    size_t message_bytes;
    const uint8_t *context;
    size_t context_bytes;
    int internal; /* not 0: `message` is M' of algorithm 7, without a prefix; tests only */
} dsa_message;

/* mu = H(tr || M'); algorithm 2, line 10 and algorithm 7, line 6. mu may be tr. */
void pqc_dsa_message_hash(uint8_t mu[64], const uint8_t tr[64], pqc_sponge *sponge,
                          const dsa_message *message);

#endif
