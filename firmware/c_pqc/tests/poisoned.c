/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * poisoned.c - ML-KEM-768 and the symmetric part with every secret marked as
 * undefined memory: run under valgrind, it reports each branch and each address
 * that depends on one. Built with poison.h, see there. With LEAK defined it does
 * so once on purpose.
 */
#include <stdio.h>
#include <string.h>

#include "../include/pqc.h"
#include "poison.h"

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition)) {                                               \
            fprintf(stderr, "failed: %s, line %d\n", __FILE__, __LINE__); \
            return 1;                                                     \
        }                                                                 \
    } while (0)

static _Alignas(PQC_WS_ALIGN) uint8_t workspace[PQC_WORKSPACE_BYTES];
static uint8_t seed[PQC_KEM_SEED_BYTES], coins[32], secret[100];
static uint8_t public_key[PQC_KEM_PUBLIC_BYTES], expanded[PQC_KEM_EXPANDED_BYTES];
static uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES], shared[32], ours[32];
static uint8_t sealed[sizeof secret + 16], opened[sizeof secret];

static int equal(uint8_t *a, uint8_t *b, size_t bytes)
{
    int differs = pqc_differ(a, b, bytes);
    PQC_DECLASSIFY(&differs, sizeof differs);
    return differs == 0;
}

static int check_kem(void)
{
    memset(seed, 7, sizeof seed);
    memset(coins, 9, sizeof coins);
    PQC_POISON(seed, sizeof seed);
    PQC_POISON(coins, sizeof coins);
    CHECK(pqc_kem_keypair(public_key, seed, workspace, sizeof workspace) == PQC_OK);
    CHECK(pqc_kem_expand(expanded, seed, workspace, sizeof workspace) == PQC_OK);
    PQC_DECLASSIFY(public_key, sizeof public_key);
    PQC_DECLASSIFY(expanded + 1152, sizeof public_key);
    CHECK(pqc_kem_encapsulate(ciphertext, shared, public_key, coins, workspace,
                              sizeof workspace) == PQC_OK);
    PQC_DECLASSIFY(ciphertext, sizeof ciphertext);
    CHECK(pqc_kem_decapsulate(ours, seed, ciphertext, workspace, sizeof workspace) == PQC_OK);
    CHECK(equal(ours, shared, 32));
    ciphertext[5] ^= 1;
    CHECK(pqc_kem_decapsulate_expanded(ours, expanded, ciphertext, workspace, sizeof workspace) ==
          PQC_OK);
    CHECK(!equal(ours, shared, 32));
    return 0;
}

static int check_symmetric(void)
{
    static const uint8_t nonce[PQC_CCM_NONCE_BYTES] = {1};
    memset(secret, 3, sizeof secret);
    PQC_POISON(secret, sizeof secret);
    pqc_sha256(ours, secret, sizeof secret);
    pqc_sha3_256(ours, secret, sizeof secret);
    pqc_shake256(ours, sizeof ours, secret, sizeof secret);
    pqc_hmac_sha256(ours, secret, sizeof secret, secret, sizeof secret);
    pqc_hkdf_extract(ours, nonce, sizeof nonce, secret, sizeof secret);
    CHECK(pqc_hkdf_expand(opened, sizeof opened, ours, nonce, sizeof nonce) == PQC_OK);
    CHECK(pqc_ccm_seal(sealed, ours, nonce, nonce, sizeof nonce, secret, sizeof secret, 16) ==
          PQC_OK);
    PQC_DECLASSIFY(sealed, sizeof sealed);
    CHECK(pqc_ccm_open(opened, ours, nonce, nonce, sizeof nonce, sealed, sizeof sealed, 16) ==
          PQC_OK);
    CHECK(equal(opened, secret, sizeof secret));
    sealed[1] ^= 1;
    CHECK(pqc_ccm_open(opened, ours, nonce, nonce, sizeof nonce, sealed, sizeof sealed, 16) ==
          PQC_ERR_BAD_TAG);
    return 0;
}

int main(void)
{
#ifdef LEAK
    PQC_POISON(secret, sizeof secret);
    if (memchr(secret, 1, sizeof secret) != NULL) {
        puts("a branch that depends on a secret");
    }
#endif
    return check_kem() != 0 || check_symmetric() != 0;
}
