/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * sponge.h - what mlkem-native and mldsa-native ask of a SHA-3 library, answered by
 * ours. Included after PEER(name) is defined, which puts a library's prefix before a
 * name. So both sides of the comparison hash with the same code, and what differs is
 * the lattice part. (Upstream's own C for FIPS 202 is about a third slower on a
 * Cortex-M4; the packages compared here come without it.)
 */
#include <stddef.h>
#include <stdint.h>

#include "keccak.h"

#ifndef PQC_PEER_CONTEXT
#define PQC_PEER_CONTEXT
typedef struct {
    pqc_sponge sponge;
    pqc_keccak_state scratch;
} peer_context;

static inline void peer_read(peer_context *context, uint8_t *out, size_t bytes)
{
    context->sponge.scratch = &context->scratch;
    pqc_sponge_squeeze(&context->sponge, out, bytes);
}
#endif

#define SHAKE128_RATE 168
#define SHAKE256_RATE 136

typedef peer_context PEER(shake128ctx);
typedef peer_context PEER(shake256ctx);

static inline void PEER(shake128_init)(peer_context *context)
{
    context->sponge.scratch = &context->scratch;
    pqc_sponge_init(&context->sponge, PQC_SHAKE128);
}

static inline void PEER(shake256_init)(peer_context *context)
{
    context->sponge.scratch = &context->scratch;
    pqc_sponge_init(&context->sponge, PQC_SHAKE256);
}

static inline void PEER(shake128_release)(peer_context *context)
{
    (void)context;
}

static inline void PEER(shake256_release)(peer_context *context)
{
    (void)context;
}

static inline void PEER(shake128_absorb)(peer_context *context, const uint8_t *in, size_t bytes)
{
    pqc_sponge_absorb(&context->sponge, in, bytes);
}

static inline void PEER(shake256_absorb)(peer_context *context, const uint8_t *in, size_t bytes)
{
    pqc_sponge_absorb(&context->sponge, in, bytes);
}

static inline void PEER(shake128_finalize)(peer_context *context)
{
    pqc_sponge_finish(&context->sponge);
}

static inline void PEER(shake256_finalize)(peer_context *context)
{
    pqc_sponge_finish(&context->sponge);
}

static inline void PEER(shake128_squeeze)(uint8_t *out, size_t bytes, peer_context *context)
{
    peer_read(context, out, bytes);
}

static inline void PEER(shake256_squeeze)(uint8_t *out, size_t bytes, peer_context *context)
{
    peer_read(context, out, bytes);
}

static inline void PEER(shake128_absorb_once)(peer_context *context, const uint8_t *in,
                                              size_t bytes)
{
    context->sponge.scratch = &context->scratch;
    pqc_sponge_init(&context->sponge, PQC_SHAKE128);
    pqc_sponge_absorb(&context->sponge, in, bytes);
    pqc_sponge_finish(&context->sponge);
}

static inline void PEER(shake128_squeezeblocks)(uint8_t *out, size_t blocks, peer_context *context)
{
    peer_read(context, out, SHAKE128_RATE * blocks);
}

static inline void PEER(shake256)(uint8_t *out, size_t bytes, const uint8_t *in, size_t in_bytes)
{
    pqc_shake256(out, bytes, in, in_bytes);
}

static inline void PEER(sha3_256)(uint8_t *out, const uint8_t *in, size_t bytes)
{
    pqc_sha3_256(out, in, bytes);
}

static inline void PEER(sha3_512)(uint8_t *out, const uint8_t *in, size_t bytes)
{
    peer_context context;
    context.sponge.scratch = &context.scratch;
    pqc_sponge_init(&context.sponge, PQC_SHA3_512);
    pqc_sponge_absorb(&context.sponge, in, bytes);
    pqc_sponge_finish(&context.sponge);
    pqc_sponge_squeeze(&context.sponge, out, 64);
}
