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
    pqc_aes256 aes;
    uint8_t pair[2 * AES_BLOCK];   /* the MAC so far, then the next key stream block */
    uint8_t tag_stream[AES_BLOCK]; /* S_0, which encrypts the tag */
    uint8_t nonce[PQC_CCM_NONCE_BYTES];
    uint16_t counter; /* of the next key stream block to be made */
} ccm_ctx;

/* Encrypt the MAC block, and make the next block of the key stream. */
static void step(ccm_ctx *ctx)
{
    uint8_t *block = ctx->pair + AES_BLOCK;
    block[0] = 1; /* A.3: flags of a counter block, q - 1 */
    memcpy(block + 1, ctx->nonce, PQC_CCM_NONCE_BYTES);
    block[14] = (uint8_t)(ctx->counter >> 8);
    block[15] = (uint8_t)ctx->counter;
    ctx->counter++;
    pqc_aes256_encrypt2(&ctx->aes, ctx->pair);
}

/* A.2.1 and A.2.2: the first block, and the additional data behind its length. */
PQC_COLD PQC_NOINLINE static void start(ccm_ctx *ctx, const uint8_t *nonce, const uint8_t *aad,
                                        size_t aad_bytes, size_t text_bytes, size_t tag_bytes)
{
    memcpy(ctx->nonce, nonce, PQC_CCM_NONCE_BYTES);
    ctx->counter = 0;
    ctx->pair[0] = (uint8_t)((aad_bytes > 0 ? 0x40 : 0) | ((tag_bytes - 2) / 2) << 3 | 1);
    memcpy(ctx->pair + 1, nonce, PQC_CCM_NONCE_BYTES);
    ctx->pair[14] = (uint8_t)(text_bytes >> 8);
    ctx->pair[15] = (uint8_t)text_bytes;
    step(ctx);
    memcpy(ctx->tag_stream, ctx->pair + AES_BLOCK, AES_BLOCK);
    if (aad_bytes == 0) {
        uint8_t mac[AES_BLOCK];
        memcpy(mac, ctx->pair, AES_BLOCK); /* only the key stream is wanted from this step */
        step(ctx);
        memcpy(ctx->pair, mac, AES_BLOCK);
        return;
    }
    ctx->pair[0] ^= (uint8_t)(aad_bytes >> 8);
    ctx->pair[1] ^= (uint8_t)aad_bytes;
    size_t used = 2;
    while (aad_bytes > 0) {
        while (aad_bytes > 0 && used < AES_BLOCK) {
            ctx->pair[used++] ^= *aad++;
            aad_bytes--;
        }
        ctx->counter = 1; /* S_1 is not consumed here: make it again */
        step(ctx);
        used = 0;
    }
}

/* Encrypt or decrypt the text; `out` may equal `in`. `encrypting` is public. */
PQC_NOINLINE static void transform(ccm_ctx *ctx, uint8_t *out, const uint8_t *in, size_t bytes,
                                   int encrypting)
{
    const uint8_t *stream = ctx->pair + AES_BLOCK;
    while (bytes > 0) {
        size_t part = bytes < AES_BLOCK ? bytes : AES_BLOCK;
        for (size_t i = 0; i < part; i++) {
            uint8_t from = in[i];
            uint8_t to = (uint8_t)(from ^ stream[i]);
            ctx->pair[i] ^= encrypting ? from : to;
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

static int lengths_allowed(size_t aad_bytes, size_t text_bytes, size_t tag_bytes)
{
    return tag_bytes >= PQC_CCM_TAG_MIN && tag_bytes <= PQC_CCM_TAG_MAX && tag_bytes % 2 == 0 &&
           text_bytes <= PQC_CCM_TEXT_MAX && aad_bytes <= PQC_CCM_AAD_MAX;
}

PQC_COLD int pqc_ccm_seal(uint8_t *sealed, const uint8_t key[PQC_CCM_KEY_BYTES],
                          const uint8_t nonce[PQC_CCM_NONCE_BYTES], const uint8_t *aad,
                          size_t aad_bytes, const uint8_t *text, size_t text_bytes,
                          size_t tag_bytes)
{
    if (!lengths_allowed(aad_bytes, text_bytes, tag_bytes)) {
        pqc_wipe(sealed, text_bytes);
        return PQC_ERR_BAD_LENGTH;
    }
    ccm_ctx ctx;
    pqc_aes256_init(&ctx.aes, key);
    start(&ctx, nonce, aad, aad_bytes, text_bytes, tag_bytes);
    transform(&ctx, sealed, text, text_bytes, 1);
    memcpy(sealed + text_bytes, ctx.tag_stream, tag_bytes);
    pqc_wipe(&ctx, sizeof ctx);
    pqc_burn_stack(STACK_BYTES);
    return PQC_OK;
}

PQC_COLD int pqc_ccm_open(uint8_t *text, const uint8_t key[PQC_CCM_KEY_BYTES],
                          const uint8_t nonce[PQC_CCM_NONCE_BYTES], const uint8_t *aad,
                          size_t aad_bytes, const uint8_t *sealed, size_t sealed_bytes,
                          size_t tag_bytes)
{
    size_t text_bytes = sealed_bytes < tag_bytes ? 0 : sealed_bytes - tag_bytes;
    if (sealed_bytes < tag_bytes || !lengths_allowed(aad_bytes, text_bytes, tag_bytes)) {
        pqc_wipe(text, text_bytes);
        return PQC_ERR_BAD_LENGTH;
    }
    ccm_ctx ctx;
    pqc_aes256_init(&ctx.aes, key);
    start(&ctx, nonce, aad, aad_bytes, text_bytes, tag_bytes);
    transform(&ctx, text, sealed, text_bytes, 0);
    int differs = pqc_differ(ctx.tag_stream, sealed + text_bytes, tag_bytes);
    PQC_DECLASSIFY(&differs, sizeof differs); /* the verdict */
    if (differs != 0) {
        pqc_wipe(text, text_bytes);
    }
    pqc_wipe(&ctx, sizeof ctx);
    pqc_burn_stack(STACK_BYTES);
    return differs != 0 ? PQC_ERR_BAD_TAG : PQC_OK;
}
