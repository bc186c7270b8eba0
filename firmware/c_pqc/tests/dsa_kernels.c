/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_kernels.c - what the tests need to see of ML-DSA-65's inside: the inline parts
 * under a name, and the field-operation hash of C2SP CCTV (ML-DSA/accumulated).
 */
#include <stdio.h>
#include <stdlib.h>

#include "../src/dsa_field.h"

void kernel_mul(int32_t *out, const int32_t *a, const int32_t *b, size_t count)
{
    const dsa_modulus m = dsa_load_modulus();

    for (size_t i = 0; i < count; i++) {
        out[i] = dsa_mul(a[i], b[i], m);
    }
}

/* Returns the quotient that goes with `value`. */
int32_t kernel_mul_constant(int32_t *out, const int32_t *a, int32_t value, size_t count)
{
    const dsa_constant constant = dsa_prepare(value);
    const dsa_modulus m = dsa_load_modulus();

    for (size_t i = 0; i < count; i++) {
        out[i] = dsa_mul_constant(a[i], constant, m);
    }
    return constant.quotient;
}

/* out = {a, b} of a challenge: c times s, and c times t0. */
void kernel_products(int32_t *cs, int32_t *ct0, const uint8_t *challenge, const uint8_t *s,
                     const uint8_t *t0, int32_t *c)
{
    pqc_keccak_state scratch;
    pqc_sponge sponge;
    dsa_product work;
    dsa_ball ball;
    uint8_t table[DSA_N];
    dsa_poly expanded;

    sponge.scratch = &scratch;
    pqc_dsa_sample_ball(&ball, table, &sponge, challenge);
    pqc_dsa_ball_expand(&expanded, &ball);
    memcpy(c, expanded.c, sizeof expanded.c);
    pqc_dsa_product_small(&work, &ball, s);
    for (unsigned i = 0; i < DSA_N; i++) {
        cs[i] = dsa_product_get(&work, i);
    }
    pqc_dsa_product_load(&work, t0);
    for (unsigned i = 0; i < DSA_N; i += 8) {
        pqc_dsa_product_wide(ct0 + i, &work, &ball, i);
    }
}

/* The product of one matrix polynomial with v, transformed back: [0, q). */
void kernel_matrix_product(dsa_poly *out, const dsa_poly *v, const uint8_t *rho, unsigned row,
                           unsigned column)
{
    pqc_keccak_state scratch;
    pqc_sponge sponge;
    dsa_poly transformed = *v;
    dsa_packed acc;

    sponge.scratch = &scratch;
    memset(&acc, 0, sizeof acc);
    pqc_dsa_ntt(&transformed);
    pqc_dsa_matrix_mul_add(&acc, &transformed, &sponge, rho, row, column);
    pqc_dsa_packed_invntt(out, &acc);
}

/* ---- the field-operation hash ---- */

static int32_t centred(int32_t r)
{
    return r > DSA_Q / 2 ? r - DSA_Q : r;
}

/* The standard's words, for the parameter set this library does not have. */
static int32_t plain_decompose(int32_t *low, int32_t r, int32_t gamma2)
{
    int32_t rest = r % (2 * gamma2);
    if (rest > gamma2) {
        rest -= 2 * gamma2;
    }
    if (r - rest == DSA_Q - 1) {
        *low = rest - 1;
        return 0;
    }
    *low = rest;
    return (r - rest) / (2 * gamma2);
}

/* UseHint(1, r) and HighBits(r) of this library, by way of its encoder. */
static void library_high_bits(int32_t *high, int32_t *hinted, int32_t r)
{
    static const uint8_t first = 0;
    static dsa_poly w;
    uint8_t packed[DSA_W1_POLY_BYTES];

    w.c[0] = r;
    pqc_dsa_pack_w1(packed, &w, NULL, 0);
    *high = packed[0] & 15;
    pqc_dsa_pack_w1(packed, &w, &first, 1);
    *hinted = packed[0] & 15;
}

/* Power2Round of this library, by way of its encoders. */
static void library_power2round(int32_t *t1, int32_t *t0, int32_t r)
{
    static dsa_poly t, t1s;
    static uint8_t packed1[DSA_T1_POLY_BYTES], packed0[DSA_T0_POLY_BYTES];

    t.c[0] = r;
    pqc_dsa_pack_t1(packed1, &t);
    pqc_dsa_unpack_t1(&t1s, packed1);
    *t1 = -t1s.c[0] / (1 << DSA_D);
    pqc_dsa_pack_t0(packed0, &t);
    *t0 = 4096 - ((packed0[0] | packed0[1] << 8) & 0x1FFF);
}

static void absorb_number(pqc_sponge *sponge, int32_t value)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", (int)value);
    pqc_sponge_absorb(sponge, (const uint8_t *)text, (size_t)length);
}

/* Returns 0, or the line that failed an internal cross-check. */
int kernel_field_hash(uint8_t digest[32])
{
    pqc_keccak_state scratch;
    pqc_sponge sponge;

    sponge.scratch = &scratch;
    pqc_sponge_init(&sponge, PQC_SHAKE128);
    for (int32_t r = 0; r < DSA_Q; r++) {
        int32_t t1, t0, low, high, hinted, decomposed;
        absorb_number(&sponge, centred(r));
        absorb_number(&sponge, abs(centred(r)));
        library_power2round(&t1, &t0, r);
        absorb_number(&sponge, t1);
        absorb_number(&sponge, t0 < 0 ? t0 + DSA_Q : t0);

        high = plain_decompose(&low, r, (DSA_Q - 1) / 88);
        absorb_number(&sponge, high);
        absorb_number(&sponge, (low > 0 ? high + 1 : high + 43) % 44);
        absorb_number(&sponge, low);
        absorb_number(&sponge, abs(low));

        decomposed = dsa_decompose(&low, r);
        library_high_bits(&high, &hinted, r);
        if (decomposed != high) {
            return __LINE__;
        }
        absorb_number(&sponge, high);
        absorb_number(&sponge, hinted);
        absorb_number(&sponge, low);
        absorb_number(&sponge, abs(low));
    }
    pqc_sponge_finish(&sponge);
    pqc_sponge_squeeze(&sponge, digest, 32);
    return 0;
}
