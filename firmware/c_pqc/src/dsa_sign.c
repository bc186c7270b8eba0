/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_sign.c - signing, FIPS 204 algorithms 2 and 7.
 *
 * Six rows of w in 24 bits, s1, and one polynomial are all the memory there is. So
 * the buffer that the signature will be written to holds t0 and s2 until then; y is
 * sampled a second time when z is made, and z is packed only after every check has
 * passed. With room for A (30 packed polynomials) A is sampled once a signature,
 * else once an attempt.
 *
 * The order of the checks is the cheapest first: z, then r0, then c t0 and the
 * number of hints. Which of them failed shows in the running time; it depends on
 * values that are independent of the key (FIPS 204 section 3.6.3 and its references).
 */
#include "dsa_field.h"
#include "dsa_sign.h"

#define STACK_BYTES 480 /* what a call leaves below its own frame, at most */

#define ATTEMPTS_MAX 814 /* FIPS 204 appendix C: more have a chance below 2^-256 */

/* key.mask_seed = rho'' = H(K || random || mu), K being there; algorithm 7, line 7 */
PQC_COLD static void seed_mask(dsa_sign_ws *w, const uint8_t *random)
{
    pqc_shake256_start(&w->sponge, w->key.mask_seed, 32);
    pqc_sponge_absorb(&w->sponge, random, PQC_DSA_RANDOM_BYTES);
    pqc_sponge_absorb(&w->sponge, w->key.mu, sizeof w->key.mu);
    pqc_sponge_result(&w->sponge, w->key.mask_seed, sizeof w->key.mask_seed);
}

/* Polynomial j of y in the attempt that began with `nonce`. */
static dsa_mask mask_of(dsa_sign_ws *w, unsigned nonce, unsigned j, int cached)
{
    dsa_cached_ws *cache = dsa_cache_of(w, cached);
    dsa_mask mask = {w->key.mask_seed, nonce + j, NULL};

    if (cache != NULL && j < DSA_STORED_MASKS) {
        mask.stored = cache->mask[j];
    }
    return mask;
}

/*
 * Replace u.poly, a row of w, by its high bits packed, and keep its low bits in w[i]:
 * twice their value, plus 1 where the high bits are not 0.
 */
static void split_row(dsa_sign_ws *w, unsigned i)
{
    int32_t before = 0;

    for (unsigned n = 0; n < DSA_N; n++) {
        int32_t low, high = dsa_decompose(&low, w->u.poly.c[n]);
        dsa_packed_put(&w->w[i], n, 2 * low + ((high + 15) >> 4));
        if (n % 2 != 0) {
            w->u.bytes[n / 2] = (uint8_t)(before | high << 4);
        }
        before = high;
    }
}

/* w = A y, and challenge = H(mu || w1); lines 11 to 15 */
static PQC_NOINLINE void commit(dsa_sign_ws *w, unsigned nonce, int cached)
{
    memset(w->w, 0, sizeof w->w);
    for (unsigned j = 0; j < DSA_L; j++) {
        dsa_mask mask = mask_of(w, nonce, j, cached);
        pqc_dsa_sample_mask(&w->u.poly, &w->sponge, &mask);
        pqc_dsa_multiply_column(w, j, cached);
    }

    pqc_shake256_start(&w->sponge, w->key.mu, sizeof w->key.mu);
    for (unsigned i = 0; i < DSA_K; i++) {
        pqc_dsa_packed_invntt(&w->u.poly, &w->w[i]);
        split_row(w, i);
        pqc_sponge_absorb(&w->sponge, w->u.bytes, DSA_W1_POLY_BYTES);
    }
    pqc_sponge_result(&w->sponge, w->challenge, sizeof w->challenge);
}

/* z = y + c s1, packed when `z` is not NULL. All ones when it must be rejected. */
PQC_COLD static PQC_NOINLINE uint32_t respond(dsa_sign_ws *w, uint8_t *z, unsigned nonce,
                                              int cached)
{
    uint32_t reject = 0;

    for (unsigned j = 0; j < DSA_L && !reject; j++) {
        dsa_mask mask = mask_of(w, nonce, j, cached);
        pqc_dsa_product_small(&w->u.product, &w->ball, w->key.s1 + DSA_ETA_POLY_BYTES * j);
        reject = pqc_dsa_sample_response(z, &w->u.product, &w->sponge, &mask);
        PQC_DECLASSIFY(&reject, sizeof reject);
        if (z != NULL) {
            z += DSA_Z_POLY_BYTES;
        }
    }
    return reject;
}

/* Negative exactly when |a| >= bound. */
PQC_INLINE int32_t excess(int32_t a, int32_t bound)
{
    return bound - 1 - ((a ^ (a >> 31)) - (a >> 31));
}

