/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sha256.h - incremental SHA-256 (FIPS 180-4), for sha256.c and hmac.c. */
#ifndef PQC_SHA256_H
#define PQC_SHA256_H

#include "common.h"

#define SHA256_BLOCK 64

typedef struct {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[SHA256_BLOCK];
} sha256_ctx;

void pqc_sha256_init(sha256_ctx *ctx);
void pqc_sha256_update(sha256_ctx *ctx, const uint8_t *data, size_t bytes);
/* Leaves `ctx` to be wiped by the caller. */
void pqc_sha256_final(sha256_ctx *ctx, uint8_t digest[PQC_SHA256_BYTES]);

/*
 * The seam for hardware: digest one block. A port that defines PQC_SHA256_PORT
 * supplies this function itself.
 */
void pqc_sha256_compress(uint32_t state[8], const uint8_t block[SHA256_BLOCK]);

#endif
