/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_key.c - key generation, FIPS 204 algorithm 6, and the hash of a message.
 */
#include "dsa_field.h"

#define STACK_BYTES 352 /* what a call leaves below its own frame, at most */

PQC_COLD void pqc_dsa_key_begin(dsa_key *key, pqc_sponge *sponge,
                                const uint8_t seed[PQC_DSA_SEED_BYTES])
{
    pqc_sponge_numbered(sponge, PQC_SHAKE256, seed, PQC_DSA_SEED_BYTES, DSA_K | DSA_L << 8);
    pqc_sponge_squeeze(sponge, key->rho, sizeof key->rho);
    PQC_DECLASSIFY(key->rho, sizeof key->rho); /* part of the public key */
    pqc_sponge_squeeze(sponge, key->mu, sizeof key->mu);
    pqc_sponge_squeeze(sponge, key->mask_seed, 32);

    for (unsigned j = 0; j < DSA_L; j++) {
        pqc_dsa_sample_secret(key->s1 + DSA_ETA_POLY_BYTES * j, sponge, key->mu, j);
    }
}

void pqc_dsa_key_row(dsa_poly *t, const dsa_packed *product, const uint8_t s2[DSA_ETA_POLY_BYTES])
{
    pqc_dsa_packed_invntt(t, product);
    for (unsigned i = 0; i < DSA_N; i++) {
        int32_t s = DSA_ETA - ((s2[i / 2] >> (4 * (i & 1))) & 15);
        t->c[i] = dsa_positive(dsa_positive(t->c[i] + s) - DSA_Q);
    }
}

PQC_COLD void pqc_dsa_message_hash(uint8_t mu[64], const uint8_t tr[64], pqc_sponge *sponge,
                                   const dsa_message *message)
{
    if (message->mu != NULL) {
        memcpy(mu, message->mu, 64);
        return;
    }
    pqc_shake256_start(sponge, tr, 64);
    if (!message->internal) {
        pqc_sponge_absorb_byte(sponge, 0); /* "pure": the message itself is signed */
        pqc_sponge_absorb_byte(sponge, (uint8_t)message->context_bytes);
        pqc_sponge_absorb(sponge, message->context, message->context_bytes);
    }
    pqc_sponge_absorb(sponge, message->message, message->message_bytes);
    pqc_sponge_result(sponge, mu, 64);
}

/* Everything but the rows; how many of those there is room for decides the speed. */
typedef struct {
    pqc_sponge sponge;
    pqc_keccak_state scratch;
    dsa_key key;
    uint8_t s2[DSA_ETA_POLY_BYTES];
    dsa_poly v; /* a column of s1 transformed, then a row of t */
    dsa_packed row[1];
} keypair_ws;

#define KEYPAIR_FAST_WS (sizeof(keypair_ws) + (DSA_K - 1) * sizeof(dsa_packed))
_Static_assert(sizeof(keypair_ws) <= PQC_DSA_KEYPAIR_WS_BYTES, "workspace");
_Static_assert(KEYPAIR_FAST_WS <= PQC_DSA_KEYPAIR_FAST_WS_BYTES, "workspace");

/* row[0 .. rows-1] = A s1, transformed, for the rows from `first`. */
PQC_COLD static void multiply_rows(keypair_ws *w, unsigned first, unsigned rows)
{
    memset(w->row, 0, rows * sizeof(dsa_packed));
    for (unsigned j = 0; j < DSA_L; j++) {
        pqc_dsa_unpack_secret(&w->v, w->key.s1 + DSA_ETA_POLY_BYTES * j);
        pqc_dsa_column_mul_add(w->row, rows, &w->v, &w->sponge, w->key.rho, first, j);
    }
}

PQC_COLD static PQC_NOINLINE void keypair(uint8_t *public_key, const uint8_t *seed, keypair_ws *w,
                                          unsigned rows)
{
    w->sponge.scratch = &w->scratch;
    pqc_dsa_key_begin(&w->key, &w->sponge, seed);
    memcpy(public_key, w->key.rho, sizeof w->key.rho);
    public_key += sizeof w->key.rho;
    for (unsigned first = 0; first < DSA_K; first += rows) {
        multiply_rows(w, first, rows);
        for (unsigned i = 0; i < rows; i++) {
            pqc_dsa_sample_secret(w->s2, &w->sponge, w->key.mu, DSA_L + first + i);
            pqc_dsa_key_row(&w->v, &w->row[i], w->s2);
            pqc_dsa_pack_t1(public_key, &w->v);
            public_key += DSA_T1_POLY_BYTES;
        }
    }
}

PQC_COLD int pqc_dsa_keypair(uint8_t public_key[PQC_DSA_PUBLIC_BYTES],
                             const uint8_t seed[PQC_DSA_SEED_BYTES], void *ws, size_t ws_bytes)
{
    int fast = ws_bytes >= KEYPAIR_FAST_WS;
    int status = pqc_check_workspace(ws, ws_bytes, sizeof(keypair_ws));

    if (status != PQC_OK) {
        memset(public_key, 0, PQC_DSA_PUBLIC_BYTES);
        return status;
    }
    keypair(public_key, seed, ws, fast ? DSA_K : 1);
    pqc_clean(ws, fast ? KEYPAIR_FAST_WS : sizeof(keypair_ws), STACK_BYTES);
    return PQC_OK;
}