/*
 * Subtract c s2 from the low bits; all ones when they become too large. As long as
 * they are not, the high bits stay what they were, and so does the mark beside them.
 */
static PQC_NOINLINE uint32_t check_low_bits(dsa_sign_ws *w, const dsa_borrowed *b)
{
    uint32_t reject = 0;

    for (unsigned i = 0; i < DSA_K && !reject; i++) {
        int32_t seen = 0;
        pqc_dsa_product_small(&w->u.product, &w->ball, b->s2 + DSA_ETA_POLY_BYTES * i);
        for (unsigned n = 0; n < DSA_N; n++) {
            int32_t r = dsa_packed_get(&w->w[i], n) - 2 * dsa_product_get(&w->u.product, n);
            seen |= excess(r >> 1, DSA_GAMMA2 - DSA_BETA);
            dsa_packed_put(&w->w[i], n, r);
        }
        reject = pqc_mask_negative(seen);
        PQC_DECLASSIFY(&reject, sizeof reject);
    }
    return reject;
}

/*
 * MakeHint, algorithm 39: do the low bits, once c t0 is added, leave their range? It
 * is (-gamma2, gamma2], and for the high bits 0 also -gamma2.
 */
PQC_INLINE uint32_t needs_hint(int32_t low, uint32_t high_not_zero)
{
    uint32_t above = (uint32_t)(DSA_GAMMA2 - low) >> 31;
    uint32_t below = (uint32_t)(DSA_GAMMA2 + low) >> 31;
    uint32_t edge = ~pqc_mask_nonzero((uint32_t)(DSA_GAMMA2 + low)) & high_not_zero;
    return above | below | edge;
}

#define REJECTED 0xFFFFu

/* The hints of one row, appended at `count`: the new count, or REJECTED. */
static unsigned hint_row(dsa_sign_ws *w, unsigned i, unsigned count)
{
    for (unsigned first = 0; first < DSA_N; first += 8) {
        int32_t ct0[8], seen = 0;
        pqc_dsa_product_wide(ct0, &w->u.product, &w->ball, first);
        for (unsigned k = 0; k < 8; k++) {
            int32_t r = dsa_packed_get(&w->w[i], first + k);
            uint32_t hint = needs_hint((r >> 1) + ct0[k], (uint32_t)r & 1);
            seen |= excess(ct0[k], DSA_GAMMA2);
            PQC_DECLASSIFY(&hint, sizeof hint); /* part of the signature */
            if (hint) {
                if (count == DSA_OMEGA) {
                    return REJECTED;
                }
                w->hint[count++] = (uint8_t)(first + k);
            }
        }
        PQC_DECLASSIFY(&seen, sizeof seen);
        if (seen < 0) {
            return REJECTED;
        }
    }
    return count;
}

static PQC_NOINLINE uint32_t make_hint(dsa_sign_ws *w, const dsa_borrowed *b)
{
    unsigned count = 0;

    memset(w->hint, 0, sizeof w->hint);
    for (unsigned i = 0; i < DSA_K; i++) {
        pqc_dsa_product_load(&w->u.product, b->t0 + DSA_T0_POLY_BYTES * i);
        count = hint_row(w, i, count);
        if (count == REJECTED) {
            return 1;
        }
        w->hint[DSA_OMEGA + i] = (uint8_t)count;
    }
    return 0;
}

/* The loop of algorithm 7. key.mask_seed is rho'', key.mu is mu. */
PQC_COLD static int attempt(uint8_t *signature, dsa_sign_ws *w, const dsa_borrowed *b,
                            const pqc_dsa_options *options, int cached)
{
    for (unsigned tried = 0; tried < ATTEMPTS_MAX; tried++) {
        unsigned nonce = DSA_L * tried;
        if (options != NULL && options->poll != NULL && options->poll(options->arg) != 0) {
            return PQC_ERR_STOPPED;
        }
        commit(w, nonce, cached);
        PQC_DECLASSIFY(w->challenge, sizeof w->challenge); /* see pqc_dsa_sample_ball() */
        pqc_dsa_sample_ball(&w->ball, w->u.bytes, &w->sponge, w->challenge);
        if (respond(w, NULL, nonce, cached) || check_low_bits(w, b) || make_hint(w, b)) {
            continue;
        }
        memcpy(signature, w->challenge, DSA_LAMBDA_BYTES); /* t0 and s2 end here */
        (void)respond(w, signature + DSA_LAMBDA_BYTES, nonce, cached);
        PQC_DECLASSIFY(signature, PQC_DSA_SIGNATURE_BYTES);
        memcpy(signature + DSA_LAMBDA_BYTES + DSA_Z_BYTES, w->hint, DSA_HINT_BYTES);
#ifdef PQC_TEST_FAULT
        signature[DSA_LAMBDA_BYTES] ^= 1; /* what a glitch might do; never in a product */
#endif
        return PQC_OK;
    }
    return PQC_ERR_FAULT;
}

