/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kem.c - ML-KEM-768 (FIPS 203).
 *
 * Memory is four polynomials and one sponge: s (or y) stays in the workspace,
 * one row of the matrix product is made, finished and packed at a time, the
 * matrix itself comes coefficient by coefficient from its XOF, and the
 * re-encryption of decapsulation is compared where it arises.
 */
#include "kem_internal.h"

/* (-2^32)^-1 mod q, centred: noise scaled by it joins a sum of pqc_poly16_mul_add() products. */
#define UNDO_FACTOR 1400

_Static_assert(sizeof(kem_ws) <= PQC_KEM_KEYPAIR_WS_BYTES, "pqc.h states too little");
_Static_assert(sizeof(kem_ws) <= PQC_KEM_EXPAND_WS_BYTES, "pqc.h states too little");
_Static_assert(sizeof(kem_ws) <= PQC_KEM_ENCAPSULATE_WS_BYTES, "pqc.h states too little");
_Static_assert(sizeof(kem_ws) <= PQC_KEM_DECAPSULATE_EXPANDED_WS_BYTES, "pqc.h states too little");
_Static_assert(PQC_KEM_EXPANDED_BYTES % PQC_WS_ALIGN == 0, "the key in front keeps alignment");

/* What a call leaves below its own frame, at most; with PQC_SMALL Keccak's columns lie there, too. */
#if defined(PQC_SMALL) && defined(__thumb__) && !defined(__thumb2__)
#define STACK_BYTES  320
#define STACK_OPENED 336
#else
#define STACK_BYTES  304
#define STACK_OPENED STACK_BYTES /* by decapsulation */
#endif

PQC_COLD static void hash_256(kem_ws *ws, uint8_t out[32], const uint8_t *data, size_t bytes)
{
    ws->sponge.scratch = &ws->scratch;
    pqc_sponge_init(&ws->sponge, PQC_SHA3_256);
    pqc_sponge_absorb(&ws->sponge, data, bytes);
    pqc_sponge_result(&ws->sponge, out, 32);
}

/* ws->pair = G(first || second), FIPS 203 section 4.1 */
PQC_COLD static void hash_512(kem_ws *ws, const uint8_t first[32], const uint8_t *second,
                              size_t second_bytes)
{
    ws->sponge.scratch = &ws->scratch;
    pqc_sponge_init(&ws->sponge, PQC_SHA3_512);
    pqc_sponge_absorb(&ws->sponge, first, 32);
    pqc_sponge_absorb(&ws->sponge, second, second_bytes);
    pqc_sponge_result(&ws->sponge, ws->pair, 64);
}

/* s = NTT(noise), optionally packed into an expanded key. */
PQC_COLD static void make_vector(kem_ws *ws, const uint8_t key[32], uint8_t *packed)
{
    memset(ws->vector, 0, sizeof ws->vector);
    for (uint8_t i = 0; i < KEM_K; i++) {
        pqc_kem_add_noise(ws, &ws->vector[i], key, i, 1);
        pqc_poly16_ntt(&ws->vector[i]);
        if (packed != NULL) {
            pqc_kem_pack12(packed + i * KEM_POLY_BYTES, &ws->vector[i], PQC_CONST_ONE);
        }
    }
}

/* FIPS 203 algorithm 13, K-PKE.KeyGen; `s_packed` may be NULL. */
PQC_COLD PQC_NOINLINE static void generate(kem_ws *ws, uint8_t *public_key, uint8_t *s_packed,
                                           const uint8_t d[32])
{
    uint8_t *rho = ws->pair;
    uint8_t *sigma = ws->pair + 32;
    const uint8_t rank = KEM_K;
    hash_512(ws, d, &rank, 1);
    PQC_DECLASSIFY(rho, 32); /* part of the public key */
    make_vector(ws, sigma, s_packed);
    for (uint8_t i = 0; i < KEM_K; i++) {
        memset(&ws->sum, 0, sizeof ws->sum);
        pqc_kem_add_noise(ws, &ws->sum, sigma, (uint8_t)(KEM_K + i), UNDO_FACTOR);
        pqc_poly16_ntt(&ws->sum);
        for (uint8_t j = 0; j < KEM_K; j++) {
            pqc_kem_add_matrix_product(ws, &ws->vector[j], rho, j, i);
        }
        pqc_kem_pack12(public_key + i * KEM_POLY_BYTES, &ws->sum, PQC_CONST_FACTOR);
    }
    memcpy(public_key + KEM_T_BYTES, rho, 32);
}

