/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* hmac.c - HMAC (FIPS 198-1) and HKDF (RFC 5869) with SHA-256. */
#include "sha256.h"

#define STACK_BYTES 256 /* what a call leaves below its own frame, at most */

/* A MAC under way: the inner hash, and the key as the outer hash will want it. */
typedef struct {
    sha256_ctx hash;
    uint8_t key[SHA256_BLOCK];
    uint8_t digest[PQC_SHA256_BYTES];
} hmac_ctx;

static void xor_block(uint8_t block[SHA256_BLOCK], uint8_t value)
{
    for (unsigned i = 0; i < SHA256_BLOCK; i++) {
        block[i] ^= value;
    }
}

PQC_COLD PQC_NOINLINE static void hmac_init(hmac_ctx *ctx, const uint8_t *key, size_t key_bytes)
{
    memset(ctx->key, 0, sizeof ctx->key);
    if (key_bytes > SHA256_BLOCK) {
        pqc_sha256_init(&ctx->hash);
        pqc_sha256_update(&ctx->hash, key, key_bytes);
        pqc_sha256_final(&ctx->hash, ctx->key);
    } else if (key_bytes > 0) {
        memcpy(ctx->key, key, key_bytes);
    }
    xor_block(ctx->key, 0x36);
    pqc_sha256_init(&ctx->hash);
    pqc_sha256_update(&ctx->hash, ctx->key, SHA256_BLOCK);
    xor_block(ctx->key, 0x36 ^ 0x5c);
}

/* The MAC lands in ctx->digest. */
PQC_COLD PQC_NOINLINE static void hmac_final(hmac_ctx *ctx)
{
    pqc_sha256_final(&ctx->hash, ctx->digest);
    pqc_sha256_init(&ctx->hash);
    pqc_sha256_update(&ctx->hash, ctx->key, SHA256_BLOCK);
    pqc_sha256_update(&ctx->hash, ctx->digest, PQC_SHA256_BYTES);
    pqc_sha256_final(&ctx->hash, ctx->digest);
}

PQC_COLD void pqc_hmac_sha256(uint8_t mac[PQC_SHA256_BYTES], const uint8_t *key, size_t key_bytes,
                              const uint8_t *data, size_t data_bytes)
{
    hmac_ctx ctx;
    hmac_init(&ctx, key, key_bytes);
    pqc_sha256_update(&ctx.hash, data, data_bytes);
    hmac_final(&ctx);
    memcpy(mac, ctx.digest, PQC_SHA256_BYTES);
    pqc_clean(&ctx, sizeof ctx, STACK_BYTES);
}

PQC_COLD void pqc_hkdf_extract(uint8_t prk[PQC_SHA256_BYTES], const uint8_t *salt,
                               size_t salt_bytes, const uint8_t *ikm, size_t ikm_bytes)
{
    pqc_hmac_sha256(prk, salt, salt_bytes, ikm, ikm_bytes);
}

PQC_COLD int pqc_hkdf_expand(uint8_t *out, size_t out_bytes, const uint8_t prk[PQC_SHA256_BYTES],
                             const uint8_t *info, size_t info_bytes)
{
    if (out_bytes > PQC_HKDF_EXPAND_MAX) {
        pqc_wipe(out, out_bytes);
        return PQC_ERR_BAD_LENGTH;
    }
    hmac_ctx ctx;
    size_t previous = 0; /* T(0) is empty */
    uint8_t counter = 0;
    while (out_bytes > 0) {
        counter++;
        hmac_init(&ctx, prk, PQC_SHA256_BYTES); /* leaves ctx.digest alone, which is T(i - 1) */
        pqc_sha256_update(&ctx.hash, ctx.digest, previous);
        pqc_sha256_update(&ctx.hash, info, info_bytes);
        pqc_sha256_update(&ctx.hash, &counter, 1);
        hmac_final(&ctx);
        previous = PQC_SHA256_BYTES;
        size_t part = out_bytes < PQC_SHA256_BYTES ? out_bytes : PQC_SHA256_BYTES;
        memcpy(out, ctx.digest, part);
        out += part;
        out_bytes -= part;
    }
    pqc_clean(&ctx, sizeof ctx, STACK_BYTES);
    return PQC_OK;
}