/* Generate the key anew and verify, with nothing taken over but the seed and mu. */
PQC_COLD static PQC_NOINLINE int check_own(const uint8_t *signature, const uint8_t *seed,
                                           dsa_sign_ws *w)
{
    struct {
        uint8_t mu[64];
        uint8_t public_key[PQC_DSA_PUBLIC_BYTES];
    } *kept = (void *)w;
    uint8_t *rest = (uint8_t *)w + sizeof *kept;
    size_t rest_bytes = sizeof *w - sizeof *kept;
    uint8_t mu[64];

    _Static_assert(sizeof *kept % PQC_WS_ALIGN == 0, "alignment");
    memcpy(mu, w->key.mu, sizeof mu);
    memcpy(kept->mu, mu, sizeof mu);
    PQC_DECLASSIFY(kept->mu, sizeof kept->mu);
    int status = pqc_dsa_keypair(kept->public_key, seed, rest, rest_bytes);
    PQC_DECLASSIFY(kept->public_key, sizeof kept->public_key);
    if (status == PQC_OK) {
        status = pqc_dsa_verify_mu(kept->public_key, kept->mu, signature, rest, rest_bytes);
    }
    return status == PQC_OK ? PQC_OK : PQC_ERR_FAULT;
}

PQC_COLD static PQC_NOINLINE int sign(uint8_t *signature, const dsa_private *key,
                                      const dsa_message *message, const uint8_t *random,
                                      const pqc_dsa_options *options, dsa_sign_ws *w, int cached)
{
    dsa_borrowed b = dsa_borrow(signature);

    w->sponge.scratch = &w->scratch;
    pqc_dsa_load_key(w, &b, key, cached);
    pqc_dsa_message_hash(w->key.mu, w->key.mu, &w->sponge, message);
    seed_mask(w, random);
    int status = attempt(signature, w, &b, options, cached);
    if (status == PQC_OK && options != NULL && options->check && key->seed != NULL) {
        status = check_own(signature, key->seed, w);
    }
    return status;
}

PQC_COLD int pqc_dsa_sign_internal(uint8_t signature[PQC_DSA_SIGNATURE_BYTES],
                                   const dsa_private *key, const dsa_message *message,
                                   const uint8_t random[PQC_DSA_RANDOM_BYTES],
                                   const pqc_dsa_options *options, void *ws, size_t ws_bytes)
{
    int cached = ws_bytes >= sizeof(dsa_cached_ws);
    int status = pqc_check_workspace(ws, ws_bytes, sizeof(dsa_sign_ws));

    if (status == PQC_OK && message->context_bytes > PQC_DSA_CONTEXT_MAX) {
        status = PQC_ERR_BAD_LENGTH;
    } else if (status == PQC_OK) {
        status = sign(signature, key, message, random, options, ws, cached);
        pqc_clean(ws, cached ? offsetof(dsa_cached_ws, matrix) : sizeof(dsa_sign_ws), STACK_BYTES);
    }
    if (status != PQC_OK) {
        pqc_wipe(signature, PQC_DSA_SIGNATURE_BYTES);
    }
    return status;
}

PQC_COLD int pqc_dsa_sign(uint8_t signature[PQC_DSA_SIGNATURE_BYTES],
                          const uint8_t seed[PQC_DSA_SEED_BYTES], const uint8_t *message,
                          size_t message_bytes, const uint8_t *context, size_t context_bytes,
                          const uint8_t random[PQC_DSA_RANDOM_BYTES],
                          const pqc_dsa_options *options, void *ws, size_t ws_bytes)
{
    const dsa_private key = {.seed = seed};
    const dsa_message m = {NULL, message, message_bytes, context, context_bytes, 0};
    return pqc_dsa_sign_internal(signature, &key, &m, random, options, ws, ws_bytes);
}

PQC_COLD int pqc_dsa_sign_mu(uint8_t signature[PQC_DSA_SIGNATURE_BYTES],
                             const uint8_t seed[PQC_DSA_SEED_BYTES],
                             const uint8_t mu[PQC_DSA_MU_BYTES],
                             const uint8_t random[PQC_DSA_RANDOM_BYTES],
                             const pqc_dsa_options *options, void *ws, size_t ws_bytes)
{
    const dsa_private key = {.seed = seed};
    const dsa_message m = {mu, NULL, 0, NULL, 0, 0};
    return pqc_dsa_sign_internal(signature, &key, &m, random, options, ws, ws_bytes);
}
