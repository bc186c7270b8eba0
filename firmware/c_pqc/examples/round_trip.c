/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * round_trip.c - two parties agree on a key, one signs, one seals. A line per primitive on
 * success; exit status 1 and a line that says which, when one of them fails.
 *
 * The seeds here are fixed so that every machine prints the same. In earnest each is fresh
 * from a random number generator made for keys, and used once.
 */
#include <stdio.h>
#include <string.h>

#include "pqc.h"

static _Alignas(PQC_WS_ALIGN) uint8_t ws[PQC_WORKSPACE_BYTES];

static uint8_t public_key[PQC_DSA_PUBLIC_BYTES];
static uint8_t signature[PQC_DSA_SIGNATURE_BYTES];
static uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES];

static void say(const char *primitive, const uint8_t *bytes, size_t count)
{
    printf("%-12s", primitive);
    for (size_t i = 0; i < count; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

static int failed(const char *primitive)
{
    printf("%s failed\n", primitive);
    return 1;
}

/* Both sides of ML-KEM-768; `key` is what they make of the secret that they share. */
static int agree(uint8_t key[PQC_CCM_KEY_BYTES])
{
    static const char label[] = "pqc example";
    uint8_t seed[PQC_KEM_SEED_BYTES], coins[PQC_KEM_COINS_BYTES];
    uint8_t ours[PQC_KEM_SHARED_BYTES], theirs[PQC_KEM_SHARED_BYTES];
    uint8_t prk[PQC_SHA256_BYTES];
    memset(seed, 1, sizeof seed);
    memset(coins, 2, sizeof coins);

    if (pqc_kem_keypair(public_key, seed, ws, sizeof ws) != PQC_OK ||
        pqc_kem_encapsulate(ciphertext, theirs, public_key, coins, ws, sizeof ws) != PQC_OK ||
        pqc_kem_decapsulate(ours, seed, ciphertext, ws, sizeof ws) != PQC_OK ||
        pqc_differ(ours, theirs, sizeof ours) != 0) {
        return failed("ML-KEM-768");
    }
    say("ML-KEM-768", ours, sizeof ours);

    pqc_hkdf_extract(prk, NULL, 0, ours, sizeof ours);
    if (pqc_hkdf_expand(key, PQC_CCM_KEY_BYTES, prk, (const uint8_t *)label, sizeof label - 1) !=
        PQC_OK) {
        return failed("HKDF");
    }
    say("HKDF", key, PQC_CCM_KEY_BYTES);
    pqc_wipe(ours, sizeof ours);
    pqc_wipe(theirs, sizeof theirs);
    pqc_wipe(prk, sizeof prk);
    return 0;
}

/* Sign the ciphertext, check it, and see that a changed one is refused. */
static int sign(void)
{
    static const uint8_t context[] = {'e', 'x'};
    uint8_t seed[PQC_DSA_SEED_BYTES], random[PQC_DSA_RANDOM_BYTES], digest[PQC_SHA256_BYTES];
    memset(seed, 3, sizeof seed);
    memset(random, 4, sizeof random);

    if (pqc_dsa_keypair(public_key, seed, ws, sizeof ws) != PQC_OK ||
        pqc_dsa_sign(signature, seed, ciphertext, sizeof ciphertext, context, sizeof context,
                     random, NULL, ws, sizeof ws) != PQC_OK ||
        pqc_dsa_verify(public_key, ciphertext, sizeof ciphertext, context, sizeof context,
                       signature, ws, sizeof ws) != PQC_OK) {
        return failed("ML-DSA-65");
    }
    pqc_sha256(digest, signature, sizeof signature);
    ciphertext[0] ^= 1;
    if (pqc_dsa_verify(public_key, ciphertext, sizeof ciphertext, context, sizeof context,
                       signature, ws, sizeof ws) != PQC_ERR_BAD_SIGNATURE) {
        return failed("ML-DSA-65");
    }
    say("ML-DSA-65", digest, sizeof digest);
    return 0;
}

/* Seal a reading, open it, and see that a changed one is refused. */
static int seal(const uint8_t key[PQC_CCM_KEY_BYTES])
{
    static const uint8_t nonce[PQC_CCM_NONCE_BYTES]; /* the first under this key: zero */
    static const uint8_t reading[] = {'2', '1', '.', '5'};
    uint8_t sealed[sizeof reading + 8], opened[sizeof reading];

    if (pqc_ccm_seal(sealed, key, nonce, NULL, 0, reading, sizeof reading, 8) != PQC_OK ||
        pqc_ccm_open(opened, key, nonce, NULL, 0, sealed, sizeof sealed, 8) != PQC_OK ||
        memcmp(opened, reading, sizeof reading) != 0) {
        return failed("AES-256-CCM");
    }
    say("AES-256-CCM", sealed, sizeof sealed);
    sealed[0] ^= 1;
    if (pqc_ccm_open(opened, key, nonce, NULL, 0, sealed, sizeof sealed, 8) != PQC_ERR_BAD_TAG) {
        return failed("AES-256-CCM");
    }
    return 0;
}

int main(void)
{
    uint8_t key[PQC_CCM_KEY_BYTES];
    int status = agree(key) || sign() || seal(key);
    pqc_wipe(key, sizeof key);
    return status;
}
