/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz.c - every function that takes bytes from the network, for libFuzzer. The
 * first byte of an input chooses the function, the rest is its argument, padded
 * with zeroes. Held against, beyond what the sanitizers see: a result is one of
 * those pqc.h names, and an output of a refused call is all zero.
 *
 *   clang -fsanitize=fuzzer,address,undefined -Iinclude src/<all>.c tests/fuzz.c
 */
#include <stdlib.h>
#include <string.h>

#include "../include/pqc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static _Alignas(PQC_WS_ALIGN) uint8_t workspace[PQC_WORKSPACE_BYTES];
static uint8_t output[PQC_KEM_EXPANDED_BYTES];

/* Exactly `wanted` bytes on the heap, where a sanitizer sees the next one. */
static uint8_t *argument(const uint8_t *data, size_t bytes, size_t wanted)
{
    uint8_t *copy = calloc(1, wanted);
    if (copy == NULL) {
        abort();
    }
    if (bytes > 0) {
        memcpy(copy, data, bytes < wanted ? bytes : wanted);
    }
    return copy;
}

static void expect(int result, int refusal, size_t output_bytes)
{
    if (result == PQC_OK) {
        return;
    }
    if (result != refusal) {
        abort();
    }
    for (size_t i = 0; i < output_bytes; i++) {
        if (output[i] != 0) {
            abort();
        }
    }
}

static void try_encapsulate(const uint8_t *data, size_t bytes)
{
    static const uint8_t coins[PQC_KEM_COINS_BYTES] = {1};
    uint8_t *key = argument(data, bytes, PQC_KEM_PUBLIC_BYTES);
    memset(output, 0xff, sizeof output);
    expect(pqc_kem_encapsulate(output, output + PQC_KEM_CIPHERTEXT_BYTES, key, coins, workspace,
                               sizeof workspace),
           PQC_ERR_BAD_KEY, PQC_KEM_CIPHERTEXT_BYTES + PQC_KEM_SHARED_BYTES);
    free(key);
}

static void try_decapsulate(const uint8_t *data, size_t bytes)
{
    static const uint8_t seed[PQC_KEM_SEED_BYTES] = {2};
    uint8_t *ciphertext = argument(data, bytes, PQC_KEM_CIPHERTEXT_BYTES);
    expect(pqc_kem_decapsulate(output, seed, ciphertext, workspace, sizeof workspace), PQC_OK, 0);
    free(ciphertext);
}

static void try_import(const uint8_t *data, size_t bytes)
{
    static const uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES] = {3};
    uint8_t *key = argument(data, bytes, PQC_KEM_EXPANDED_BYTES);
    const size_t public_key = PQC_KEM_EXPANDED_BYTES - 64 - PQC_KEM_PUBLIC_BYTES;
    if (bytes % 2 == 1) { /* get past the hash: it would stop nearly every input */
        pqc_sha3_256(key + public_key + PQC_KEM_PUBLIC_BYTES, key + public_key,
                     PQC_KEM_PUBLIC_BYTES);
    }
    memset(output, 0xff, sizeof output);
    expect(pqc_kem_decapsulate_expanded(output, key, ciphertext, workspace, sizeof workspace),
           PQC_ERR_BAD_KEY, PQC_KEM_SHARED_BYTES);
    free(key);
}

static void try_verify(const uint8_t *data, size_t bytes)
{
    const size_t both = PQC_DSA_SIGNATURE_BYTES + PQC_DSA_PUBLIC_BYTES;
    uint8_t *input = argument(data, bytes, both);
    const size_t message = bytes > both ? bytes - both : 0;
    const size_t context = bytes % 2 == 0 ? 0 : (bytes < 255 ? bytes : PQC_DSA_CONTEXT_MAX);
    expect(pqc_dsa_verify(input + PQC_DSA_SIGNATURE_BYTES, data + bytes - message, message, data,
                          context, input, workspace, sizeof workspace),
           PQC_ERR_BAD_SIGNATURE, 0);
    free(input);
}

static void try_open(const uint8_t *data, size_t bytes)
{
    static const uint8_t key[PQC_CCM_KEY_BYTES] = {4};
    static const size_t tags[4] = {4, 8, 16, 5};
    uint8_t *sealed = argument(data, bytes, bytes + 1);
    const size_t tag = tags[bytes % 4];
    const size_t aad = bytes / 3;
    const size_t text = bytes - aad < tag ? 0 : bytes - aad - tag;
    const int refusal = tag == 5 || bytes - aad < tag ? PQC_ERR_BAD_LENGTH : PQC_ERR_BAD_TAG;
    if (text <= sizeof output) {
        memset(output, 0xff, sizeof output);
        expect(pqc_ccm_open(output, key, key, sealed, aad, sealed + aad, bytes - aad, tag),
               refusal, text);
    }
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static void (*const targets[])(const uint8_t *, size_t) = {
        try_encapsulate, try_decapsulate, try_import, try_verify, try_open,
    };
    if (bytes > 0) {
        targets[data[0] % (sizeof targets / sizeof targets[0])](data + 1, bytes - 1);
    }
    return 0;
}
