/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_verify.c - verification, FIPS 204 algorithms 3 and 8.
 *
 * A z - c t1 2^d is computed row by row, each row hashed at once. With room for six
 * rows z is transformed once, column by column; else once a row. Nothing is secret.
 */
#include "dsa_field.h"
#include "dsa_internal.h"

typedef struct {
    pqc_sponge hash; /* of mu and w1, open across the rows */
    pqc_sponge sponge;
    pqc_keccak_state scratch;
    uint8_t mu[64];
    dsa_ball ball;
    dsa_packed c; /* transformed */
    dsa_poly v;
    dsa_packed row[1];
} verify_ws;

#define VERIFY_FAST_WS (sizeof(verify_ws) + (DSA_K - 1) * sizeof(dsa_packed))
_Static_assert(sizeof(verify_ws) <= PQC_DSA_VERIFY_WS_BYTES, "workspace");
_Static_assert(VERIFY_FAST_WS <= PQC_DSA_VERIFY_FAST_WS_BYTES, "workspace");

/* FIPS 204 algorithm 27, and the bound on z that algorithm 8 checks at its end. */
PQC_COLD static int check_encoding(verify_ws *w, const uint8_t *signature)
{
    const uint8_t *z = signature + DSA_LAMBDA_BYTES;
    int bad = pqc_dsa_check_hint(z + DSA_Z_BYTES);

    for (unsigned j = 0; j < DSA_L && bad == 0; j++) {
        bad = pqc_dsa_unpack_z(&w->v, z + DSA_Z_POLY_BYTES * j);
    }
    return bad;
}

PQC_COLD static void hash_message(verify_ws *w, const uint8_t *public_key,
                                  const dsa_message *message)
{
    w->sponge.scratch = &w->scratch;
    pqc_shake256_start(&w->sponge, public_key, PQC_DSA_PUBLIC_BYTES);
    pqc_sponge_result(&w->sponge, w->mu, sizeof w->mu);
    pqc_dsa_message_hash(w->mu, w->mu, &w->sponge, message);
    w->hash.scratch = &w->scratch;
    pqc_shake256_start(&w->hash, w->mu, sizeof w->mu);
}

static void load_challenge(verify_ws *w, const uint8_t *challenge)
{
    pqc_dsa_sample_ball(&w->ball, (uint8_t *)w->v.c, &w->sponge, challenge);
    pqc_dsa_ball_expand(&w->v, &w->ball);
    pqc_dsa_ntt(&w->v);
    pqc_dsa_poly_keep(&w->c, &w->v);
}

/* row[0 .. rows-1] = A z, transformed, for the rows from `first`. */
static void multiply_rows(verify_ws *w, const uint8_t *rho, const uint8_t *z, unsigned first,
                          unsigned rows)
{
    memset(w->row, 0, rows * sizeof(dsa_packed));
    for (unsigned j = 0; j < DSA_L; j++) {
        (void)pqc_dsa_unpack_z(&w->v, z + DSA_Z_POLY_BYTES * j);
        pqc_dsa_column_mul_add(w->row, rows, &w->v, &w->sponge, rho, first, j);
    }
}

/* Absorb row i of w1. */
static void hash_row(verify_ws *w, dsa_packed *row, const uint8_t *t1, const uint8_t *hint,
                     unsigned i)
{
    unsigned begin = i == 0 ? 0 : hint[DSA_OMEGA + i - 1], end = hint[DSA_OMEGA + i];
    uint8_t *w1 = (uint8_t *)w->v.c;

    pqc_dsa_unpack_t1(&w->v, t1);
    pqc_dsa_ntt(&w->v);
    pqc_dsa_packed_mul_add(row, &w->c, &w->v);
    pqc_dsa_packed_invntt(&w->v, row);
    pqc_dsa_pack_w1(w1, &w->v, hint + begin, end - begin);
    pqc_sponge_absorb(&w->hash, w1, DSA_W1_POLY_BYTES);
}

PQC_COLD static int verify(const uint8_t *public_key, const dsa_message *message,
                           const uint8_t *signature, verify_ws *w, unsigned rows)
{
    const uint8_t *t1 = public_key + 32;
    const uint8_t *z = signature + DSA_LAMBDA_BYTES;
    uint8_t *expected = (uint8_t *)w->v.c;

    if (check_encoding(w, signature) != 0) {
        return PQC_ERR_BAD_SIGNATURE;
    }
    hash_message(w, public_key, message);
    load_challenge(w, signature);
    for (unsigned first = 0; first < DSA_K; first += rows) {
        multiply_rows(w, public_key, z, first, rows);
        for (unsigned i = 0; i < rows; i++, t1 += DSA_T1_POLY_BYTES) {
            hash_row(w, &w->row[i], t1, z + DSA_Z_BYTES, first + i);
        }
    }
    pqc_sponge_result(&w->hash, expected, DSA_LAMBDA_BYTES);
    return pqc_differ(expected, signature, DSA_LAMBDA_BYTES) != 0 ? PQC_ERR_BAD_SIGNATURE : PQC_OK;
}

PQC_COLD int pqc_dsa_verify_internal(const uint8_t public_key[PQC_DSA_PUBLIC_BYTES],
                                     const dsa_message *message,
                                     const uint8_t signature[PQC_DSA_SIGNATURE_BYTES], void *ws,
                                     size_t ws_bytes)
{
    int fast = ws_bytes >= VERIFY_FAST_WS;
    int status = pqc_check_workspace(ws, ws_bytes, sizeof(verify_ws));

    if (status == PQC_OK && message->context_bytes > PQC_DSA_CONTEXT_MAX) {
        status = PQC_ERR_BAD_LENGTH;
    }
    if (status != PQC_OK) {
        return status;
    }
    status = verify(public_key, message, signature, ws, fast ? DSA_K : 1);
    pqc_wipe(ws, sizeof(verify_ws)); /* the message may be a secret */
    return status;
}

PQC_COLD int pqc_dsa_verify(const uint8_t public_key[PQC_DSA_PUBLIC_BYTES], const uint8_t *message,
                            size_t message_bytes, const uint8_t *context, size_t context_bytes,
                            const uint8_t signature[PQC_DSA_SIGNATURE_BYTES], void *ws,
                            size_t ws_bytes)
{
    const dsa_message m = {NULL, message, message_bytes, context, context_bytes, 0};
    return pqc_dsa_verify_internal(public_key, &m, signature, ws, ws_bytes);
}

PQC_COLD int pqc_dsa_verify_mu(const uint8_t public_key[PQC_DSA_PUBLIC_BYTES],
                               const uint8_t mu[PQC_DSA_MU_BYTES],
                               const uint8_t signature[PQC_DSA_SIGNATURE_BYTES], void *ws,
                               size_t ws_bytes)
{
    const dsa_message m = {mu, NULL, 0, NULL, 0, 0};
    return pqc_dsa_verify_internal(public_key, &m, signature, ws, ws_bytes);
}
