/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ccm.c - AES-256-CCM (NIST SP 800-38C) with a 13-byte nonce.
 *
 * The cipher works on two blocks at once: one carries the CBC-MAC, the other the
 * counter of the key stream one block ahead, so both halves are always in use.
 */
#include "aes256.h"

#define STACK_BYTES 320 /* what a call leaves below its own frame, at most */

typedef struct {
    uint8_t pair[2 * AES_BLOCK];   /* the MAC so far, then the next key stream block */
    uint8_t tag_stream[AES_BLOCK]; /* S_0, which encrypts the tag */
    uint8_t counter[AES_BLOCK];    /* A.3: flags, nonce and number of the next key stream block */
    pqc_aes256 aes;
} ccm_ctx;

/* Encrypt the MAC block, and make the next block of the key stream. */
PQC_NOINLINE static void step(ccm_ctx *ctx)
{
    memcpy(ctx->pair + AES_BLOCK, ctx->counter, AES_BLOCK);
    ctx->counter[15]++;
    ctx->counter[14] = (uint8_t)(ctx->counter[14] + (ctx->counter[15] == 0));
    pqc_aes256_encrypt2(&ctx->aes, ctx->pair);
}

/* A.2.1: the block that everything begins with; and S_0. */
PQC_COLD static void start(ccm_ctx *ctx, const uint8_t *nonce, unsigned flags, size_t text_bytes)
{
    ctx->counter[0] = 1; /* q - 1 */
    memcpy(ctx->counter + 1, nonce, PQC_CCM_NONCE_BYTES);
    ctx->counter[14] = ctx->counter[15] = 0;
    memcpy(ctx->pair, ctx->counter, AES_BLOCK);
    ctx->pair[0] = (uint8_t)flags;
    ctx->pair[14] = (uint8_t)(text_bytes >> 8);
    ctx->pair[15] = (uint8_t)text_bytes;
    step(ctx);
    memcpy(ctx->tag_stream, ctx->pair + AES_BLOCK, AES_BLOCK);
}

/* A.2.2: the additional data behind its length. Leaves S_1 in place. */
PQC_COLD PQC_NOINLINE static void absorb(ccm_ctx *ctx, const uint8_t *aad, size_t aad_bytes)
{
    size_t used = 2;
    if (aad_bytes == 0) {
        uint8_t mac[AES_BLOCK];
        memcpy(mac, ctx->pair, AES_BLOCK); /* only the key stream is wanted from this step */
        step(ctx);
        memcpy(ctx->pair, mac, AES_BLOCK);
        return;
    }
    ctx->pair[0] ^= (uint8_t)(aad_bytes >> 8);
    ctx->pair[1] ^= (uint8_t)aad_bytes;
    while (aad_bytes-- > 0) {
        ctx->pair[used++] ^= *aad++;
        if (used == AES_BLOCK || aad_bytes == 0) {
            ctx->counter[15] = 1; /* S_1 is not consumed here: make it again */
            step(ctx);
            used = 0;
        }
    }
}

/* Encrypt or decrypt the text; `out` may equal `in`. `opening` is public. */
PQC_NOINLINE static void transform(ccm_ctx *ctx, uint8_t *out, const uint8_t *in, size_t bytes,
                                   int opening)
{
    const uint8_t *stream = ctx->pair + AES_BLOCK;
    while (bytes > 0) {
        size_t part = bytes < AES_BLOCK ? bytes : AES_BLOCK;
        for (size_t i = 0; i < part; i++) {
            uint8_t from = in[i];
            uint8_t to = (uint8_t)(from ^ stream[i]);
            ctx->pair[i] ^= opening ? to : from;
            out[i] = to;
        }
        step(ctx);
        in += part;
        out += part;
        bytes -= part;
    }
    for (unsigned i = 0; i < AES_BLOCK; i++) {
        ctx->tag_stream[i] ^= ctx->pair[i]; /* now the tag */
    }
}

/* What a call works on, as the two public functions take it. */
typedef struct {
    const uint8_t *key;
    const uint8_t *nonce;
    const uint8_t *aad;
    size_t aad_bytes;
    const uint8_t *in;
    size_t text_bytes;
    size_t tag_bytes;
} ccm_call;

/* Errors of the lengths; otherwise the tag is in ctx->tag_stream. */
PQC_COLD PQC_NOINLINE static int process(ccm_ctx *ctx, uint8_t *out, const ccm_call *call,
                                         int opening)
{
    size_t tag_bytes = call->tag_bytes;
    if (tag_bytes < PQC_CCM_TAG_MIN || tag_bytes > PQC_CCM_TAG_MAX || tag_bytes % 2 != 0 ||
        call->text_bytes > PQC_CCM_TEXT_MAX || call->aad_bytes > PQC_CCM_AAD_MAX) {
        pqc_wipe(out, call->text_bytes);
        return PQC_ERR_BAD_LENGTH;
    }
    unsigned flags = (call->aad_bytes > 0 ? 0x40u : 0u) | ((unsigned)tag_bytes - 2) / 2 << 3 | 1;
    pqc_aes256_init(&ctx->aes, call->key);
    start(ctx, call->nonce, flags, call->text_bytes);
    absorb(ctx, call->aad, call->aad_bytes);
    transform(ctx, out, call->in, call->text_bytes, opening);
    return PQC_OK;
}

PQC_COLD int pqc_ccm_seal(uint8_t *sealed, const uint8_t key[PQC_CCM_KEY_BYTES],
                          const uint8_t nonce[PQC_CCM_NONCE_BYTES], const uint8_t *aad,
                          size_t aad_bytes, const uint8_t *text, size_t text_bytes,
                          size_t tag_bytes)
{
    const ccm_call call = {key, nonce, aad, aad_bytes, text, text_bytes, tag_bytes};
    ccm_ctx ctx;
    int status = process(&ctx, sealed, &call, 0);
    if (status == PQC_OK) {
        memcpy(sealed + text_bytes, ctx.tag_stream, tag_bytes);
    }
    pqc_clean(&ctx, sizeof ctx, STACK_BYTES);
    return status;
}

PQC_COLD int pqc_ccm_open(uint8_t *text, const uint8_t key[PQC_CCM_KEY_BYTES],
                          const uint8_t nonce[PQC_CCM_NONCE_BYTES], const uint8_t *aad,
                          size_t aad_bytes, const uint8_t *sealed, size_t sealed_bytes,
                          size_t tag_bytes)
{
    if (sealed_bytes < tag_bytes) {
        return PQC_ERR_BAD_LENGTH; /* and no text there could be */
    }
    size_t text_bytes = sealed_bytes - tag_bytes;
    const ccm_call call = {key, nonce, aad, aad_bytes, sealed, text_bytes, tag_bytes};
    ccm_ctx ctx;
    int status = process(&ctx, text, &call, 1);
    if (status == PQC_OK) {
        int differs = pqc_differ(ctx.tag_stream, sealed + text_bytes, tag_bytes);
        PQC_DECLASSIFY(&differs, sizeof differs); /* the verdict */
        if (differs != 0) {
            pqc_wipe(text, text_bytes);
            status = PQC_ERR_BAD_TAG;
        }
    }
    pqc_clean(&ctx, sizeof ctx, STACK_BYTES);
    return status;
}
