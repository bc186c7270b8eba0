/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_trace.c - the parts of signing that touch secrets, each callable alone, so that
 * their execution on a target can be compared between secrets. rho, the nonce and the
 * challenge are public and fixed; everything else in `secret` differs.
 *
 * The parts stop early only where a check fails. The inputs are made so that none
 * does: the caller discards a run that returned anything but 0.
 */
#include "../src/dsa_sign.c"

#define SECRET_BYTES (64 + DSA_S1_BYTES + DSA_S2_BYTES + DSA_T0_BYTES)

static void fill_key(dsa_sign_ws *w, const uint8_t *secret)
{
    memset(w, 0, sizeof *w);
    w->sponge.scratch = &w->scratch;
    for (unsigned i = 0; i < 32; i++) {
        w->key.rho[i] = (uint8_t)i;
    }
    memcpy(w->key.mask_seed, secret, 64);
    memcpy(w->key.s1, secret + 64, DSA_S1_BYTES);
    memset(w->challenge, 7, sizeof w->challenge);
    pqc_dsa_sample_ball(&w->ball, w->u.bytes, &w->sponge, w->challenge);
}

static dsa_borrowed fill_rest(uint8_t *room, const uint8_t *secret)
{
    dsa_borrowed b = dsa_borrow(room);
    memcpy(b.s2, secret + 64 + DSA_S1_BYTES, DSA_S2_BYTES);
    memcpy(b.t0, secret + 64 + DSA_S1_BYTES + DSA_S2_BYTES, DSA_T0_BYTES);
    return b;
}

/* Not traced: bring `w` and `room` into the state in which a part begins. */
int trace_prepare(dsa_sign_ws *w, uint8_t *room, const uint8_t *secret)
{
    fill_key(w, secret);
    (void)fill_rest(room, secret);
    for (unsigned i = 0; i < DSA_K; i++) { /* low bits small enough for every check */
        for (unsigned n = 0; n < DSA_N; n++) {
            int32_t low = secret[64 + (i * DSA_N + n) % (SECRET_BYTES - 64)] - 128;
            dsa_packed_put(&w->w[i], n, 2 * low + 1);
        }
    }
    return 0;
}

int trace_expand_rows(dsa_sign_ws *w, uint8_t *room)
{
    dsa_borrowed b = dsa_borrow(room);
    pqc_dsa_expand_rows(w, &b, 0);
    return 0;
}

int trace_seed_mask(dsa_sign_ws *w, uint8_t *room)
{
    seed_mask(w, room);
    return 0;
}

int trace_commit(dsa_sign_ws *w, uint8_t *room)
{
    (void)room;
    commit(w, 0, 0);
    return 0;
}

int trace_respond(dsa_sign_ws *w, uint8_t *room)
{
    (void)room;
    return respond(w, NULL, 0, 0) != 0;
}

int trace_check_low_bits(dsa_sign_ws *w, uint8_t *room)
{
    dsa_borrowed b = dsa_borrow(room);
    return check_low_bits(w, &b) != 0;
}

/* Hints are part of the signature; here none is needed. */
int trace_make_hint(dsa_sign_ws *w, uint8_t *room)
{
    dsa_borrowed b = dsa_borrow(room);
    return make_hint(w, &b) != 0 || w->hint[DSA_OMEGA + DSA_K - 1] != 0;
}
