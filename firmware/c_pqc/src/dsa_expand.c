/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_expand.c - the key as signing needs it, FIPS 204 algorithm 6: rho, K, tr, s1, s2
 * and t0 from a seed, and the matrix.
 */
#include "dsa_field.h"
#include "dsa_sign.h"

void pqc_dsa_multiply_column(dsa_sign_ws *w, unsigned column, int cached)
{
    const dsa_cached_ws *cache = dsa_cache_of(w, cached);

    if (cache == NULL) {
        pqc_dsa_column_mul_add(w->w, DSA_K, &w->u.poly, &w->sponge, w->key.rho, 0, column);
        return;
    }
    pqc_dsa_ntt(&w->u.poly);
    for (unsigned i = 0; i < DSA_K; i++) {
        pqc_dsa_packed_mul_add(&w->w[i], &cache->matrix[DSA_L * i + column], &w->u.poly);
    }
}

/* A = A o 1, so that sampling exists only once. */
PQC_COLD static void sample_matrix(dsa_sign_ws *w)
{
    dsa_cached_ws *cache = dsa_cache_of(w, 1);

    for (unsigned n = 0; n < DSA_N; n++) {
        w->u.poly.c[n] = DSA_ONE;
    }
    memset(cache->matrix, 0, sizeof cache->matrix);
    for (unsigned i = 0; i < DSA_K; i++) {
        for (unsigned j = 0; j < DSA_L; j++) {
            pqc_dsa_matrix_mul_add(&cache->matrix[DSA_L * i + j], &w->u.poly, &w->sponge,
                                   w->key.rho, i, j);
        }
    }
}

/* key.mu = tr, the hash of the public key; t is in w */
PQC_COLD static void hash_public_key(dsa_sign_ws *w)
{
    pqc_shake256_start(&w->sponge, w->key.rho, sizeof w->key.rho);
    for (unsigned i = 0; i < DSA_K; i++) {
        pqc_dsa_poly_load(&w->u.poly, &w->w[i]);
        pqc_dsa_pack_t1(w->u.bytes, &w->u.poly);
        pqc_sponge_absorb(&w->sponge, w->u.bytes, DSA_T1_POLY_BYTES);
    }
    pqc_sponge_result(&w->sponge, w->key.mu, sizeof w->key.mu);
}

PQC_COLD void pqc_dsa_expand_rows(dsa_sign_ws *w, const dsa_borrowed *b, int cached)
{
    memset(w->w, 0, sizeof w->w);
    for (unsigned j = 0; j < DSA_L; j++) {
        pqc_dsa_unpack_secret(&w->u.poly, w->key.s1 + DSA_ETA_POLY_BYTES * j);
        pqc_dsa_multiply_column(w, j, cached);
    }
    for (unsigned i = 0; i < DSA_K; i++) {
        pqc_dsa_key_row(&w->u.poly, &w->w[i], b->s2 + DSA_ETA_POLY_BYTES * i);
        pqc_dsa_pack_t0(b->t0 + DSA_T0_POLY_BYTES * i, &w->u.poly);
        pqc_dsa_poly_keep(&w->w[i], &w->u.poly);
    }
    hash_public_key(w);
}

PQC_COLD static void expand_seed(dsa_sign_ws *w, const dsa_borrowed *b, const uint8_t *seed,
                                 int cached)
{
    pqc_dsa_key_begin(&w->key, &w->sponge, seed);
    for (unsigned i = 0; i < DSA_K; i++) {
        uint8_t *s2 = b->s2 + DSA_ETA_POLY_BYTES * i;
        pqc_dsa_sample_secret(s2, &w->sponge, w->key.mu, DSA_L + i);
    }
    if (cached) {
        sample_matrix(w);
    }
    pqc_dsa_expand_rows(w, b, cached);
}

#ifdef PQC_DSA_INTERNAL
/* An expanded key in the standard's encoding, algorithm 25. */
static void load_expanded(dsa_sign_ws *w, const dsa_borrowed *b, const uint8_t *expanded)
{
    memcpy(w->key.rho, expanded, 32);
    memcpy(w->key.mask_seed, expanded + 32, 32);
    memcpy(w->key.mu, expanded + 64, 64);
    expanded += 128;
    memcpy(w->key.s1, expanded, DSA_S1_BYTES);
    memcpy(b->s2, expanded + DSA_S1_BYTES, DSA_S2_BYTES);
    memcpy(b->t0, expanded + DSA_S1_BYTES + DSA_S2_BYTES, DSA_T0_BYTES);
}
#endif

PQC_COLD void pqc_dsa_load_key(dsa_sign_ws *w, const dsa_borrowed *b, const dsa_private *key,
                               int cached)
{
#ifdef PQC_DSA_INTERNAL
    if (key->seed == NULL) {
        load_expanded(w, b, key->expanded);
        if (cached) {
            sample_matrix(w);
        }
        return;
    }
#endif
    expand_seed(w, b, key->seed, cached);
}

#ifdef PQC_DSA_INTERNAL
int pqc_dsa_expand_internal(uint8_t expanded[DSA_EXPANDED_BYTES],
                            const uint8_t seed[PQC_DSA_SEED_BYTES], void *ws, size_t ws_bytes)
{
    dsa_sign_ws *w = ws;
    const dsa_borrowed b = {expanded + 128 + DSA_S1_BYTES + DSA_S2_BYTES,
                            expanded + 128 + DSA_S1_BYTES};
    int status = pqc_check_workspace(ws, ws_bytes, sizeof(dsa_sign_ws));

    if (status != PQC_OK) {
        memset(expanded, 0, DSA_EXPANDED_BYTES);
        return status;
    }
    w->sponge.scratch = &w->scratch;
    expand_seed(w, &b, seed, 0);
    memcpy(expanded, w->key.rho, 32);
    memcpy(expanded + 32, w->key.mask_seed, 32);
    memcpy(expanded + 64, w->key.mu, 64);
    memcpy(expanded + 128, w->key.s1, DSA_S1_BYTES);
    pqc_wipe(ws, sizeof(dsa_sign_ws));
    return PQC_OK;
}
#endif