/* FIPS 203 algorithm 16 as far as the expanded key: s || ek || H(ek) || z. */
PQC_COLD static void expand(kem_ws *ws, uint8_t *expanded, const uint8_t seed[PQC_KEM_SEED_BYTES])
{
    uint8_t *public_key = expanded + KEM_T_BYTES;
    uint8_t *hash = public_key + PQC_KEM_PUBLIC_BYTES;
    generate(ws, public_key, expanded, seed);
    hash_256(ws, hash, public_key, PQC_KEM_PUBLIC_BYTES);
    memcpy(hash + 32, seed + 32, 32);
}

/*
 * (K, r) = G(message || hash), then FIPS 203 algorithm 14, K-PKE.Encrypt. The
 * ciphertext is written, or compared when `ciphertext` is NULL; 0 means equal.
 */
PQC_COLD PQC_NOINLINE static uint32_t encrypt(kem_ws *ws, uint8_t *ciphertext,
                                              const uint8_t *expected, const uint8_t *public_key,
                                              const uint8_t message[32], const uint8_t hash[32])
{
    const uint8_t *rho = public_key + KEM_T_BYTES;
    const uint8_t *coins = ws->pair + 32;
    uint32_t difference = 0;
    hash_512(ws, message, hash, 32);
    make_vector(ws, coins, NULL);
    for (uint8_t i = 0; i <= KEM_K; i++) {
        size_t offset = (size_t)i * KEM_U_BYTES;
        uint8_t *out = ciphertext == NULL ? NULL : ciphertext + offset;
        const uint8_t *compare = expected == NULL ? NULL : expected + offset;
        memset(&ws->sum, 0, sizeof ws->sum);
        for (uint8_t j = 0; j < KEM_K; j++) {
            if (i < KEM_K) {
                pqc_kem_add_matrix_product(ws, &ws->vector[j], rho, i, j);
            } else {
                pqc_kem_add_packed_product(ws, &ws->vector[j], public_key + j * KEM_POLY_BYTES);
            }
        }
        pqc_poly16_invntt(&ws->sum);
        pqc_kem_add_noise(ws, &ws->sum, coins, (uint8_t)(KEM_K + i), 1);
        if (i < KEM_K) {
            difference |= pqc_kem_compress10(out, compare, &ws->sum);
        } else {
            pqc_kem_add_message(&ws->sum, message);
            difference |= pqc_kem_compress4(out, compare, &ws->sum);
        }
    }
    return difference;
}

/* FIPS 203 algorithm 15, K-PKE.Decrypt, into ws->message. */
PQC_COLD PQC_NOINLINE static void decrypt(kem_ws *ws, const uint8_t *s_packed,
                                          const uint8_t *ciphertext)
{
    pqc_poly16 *u = &ws->vector[0];
    memset(&ws->sum, 0, sizeof ws->sum);
    for (unsigned i = 0; i < KEM_K; i++) {
        pqc_kem_decompress10(u, ciphertext + i * KEM_U_BYTES);
        pqc_poly16_ntt(u);
        pqc_kem_add_packed_product(ws, u, s_packed + i * KEM_POLY_BYTES);
    }
    pqc_poly16_invntt(&ws->sum);
    pqc_kem_decode_message(ws->message, ciphertext + KEM_K * KEM_U_BYTES, &ws->sum);
}

/* FIPS 203 algorithm 18 with an expanded key already known to be sound. */
PQC_COLD PQC_NOINLINE static void decapsulate(kem_ws *ws, uint8_t *shared, const uint8_t *expanded,
                                              const uint8_t *ciphertext)
{
    const uint8_t *public_key = expanded + KEM_T_BYTES;
    const uint8_t *hash = public_key + PQC_KEM_PUBLIC_BYTES;
    decrypt(ws, expanded, ciphertext);
    uint32_t differs = encrypt(ws, NULL, ciphertext, public_key, ws->message, hash);
    uint32_t reject = pqc_mask_nonzero(differs);
    pqc_shake256_start(&ws->sponge, hash + 32, 32);
    pqc_sponge_absorb(&ws->sponge, ciphertext, PQC_KEM_CIPHERTEXT_BYTES);
    pqc_sponge_result(&ws->sponge, ws->message, 32);
    for (unsigned i = 0; i < 32; i++) {
        shared[i] = (uint8_t)((ws->message[i] & reject) | (ws->pair[i] & ~reject));
    }
}

/* FIPS 203 section 7.3, and the ranges that a key made by expand() keeps. */
PQC_COLD PQC_NOINLINE static int check_expanded(kem_ws *ws, const uint8_t *expanded)
{
    const uint8_t *public_key = expanded + KEM_T_BYTES;
    uint32_t bad = pqc_kem_out_of_range(expanded, 2 * KEM_T_BYTES); /* s, and t behind it */
    hash_256(ws, ws->message, public_key, PQC_KEM_PUBLIC_BYTES);
    bad |= (uint32_t)pqc_differ(ws->message, public_key + PQC_KEM_PUBLIC_BYTES, 32);
    PQC_DECLASSIFY(&bad, sizeof bad); /* whether a key is sound is not secret */
    return bad != 0 ? PQC_ERR_BAD_KEY : PQC_OK;
}

