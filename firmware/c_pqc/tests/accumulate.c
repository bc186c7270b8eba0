/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * accumulate.c - see accumulate.h. Needs no file, no clock, no division and no libc
 * beyond memcpy and its kin, so it runs wherever the code does: hosts with sanitizers,
 * big-endian emulators, the cycle model, boards. tests/unit/c_pqc/test_builds.py
 * computes the same digest in Python and says what each step is.
 */
#include <string.h>

#include "accumulate.h"

/* digest = SHA3-256(digest || SHA3-256(data)) */
static void add(uint8_t digest[32], const uint8_t *data, size_t bytes)
{
    uint8_t both[64];
    memcpy(both, digest, 32);
    pqc_sha3_256(both + 32, data, bytes);
    pqc_sha3_256(digest, both, sizeof both);
}

/* `bytes` bytes that depend on the round and on what they are for. */
static void make(uint8_t *out, size_t bytes, unsigned round, char purpose)
{
    const uint8_t label[2] = {(uint8_t)round, (uint8_t)purpose};
    pqc_shake256(out, bytes, label, sizeof label);
}

static int all_zero(const uint8_t *data, size_t bytes)
{
    uint8_t any = 0;
    for (size_t i = 0; i < bytes; i++) {
        any |= data[i];
    }
    return any == 0;
}

#define CHECK(condition)     \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

#define WORKSPACE b->workspace, b->workspace_bytes

static int add_kem(uint8_t digest[32], unsigned round, const accumulate_buffers *b)
{
    make(b->seed, 64, round, 's');
    make(b->coins, 32, round, 'c');
    CHECK(pqc_kem_keypair(b->ek, b->seed, WORKSPACE) == PQC_OK);
    add(digest, b->ek, PQC_KEM_PUBLIC_BYTES);
    CHECK(pqc_kem_expand(b->dk, b->seed, WORKSPACE) == PQC_OK);
    add(digest, b->dk, PQC_KEM_EXPANDED_BYTES);
    CHECK(pqc_kem_encapsulate(b->ct, b->ss, b->ek, b->coins, WORKSPACE) == PQC_OK);
    CHECK(all_zero(b->workspace, PQC_KEM_ENCAPSULATE_WS_BYTES - 64));
    add(digest, b->ct, PQC_KEM_CIPHERTEXT_BYTES);
    add(digest, b->ss, 32);
    CHECK(pqc_kem_decapsulate(b->ss, b->seed, b->ct, WORKSPACE) == PQC_OK);
    add(digest, b->ss, 32);
    b->ct[(round * 97) & 1023] ^= 1;
    CHECK(pqc_kem_decapsulate_expanded(b->ss, b->dk, b->ct, WORKSPACE) == PQC_OK);
    add(digest, b->ss, 32);
    b->dk[2400 - 33] ^= 1;
    CHECK(pqc_kem_decapsulate_expanded(b->ss, b->dk, b->ct, WORKSPACE) == PQC_ERR_BAD_KEY);
    CHECK(all_zero(b->ss, 32));
    b->ek[0] = b->ek[1] = 0xff;
    CHECK(pqc_kem_encapsulate(b->ct, b->ss, b->ek, b->coins, WORKSPACE) == PQC_ERR_BAD_KEY);
    CHECK(all_zero(b->ct, PQC_KEM_CIPHERTEXT_BYTES) && all_zero(b->ss, 32));
    return 0;
}

static int add_dsa(uint8_t digest[32], unsigned round, const accumulate_buffers *b)
{
    const size_t bytes = (round * 37) & 127;
    make(b->seed, 32, round, 'S');
    make(b->coins, 32, round, 'r');
    make(b->text, bytes, round, 'm');
    CHECK(pqc_dsa_keypair(b->pk, b->seed, WORKSPACE) == PQC_OK);
    add(digest, b->pk, PQC_DSA_PUBLIC_BYTES);
    CHECK(pqc_dsa_sign(b->sig, b->seed, b->text, bytes, b->coins, (round & 31), b->coins, NULL,
                       WORKSPACE) == PQC_OK);
    add(digest, b->sig, PQC_DSA_SIGNATURE_BYTES);
    CHECK(pqc_dsa_verify(b->pk, b->text, bytes, b->coins, (round & 31), b->sig, WORKSPACE) ==
          PQC_OK);
    b->sig[(round * 1009) & 2047] ^= 0x10;
    CHECK(pqc_dsa_verify(b->pk, b->text, bytes, b->coins, (round & 31), b->sig, WORKSPACE) ==
          PQC_ERR_BAD_SIGNATURE);
    return 0;
}

static int add_symmetric(uint8_t digest[32], unsigned round, const accumulate_buffers *b)
{
    const size_t bytes = (round * 53) & 127;
    static const uint8_t tags[8] = {4, 6, 8, 10, 12, 14, 16, 8};
    const size_t tag = tags[round & 7];
    make(b->seed, 64, round, 'k');
    make(b->text, bytes, round, 't');
    pqc_sha256(b->ss, b->text, bytes);
    add(digest, b->ss, 32);
    pqc_shake128(b->sealed, bytes, b->text, bytes / 2);
    add(digest, b->sealed, bytes);
    pqc_hkdf_extract(b->ss, b->seed, (round & 63), b->text, bytes);
    add(digest, b->ss, 32);
    CHECK(pqc_hkdf_expand(b->sealed, bytes, b->ss, b->seed, (round & 63)) == PQC_OK);
    add(digest, b->sealed, bytes);
    CHECK(pqc_ccm_seal(b->sealed, b->seed, b->seed + 32, b->seed, (round & 63), b->text, bytes,
                       tag) == PQC_OK);
    add(digest, b->sealed, bytes + tag);
    CHECK(pqc_ccm_open(b->text, b->seed, b->seed + 32, b->seed, (round & 63), b->sealed,
                       bytes + tag, tag) == PQC_OK);
    add(digest, b->text, bytes);
    b->sealed[round & 3] ^= 2;
    CHECK(pqc_ccm_open(b->text, b->seed, b->seed + 32, b->seed, (round & 63), b->sealed,
                       bytes + tag, tag) == PQC_ERR_BAD_TAG);
    CHECK(all_zero(b->text, bytes));
    return 0;
}

int accumulate(uint8_t digest[32], unsigned rounds, const accumulate_buffers *b)
{
    int failed = 0;
    memset(digest, 0, 32);
    for (unsigned round = 0; failed == 0 && round < rounds; round++) {
        failed = add_kem(digest, round, b);
        if (failed == 0) {
            failed = add_dsa(digest, round, b);
        }
        if (failed == 0) {
            failed = add_symmetric(digest, round, b);
        }
    }
    return failed;
}
