/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_sign.h - the workspace of signing, shared by dsa_sign.c and dsa_expand.c only.
 */
#ifndef PQC_DSA_SIGN_H
#define PQC_DSA_SIGN_H

#include "dsa_internal.h"

typedef struct {
    pqc_sponge sponge;
    pqc_keccak_state scratch;
    dsa_key key;
    uint8_t challenge[DSA_LAMBDA_BYTES];
    uint8_t hint[DSA_HINT_BYTES];
    dsa_ball ball;
    union {
        dsa_poly poly;
        dsa_product product;
        uint8_t bytes[DSA_T1_POLY_BYTES];
    } u;
    dsa_packed w[DSA_K]; /* first t, then w; of this, then of w - c s2, the low bits */
} dsa_sign_ws;

#define DSA_STORED_MASKS 3 /* as many as fit into 32 KB with the rest */

typedef struct {
    dsa_sign_ws small;
    uint8_t mask[DSA_STORED_MASKS][DSA_Z_POLY_BYTES];
    dsa_packed matrix[DSA_K * DSA_L]; /* row by row; last, since it needs no wiping */
} dsa_cached_ws;

_Static_assert(sizeof(dsa_sign_ws) <= PQC_DSA_SIGN_WS_BYTES, "workspace");
_Static_assert(sizeof(dsa_cached_ws) <= PQC_DSA_SIGN_CACHED_WS_BYTES, "workspace");

/* Both modes work on the first part; in small mode the rest is not there. */
PQC_INLINE dsa_cached_ws *dsa_cache_of(dsa_sign_ws *w, int cached)
{
    return cached ? (dsa_cached_ws *)(void *)w : NULL;
}

/* What signing keeps in the signature's buffer meanwhile. */
typedef struct {
    uint8_t *t0, *s2;
} dsa_borrowed;
_Static_assert(DSA_T0_BYTES + DSA_S2_BYTES <= PQC_DSA_SIGNATURE_BYTES, "borrowed");

PQC_INLINE dsa_borrowed dsa_borrow(uint8_t *signature)
{
    dsa_borrowed b = {signature, signature + DSA_T0_BYTES};
    return b;
}

/* ---- dsa_expand.c ---- */

/* w += A[.][column] o u.poly, after transforming u.poly */
void pqc_dsa_multiply_column(dsa_sign_ws *w, unsigned column, int cached);
/* t0, and tr in key.mu, from rho, s1 and s2; algorithm 6, lines 3 to 9 */
void pqc_dsa_expand_rows(dsa_sign_ws *w, const dsa_borrowed *b, int cached);
/* All of key, t0 and s2, and the matrix where there is room for it. */
void pqc_dsa_load_key(dsa_sign_ws *w, const dsa_borrowed *b, const dsa_private *key, int cached);

#endif
