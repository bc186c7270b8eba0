/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pqc_args.h - the arguments of the Python module `pqc`, as tables.
 *
 * Both bindings read them, so MicroPython and CPython have the same names, the
 * same order and the same sizes. No crypto here, and none in the bindings.
 */
#ifndef PQC_ARGS_H
#define PQC_ARGS_H

#include "../include/pqc.h"

#define PQC_ANY 0xffff /* any length */

enum {
    PQC_IN,      /* a readable buffer */
    PQC_OUT,     /* a writable buffer */
    PQC_INTEGER, /* a small integer */
};

typedef struct {
    const char *name;
    uint16_t bytes; /* wanted length, or PQC_ANY */
    uint8_t kind;
} pqc_arg;

#define PQC_MAX_ARGS 6

static const pqc_arg args_kem_keypair[] = {
    {"seed", PQC_KEM_SEED_BYTES, PQC_IN},
    {"ek_out", PQC_KEM_PUBLIC_BYTES, PQC_OUT},
};

static const pqc_arg args_kem_expand[] = {
    {"seed", PQC_KEM_SEED_BYTES, PQC_IN},
    {"dk_out", PQC_KEM_EXPANDED_BYTES, PQC_OUT},
};

static const pqc_arg args_kem_encapsulate[] = {
    {"ek", PQC_KEM_PUBLIC_BYTES, PQC_IN},
    {"coins", PQC_KEM_COINS_BYTES, PQC_IN},
    {"ct_out", PQC_KEM_CIPHERTEXT_BYTES, PQC_OUT},
    {"ss_out", PQC_KEM_SHARED_BYTES, PQC_OUT},
};

static const pqc_arg args_kem_decapsulate[] = {
    {"seed", PQC_KEM_SEED_BYTES, PQC_IN},
    {"ct", PQC_KEM_CIPHERTEXT_BYTES, PQC_IN},
    {"ss_out", PQC_KEM_SHARED_BYTES, PQC_OUT},
};

static const pqc_arg args_kem_decapsulate_expanded[] = {
    {"dk", PQC_KEM_EXPANDED_BYTES, PQC_IN},
    {"ct", PQC_KEM_CIPHERTEXT_BYTES, PQC_IN},
    {"ss_out", PQC_KEM_SHARED_BYTES, PQC_OUT},
};

static const pqc_arg args_dsa_keypair[] = {
    {"seed", PQC_DSA_SEED_BYTES, PQC_IN},
    {"pk_out", PQC_DSA_PUBLIC_BYTES, PQC_OUT},
};

static const pqc_arg args_dsa_sign[] = {
    {"seed", PQC_DSA_SEED_BYTES, PQC_IN},
    {"message", PQC_ANY, PQC_IN},
    {"context", PQC_ANY, PQC_IN},
    {"rnd", PQC_DSA_RANDOM_BYTES, PQC_IN},
    {"sig_out", PQC_DSA_SIGNATURE_BYTES, PQC_OUT},
};

static const pqc_arg args_dsa_sign_mu[] = {
    {"seed", PQC_DSA_SEED_BYTES, PQC_IN},
    {"mu", PQC_DSA_MU_BYTES, PQC_IN},
    {"rnd", PQC_DSA_RANDOM_BYTES, PQC_IN},
    {"sig_out", PQC_DSA_SIGNATURE_BYTES, PQC_OUT},
};

static const pqc_arg args_dsa_verify[] = {
    {"pk", PQC_DSA_PUBLIC_BYTES, PQC_IN},
    {"message", PQC_ANY, PQC_IN},
    {"context", PQC_ANY, PQC_IN},
    {"sig", PQC_DSA_SIGNATURE_BYTES, PQC_IN},
};

static const pqc_arg args_dsa_verify_mu[] = {
    {"pk", PQC_DSA_PUBLIC_BYTES, PQC_IN},
    {"mu", PQC_DSA_MU_BYTES, PQC_IN},
    {"sig", PQC_DSA_SIGNATURE_BYTES, PQC_IN},
};

static const pqc_arg args_hash[] = {
    {"data", PQC_ANY, PQC_IN},
};

static const pqc_arg args_shake[] = {
    {"data", PQC_ANY, PQC_IN},
    {"out", PQC_ANY, PQC_OUT},
};

static const pqc_arg args_hmac[] = {
    {"key", PQC_ANY, PQC_IN},
    {"data", PQC_ANY, PQC_IN},
};

static const pqc_arg args_hkdf_extract[] = {
    {"salt", PQC_ANY, PQC_IN},
    {"ikm", PQC_ANY, PQC_IN},
};

static const pqc_arg args_hkdf_expand[] = {
    {"prk", PQC_SHA256_BYTES, PQC_IN},
    {"info", PQC_ANY, PQC_IN},
    {"out", PQC_ANY, PQC_OUT},
};

static const pqc_arg args_ccm_seal[] = {
    {"key", PQC_CCM_KEY_BYTES, PQC_IN}, {"nonce", PQC_CCM_NONCE_BYTES, PQC_IN},
    {"aad", PQC_ANY, PQC_IN},           {"plaintext", PQC_ANY, PQC_IN},
    {"tag_bytes", 0, PQC_INTEGER},      {"out", PQC_ANY, PQC_OUT},
};

static const pqc_arg args_ccm_open[] = {
    {"key", PQC_CCM_KEY_BYTES, PQC_IN}, {"nonce", PQC_CCM_NONCE_BYTES, PQC_IN},
    {"aad", PQC_ANY, PQC_IN},           {"ciphertext", PQC_ANY, PQC_IN},
    {"tag_bytes", 0, PQC_INTEGER},      {"out", PQC_ANY, PQC_OUT},
};

#endif
