/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_matrix.c - products with the public matrix A (FIPS 204 algorithms 30 and 32).
 *
 * A is 30 polynomials, 23 KB packed. Without that memory each coefficient goes from
 * the block of the sponge straight into the sum it belongs to, and A never exists.
 * rho is public, so the sampler may branch on what it finds.
 */
#include "dsa_field.h"

#if defined(PQC_SHORT_MULTIPLY) && defined(PQC_SMALL)
PQC_NOINLINE static
#else
PQC_INLINE
#endif
    void
    mul_add(dsa_packed *acc, const dsa_poly *v, unsigned i, int32_t a, dsa_modulus m)
{
    dsa_packed_put(acc, i, dsa_reduce(dsa_packed_get(acc, i) + dsa_mul(a, v->c[i], m), m));
}

/* acc[n] += a v[n]; n + 1. A candidate of q or more is skipped. */
PQC_INLINE unsigned take(dsa_packed *acc, const dsa_poly *v, unsigned n, uint32_t candidate,
                         dsa_modulus m)
{
    int32_t a = (int32_t)candidate;
    if (a < m.q) {
        mul_add(acc, v, n, a, m);
        n++;
    }
    return n;
}

/* The 23 bits of a candidate of three bytes. */
PQC_INLINE uint32_t candidate_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 25 >> 9;
}

#if defined(PQC_SMALL) || (defined(__thumb__) && !defined(__thumb2__))

/* acc[n] += candidate v[n] for the candidates of one block. Returns the next n. */
static unsigned take_block(dsa_packed *acc, const dsa_poly *v, unsigned n, const uint8_t *p)
{
    const dsa_modulus m = dsa_load_modulus();

    for (const uint8_t *end = p + PQC_SHAKE128_RATE; p != end && n < DSA_N; p += 3) {
        n = take(acc, v, n, candidate_at(p), m);
    }
    return n;
}

#else

/* An aligned little-endian word of a sponge block. */
PQC_INLINE uint32_t block_word(const uint8_t *p)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t word;
    memcpy(&word, __builtin_assume_aligned(p, 4), 4);
    return word;
#else
    return pqc_load32(p);
#endif
}

/* The last few coefficients, one candidate at a time. */
static PQC_NOINLINE unsigned take_last(dsa_packed *acc, const dsa_poly *v, unsigned n,
                                       const uint8_t *p)
{
    const dsa_modulus m = dsa_load_modulus();

    for (const uint8_t *end = p + 12; p != end && n < DSA_N; p += 3) {
        n = take(acc, v, n, candidate_at(p), m);
    }
    return n;
}

/* acc[n] += candidate v[n] for the candidates of one block. Returns the next n. */
PQC_HOT static unsigned take_block(dsa_packed *acc, const dsa_poly *v, unsigned n,
                                   const uint8_t *p)
{
    const dsa_modulus m = dsa_load_modulus();
    const uint8_t *end = p + PQC_SHAKE128_RATE;

    for (; p != end && n <= DSA_N - 4; p += 12) { /* four candidates of three bytes */
        uint32_t w0 = block_word(p), w1 = block_word(p + 4), w2 = block_word(p + 8);
        n = take(acc, v, n, w0 & 0x7FFFFF, m);
        n = take(acc, v, n, (w0 >> 24 | w1 << 8) & 0x7FFFFF, m);
        n = take(acc, v, n, (w1 >> 16 | w2 << 16) & 0x7FFFFF, m);
        n = take(acc, v, n, (w2 >> 8) & 0x7FFFFF, m);
    }
    for (; p != end && n < DSA_N; p += 12) {
        n = take_last(acc, v, n, p);
    }
    return n;
}

#endif

PQC_HOT void pqc_dsa_matrix_mul_add(dsa_packed *acc, const dsa_poly *v, pqc_sponge *sponge,
                                    const uint8_t rho[32], unsigned row, unsigned column)
{
    unsigned n = 0;

    pqc_sponge_numbered(sponge, PQC_SHAKE128, rho, 32, column | row << 8);
    while (n < DSA_N) {
        n = take_block(acc, v, n, pqc_sponge_squeeze_block(sponge));
    }
}

void pqc_dsa_column_mul_add(dsa_packed *acc, unsigned rows, dsa_poly *v, pqc_sponge *sponge,
                            const uint8_t rho[32], unsigned first, unsigned column)
{
    pqc_dsa_ntt(v);
    for (unsigned i = 0; i < rows; i++) {
        pqc_dsa_matrix_mul_add(&acc[i], v, sponge, rho, first + i, column);
    }
}

PQC_HOT void pqc_dsa_packed_mul_add(dsa_packed *acc, const dsa_packed *a, const dsa_poly *v)
{
    const dsa_modulus m = dsa_load_modulus();

    for (unsigned i = 0; i < DSA_N; i++) {
        mul_add(acc, v, i, dsa_packed_get(a, i), m);
    }
}

void pqc_dsa_poly_load(dsa_poly *p, const dsa_packed *packed)
{
    for (unsigned i = 0; i < DSA_N; i++) {
        p->c[i] = dsa_packed_get(packed, i);
    }
}

void pqc_dsa_poly_keep(dsa_packed *packed, const dsa_poly *p)
{
    const dsa_modulus m = dsa_load_modulus();

    for (unsigned i = 0; i < DSA_N; i++) {
        dsa_packed_put(packed, i, dsa_positive(dsa_reduce(p->c[i], m)));
    }
}

void pqc_dsa_packed_invntt(dsa_poly *p, const dsa_packed *acc)
{
    pqc_dsa_poly_load(p, acc);
    pqc_dsa_invntt(p);
}
