/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sha256.c - SHA-256 (FIPS 180-4). Branches and addresses depend on lengths only. */
#include "sha256.h"

#define STACK_BYTES 256 /* what a call leaves below its own frame, at most */

PQC_INLINE uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[3] | ((uint32_t)p[2] << 8) | ((uint32_t)p[1] << 16) |
           ((uint32_t)p[0] << 24);
}

PQC_INLINE void store_be32(uint8_t *p, uint32_t v)
{
#if defined(__GNUC__)
    pqc_store32(p, __builtin_bswap32(v));
#else
    pqc_store32(p, v >> 24 | (v >> 8 & 0xff00u) | (v << 8 & 0xff0000u) | v << 24);
#endif
}

#ifndef PQC_SHA256_PORT

/* FIPS 180-4 section 4.2.2. */
static const uint32_t round_constants[64] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u,
    0xab1c5ed5u, 0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu,
    0x9bdc06a7u, 0xc19bf174u, 0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu,
    0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau, 0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u,
    0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u, 0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu,
    0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u, 0xa2bfe8a1u, 0xa81a664bu,
    0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u, 0x19a4c116u,
    0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u,
    0xc67178f2u,
};

#define ROR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

/* The message schedule in place: w[t mod 16] becomes W_{t+16}. */
PQC_INLINE void schedule(uint32_t w[16], unsigned t)
{
    uint32_t w1 = w[(t + 1) & 15];
    uint32_t w14 = w[(t + 14) & 15];
    uint32_t s0 = ROR(w1, 7) ^ ROR(w1, 18) ^ (w1 >> 3);
    uint32_t s1 = ROR(w14, 17) ^ ROR(w14, 19) ^ (w14 >> 10);
    w[t & 15] += s0 + w[(t + 9) & 15] + s1;
}

/*
 * Eight registers do not hold the eight words. There they lie in a row that the words of
 * the next round lie one place further down in, so that none is ever moved.
 */
#if defined(PQC_SMALL) && defined(__thumb__) && !defined(__thumb2__)
#define SLIDING
#endif

PQC_HOT void pqc_sha256_compress(uint32_t state[8], const uint8_t block[SHA256_BLOCK])
{
    uint32_t w[16];
    for (unsigned t = 0; t < 16; t++) {
        w[t] = load_be32(block + 4 * t);
    }
#ifdef SLIDING
    uint32_t v[8 + 16], *p = v + 16; /* a to h are p[0] to p[7] */
    memcpy(p, state, 32);
    for (unsigned t = 0; t < 64; t++) {
        uint32_t e = p[4], a = p[0];
        uint32_t t1 = p[7] + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + (p[6] ^ (e & (p[5] ^ p[6]))) +
                      round_constants[t] + w[t & 15];
        schedule(w, t);
        p[3] += t1;
        p[-1] = t1 + (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & p[1]) | (p[2] & (a | p[1])));
        p--;
        if (p == v) {
            p = v + 16;
            memcpy(p, v, 32);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        state[i] += p[i];
    }
#else
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (unsigned t = 0; t < 64; t++) {
        uint32_t t1 = h + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + (g ^ (e & (f ^ g))) +
                      round_constants[t] + w[t & 15];
        uint32_t t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & b) | (c & (a | b)));
        schedule(w, t); /* the last sixteen are not needed, and cost less than a branch */
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
#endif
}

#endif

void pqc_sha256_init(sha256_ctx *ctx)
{
    static const uint32_t initial[8] = {
        0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
        0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
    };
    memcpy(ctx->state, initial, sizeof ctx->state);
    ctx->bytes = 0;
}

void pqc_sha256_update(sha256_ctx *ctx, const uint8_t *data, size_t bytes)
{
    size_t used = (size_t)(ctx->bytes % SHA256_BLOCK);
    ctx->bytes += bytes;
    while (bytes > 0) {
        size_t part = SHA256_BLOCK - used < bytes ? SHA256_BLOCK - used : bytes;
        memcpy(ctx->block + used, data, part);
        used += part;
        data += part;
        bytes -= part;
        if (used == SHA256_BLOCK) {
            pqc_sha256_compress(ctx->state, ctx->block);
            used = 0;
        }
    }
}

PQC_COLD void pqc_sha256_final(sha256_ctx *ctx, uint8_t digest[PQC_SHA256_BYTES])
{
    size_t used = (size_t)(ctx->bytes % SHA256_BLOCK);
    ctx->block[used++] = 0x80;
    if (used > SHA256_BLOCK - 8) {
        memset(ctx->block + used, 0, SHA256_BLOCK - used);
        pqc_sha256_compress(ctx->state, ctx->block);
        used = 0;
    }
    memset(ctx->block + used, 0, SHA256_BLOCK - 8 - used);
    store_be32(ctx->block + SHA256_BLOCK - 8, (uint32_t)(ctx->bytes >> 29));
    store_be32(ctx->block + SHA256_BLOCK - 4, (uint32_t)(ctx->bytes << 3));
    pqc_sha256_compress(ctx->state, ctx->block);
    for (unsigned i = 0; i < 8; i++) {
        store_be32(digest + 4 * i, ctx->state[i]);
    }
}

PQC_COLD void pqc_sha256(uint8_t digest[PQC_SHA256_BYTES], const uint8_t *data, size_t data_bytes)
{
    sha256_ctx ctx;
    pqc_sha256_init(&ctx);
    pqc_sha256_update(&ctx, data, data_bytes);
    pqc_sha256_final(&ctx, digest);
    pqc_clean(&ctx, sizeof ctx, STACK_BYTES);
}