/* A public key, or an expanded one. Which is public. */
PQC_COLD static int make_key(uint8_t *key, size_t key_bytes, const uint8_t *seed, void *ws,
                             size_t ws_bytes)
{
    int result = pqc_check_workspace(ws, ws_bytes, sizeof(kem_ws));
    if (result != PQC_OK) {
        pqc_wipe(key, key_bytes);
        return result;
    }
    if (key_bytes == PQC_KEM_PUBLIC_BYTES) {
        generate(ws, key, NULL, seed);
    } else {
        expand(ws, key, seed);
    }
    pqc_clean(ws, sizeof(kem_ws), STACK_BYTES);
    return PQC_OK;
}

int pqc_kem_keypair(uint8_t public_key[PQC_KEM_PUBLIC_BYTES],
                    const uint8_t seed[PQC_KEM_SEED_BYTES], void *ws, size_t ws_bytes)
{
    return make_key(public_key, PQC_KEM_PUBLIC_BYTES, seed, ws, ws_bytes);
}

int pqc_kem_expand(uint8_t expanded[PQC_KEM_EXPANDED_BYTES],
                   const uint8_t seed[PQC_KEM_SEED_BYTES], void *ws, size_t ws_bytes)
{
    return make_key(expanded, PQC_KEM_EXPANDED_BYTES, seed, ws, ws_bytes);
}

PQC_COLD int pqc_kem_encapsulate(uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES],
                                 uint8_t shared[PQC_KEM_SHARED_BYTES],
                                 const uint8_t public_key[PQC_KEM_PUBLIC_BYTES],
                                 const uint8_t coins[PQC_KEM_COINS_BYTES], void *ws,
                                 size_t ws_bytes)
{
    kem_ws *w = ws;
    int result = pqc_check_workspace(ws, ws_bytes, sizeof(kem_ws));
    if (result == PQC_OK && pqc_kem_out_of_range(public_key, KEM_T_BYTES) != 0) {
        result = PQC_ERR_BAD_KEY;
    }
    if (result != PQC_OK) {
        pqc_wipe(ciphertext, PQC_KEM_CIPHERTEXT_BYTES);
        pqc_wipe(shared, PQC_KEM_SHARED_BYTES);
        return result;
    }
    hash_256(w, w->message, public_key, PQC_KEM_PUBLIC_BYTES);
    (void)encrypt(w, ciphertext, NULL, public_key, coins, w->message);
    memcpy(shared, w->pair, PQC_KEM_SHARED_BYTES);
    pqc_clean(ws, sizeof(kem_ws), STACK_BYTES);
    return PQC_OK;
}

PQC_COLD int pqc_kem_decapsulate(uint8_t shared[PQC_KEM_SHARED_BYTES],
                                 const uint8_t seed[PQC_KEM_SEED_BYTES],
                                 const uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES], void *ws,
                                 size_t ws_bytes)
{
    const size_t need = PQC_KEM_EXPANDED_BYTES + sizeof(kem_ws);
    int result = pqc_check_workspace(ws, ws_bytes, need);
    if (result != PQC_OK) {
        pqc_wipe(shared, PQC_KEM_SHARED_BYTES);
        return result;
    }
    uint8_t *expanded = ws;
    kem_ws *rest = (kem_ws *)(void *)(expanded + PQC_KEM_EXPANDED_BYTES);
    expand(rest, expanded, seed);
    decapsulate(rest, shared, expanded, ciphertext);
    pqc_clean(ws, need, STACK_OPENED);
    return PQC_OK;
}

PQC_COLD int pqc_kem_decapsulate_expanded(uint8_t shared[PQC_KEM_SHARED_BYTES],
                                          const uint8_t expanded[PQC_KEM_EXPANDED_BYTES],
                                          const uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES],
                                          void *ws, size_t ws_bytes)
{
    int result = pqc_check_workspace(ws, ws_bytes, sizeof(kem_ws));
    if (result != PQC_OK) {
        pqc_wipe(shared, PQC_KEM_SHARED_BYTES);
        return result;
    }
    result = check_expanded(ws, expanded);
    if (result == PQC_OK) {
        decapsulate(ws, shared, expanded, ciphertext);
    } else {
        pqc_wipe(shared, PQC_KEM_SHARED_BYTES);
    }
    pqc_clean(ws, sizeof(kem_ws), STACK_OPENED);
    return result;
}
