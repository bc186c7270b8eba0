/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_internal.h - ML-DSA-65 below its public interface, for the standard's test sets.
 *
 * Firmware has no use for this: keys that were expanded elsewhere may hold s1 or s2
 * out of range, and a bare M' makes signatures that say nothing of their context. So
 * keys given expanded exist only in a build with -DPQC_DSA_INTERNAL.
 */
#ifndef PQC_DSA_INTERNAL_H
#define PQC_DSA_INTERNAL_H

#include "dsa.h"

/* A seed, or else an expanded key. */
typedef struct {
    const uint8_t *seed;
#ifdef PQC_DSA_INTERNAL
    const uint8_t *expanded; /* DSA_EXPANDED_BYTES, FIPS 204 algorithm 24 */
#endif
} dsa_private;

/* Errors as pqc_dsa_sign(). */
PQC_MUST_CHECK
int pqc_dsa_sign_internal(uint8_t signature[PQC_DSA_SIGNATURE_BYTES], const dsa_private *key,
                          const dsa_message *message, const uint8_t random[PQC_DSA_RANDOM_BYTES],
                          const pqc_dsa_options *options, void *ws, size_t ws_bytes);

/* Errors as pqc_dsa_verify(). */
PQC_MUST_CHECK
int pqc_dsa_verify_internal(const uint8_t public_key[PQC_DSA_PUBLIC_BYTES],
                            const dsa_message *message,
                            const uint8_t signature[PQC_DSA_SIGNATURE_BYTES], void *ws,
                            size_t ws_bytes);

#ifdef PQC_DSA_INTERNAL
/* The expanded key of a seed; needs PQC_DSA_SIGN_WS_BYTES. */
PQC_MUST_CHECK
int pqc_dsa_expand_internal(uint8_t expanded[DSA_EXPANDED_BYTES],
                            const uint8_t seed[PQC_DSA_SEED_BYTES], void *ws, size_t ws_bytes);
#endif

#endif
