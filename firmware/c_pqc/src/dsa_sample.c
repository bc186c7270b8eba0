/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_sample.c - secrets, masks and challenges from SHAKE256, FIPS 204 section 7.3.
 */
#include "dsa.h"

static void start(pqc_sponge *sponge, const uint8_t *seed, size_t seed_bytes)
{
    pqc_shake256_init(sponge, sponge->scratch);
    pqc_sponge_absorb(sponge, seed, seed_bytes);
}

static void start_numbered(pqc_sponge *sponge, const uint8_t seed[64], unsigned nonce)
{
    start(sponge, seed, 64);
    pqc_sponge_absorb_byte(sponge, (uint8_t)nonce);
    pqc_sponge_absorb_byte(sponge, (uint8_t)(nonce >> 8));
    pqc_sponge_finish(sponge);
}

/*
 * Which candidates are refused shows in the time taken. They are independent of
 * those accepted, so this tells nothing of the secret; every implementation of
 * FIPS 204 does the same. An accepted value is never branched on.
 */
void pqc_dsa_sample_secret(uint8_t packed[DSA_ETA_POLY_BYTES], pqc_sponge *sponge,
                           const uint8_t seed[64], unsigned nonce)
{
    unsigned n = 0;

    start_numbered(sponge, seed, nonce);
    memset(packed, 0, DSA_ETA_POLY_BYTES);
    while (n < DSA_N) {
        const uint8_t *block = pqc_sponge_squeeze_block(sponge);
        for (unsigned i = 0; i < 2 * PQC_SHAKE256_RATE && n < DSA_N; i++) {
            unsigned nibble = (block[i / 2] >> (4 * (i & 1))) & 15u;
            if (nibble <= 2 * DSA_ETA) {
                packed[n / 2] = (uint8_t)(packed[n / 2] | nibble << (4 * (n & 1)));
                n++;
            }
        }
    }
}

/*
 * Calls TAKE(n, y_n, y_n+1) for every pair of coefficients of a mask: 20 bits each,
 * so five bytes a pair, and a block of the sponge is no multiple of that.
 */
#define FOR_MASK_PAIRS(sponge, seed, nonce, TAKE)                                      \
    do {                                                                               \
        uint8_t five[5];                                                               \
        unsigned filled = 0, n = 0;                                                    \
        start_numbered(sponge, seed, nonce);                                           \
        while (n < DSA_N) {                                                            \
            const uint8_t *block = pqc_sponge_squeeze_block(sponge);                   \
            for (unsigned i = 0; i < PQC_SHAKE256_RATE && n < DSA_N; i++) {            \
                five[filled++] = block[i];                                             \
                if (filled == 5) {                                                     \
                    uint32_t low = pqc_load32(five);                                   \
                    TAKE(n, DSA_GAMMA1 - (int32_t)(low & 0xFFFFF),                     \
                         DSA_GAMMA1 - (int32_t)(low >> 20 | (uint32_t)five[4] << 12)); \
                    n += 2;                                                            \
                    filled = 0;                                                        \
                }                                                                      \
            }                                                                          \
        }                                                                              \
        pqc_wipe(five, sizeof five);                                                   \
    } while (0)

void pqc_dsa_sample_mask(dsa_poly *y, pqc_sponge *sponge, const uint8_t seed[64], unsigned nonce)
{
#define KEEP(n, a, b) (y->c[n] = (a), y->c[(n) + 1] = (b))
    FOR_MASK_PAIRS(sponge, seed, nonce, KEEP);
}

/* Negative exactly when |z| >= gamma1 - beta. */
PQC_INLINE int32_t response_excess(int32_t z)
{
    int32_t magnitude = (z ^ (z >> 31)) - (z >> 31);
    return DSA_GAMMA1 - DSA_BETA - 1 - magnitude;
}

PQC_INLINE void pack_pair(uint8_t *five, int32_t z0, int32_t z1)
{
    uint32_t a = (uint32_t)(DSA_GAMMA1 - z0), b = (uint32_t)(DSA_GAMMA1 - z1);
    pqc_store32(five, a | b << 20);
    five[4] = (uint8_t)(b >> 12);
}

uint32_t pqc_dsa_sample_response(uint8_t *packed, const int16_t cs[DSA_N], pqc_sponge *sponge,
                                 const uint8_t seed[64], unsigned nonce)
{
    int32_t excess = 0;

#define RESPOND(n, a, b)                                     \
    do {                                                     \
        int32_t z0 = (a) + cs[n], z1 = (b) + cs[(n) + 1];    \
        excess |= response_excess(z0) | response_excess(z1); \
        if (packed != NULL) {                                \
            pack_pair(packed + (n) / 2 * 5, z0, z1);         \
        }                                                    \
    } while (0)
    FOR_MASK_PAIRS(sponge, seed, nonce, RESPOND);
    return pqc_mask_negative(excess);
}

/* The challenge is public: it is part of the signature, or of an attempt independent of it. */
void pqc_dsa_sample_ball(dsa_ball *ball, uint8_t *work, pqc_sponge *sponge,
                         const uint8_t seed[DSA_LAMBDA_BYTES])
{
    enum { ABSENT = 0, PLUS = 1, MINUS = 2 };
    uint32_t sign[2];
    unsigned at = 8, terms = 0;

    start(sponge, seed, DSA_LAMBDA_BYTES);
    pqc_sponge_finish(sponge);
    const uint8_t *block = pqc_sponge_squeeze_block(sponge);
    sign[0] = pqc_load32(block);
    sign[1] = pqc_load32(block + 4);

    memset(work, ABSENT, DSA_N);
    for (unsigned i = DSA_N - DSA_TAU; i < DSA_N; i++) {
        unsigned j, n = i - (DSA_N - DSA_TAU);
        do {
            if (at == PQC_SHAKE256_RATE) {
                block = pqc_sponge_squeeze_block(sponge);
                at = 0;
            }
            j = block[at++];
        } while (j > i);
        work[i] = work[j];
        work[j] = (uint8_t)(PLUS + ((sign[n / 32] >> (n % 32)) & 1));
    }

    for (unsigned residue = 0; residue < 4; residue++) {
        for (unsigned i = residue; i < DSA_N; i += 4) {
            if (work[i] != ABSENT) {
                ball->quarter[terms++] = (uint8_t)(i / 4 + (work[i] == MINUS ? 64 : 0));
            }
        }
        ball->end[residue] = (uint8_t)terms;
    }
}

void pqc_dsa_ball_expand(dsa_poly *c, const dsa_ball *ball)
{
    unsigned term = 0;

    memset(c, 0, sizeof *c);
    for (unsigned residue = 0; residue < 4; residue++) {
        for (; term < ball->end[residue]; term++) {
            unsigned exponent = 4u * ball->quarter[term] + residue;
            c->c[exponent % DSA_N] = exponent < DSA_N ? 1 : -1;
        }
    }
}
