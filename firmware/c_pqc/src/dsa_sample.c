/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_sample.c - secrets, masks and challenges from SHAKE256, FIPS 204 section 7.3.
 */
#include "dsa.h"

/*
 * Which candidates are refused shows in the time taken. They are independent of
 * those accepted, so this tells nothing of the secret; every implementation of
 * FIPS 204 does the same. An accepted value is never branched on.
 */
void pqc_dsa_sample_secret(uint8_t packed[DSA_ETA_POLY_BYTES], pqc_sponge *sponge,
                           const uint8_t seed[64], unsigned nonce)
{
    uint32_t word = 0; /* eight coefficients being gathered */
    unsigned n = 0;

    pqc_sponge_numbered(sponge, PQC_SHAKE256, seed, 64, nonce);
    while (n < DSA_N) {
        const uint8_t *p = pqc_sponge_squeeze_block(sponge);
        const uint8_t *end = p + PQC_SHAKE256_RATE;
        for (; p != end && n < DSA_N; p++) {
            for (unsigned byte = *p, half = 0; half < 2 && n < DSA_N; half++, byte >>= 4) {
                int accepted = (byte & 15) <= 2 * DSA_ETA;
                PQC_DECLASSIFY(&accepted, sizeof accepted);
                if (accepted) {
                    word = word >> 4 | (uint32_t)byte << 28;
                    if (++n % 8 == 0) {
                        pqc_store32(packed + n / 2 - 4, word);
                    }
                }
            }
        }
    }
}

/* Negative exactly when |z| >= gamma1 - beta. */
PQC_INLINE int32_t response_excess(int32_t z)
{
    int32_t magnitude = (z ^ (z >> 31)) - (z >> 31);
    return DSA_GAMMA1 - DSA_BETA - 1 - magnitude;
}

/* Where the coefficients of a mask go: into `y`, or into a response. */
typedef struct {
    dsa_poly *y;
    const dsa_product *cs;
    uint8_t *packed;
    int32_t excess;
    uint32_t even; /* the coefficient before, when it was the first of two */
} mask_sink;

PQC_INLINE void pour(mask_sink *sink, unsigned n, uint32_t bits)
{
    int32_t y = DSA_GAMMA1 - (int32_t)(bits & 0xFFFFF);

    if (sink->cs == NULL) {
        sink->y->c[n] = y;
        return;
    }
    int32_t z = y + dsa_product_get(sink->cs, n);
    sink->excess |= response_excess(z);
    if (sink->packed != NULL) {
        uint32_t code = (uint32_t)(DSA_GAMMA1 - z);
        if (n % 2 == 0) {
            sink->even = code;
        } else {
            pqc_store32(sink->packed, sink->even | code << 20);
            sink->packed[4] = (uint8_t)(code >> 12);
            sink->packed += 5;
        }
    }
}

/*
 * 20 bits a coefficient, read a word at a time, from `stored` or else block by block
 * from a sponge. Between words `rest` holds the `have` bits left over.
 */
static PQC_NOINLINE void unpack_mask(mask_sink *out, const uint8_t *stored, pqc_sponge *sponge)
{
    mask_sink sink = *out; /* in registers */
    const uint8_t *p = stored, *end = stored;
    uint32_t rest = 0;
    unsigned have = 0;

    for (unsigned n = 0; n < DSA_N; n++) {
        uint32_t bits = rest;
        if (have < 20) {
            if (p == end) {
                p = stored != NULL ? stored : pqc_sponge_squeeze_block(sponge);
                end = p + (stored != NULL ? DSA_Z_POLY_BYTES : PQC_SHAKE256_RATE);
            }
            uint32_t word = pqc_load32(p);
            p += 4;
            bits |= word << have;
            rest = word >> (20 - have);
            have += 12;
        } else {
            rest >>= 20;
            have -= 20;
        }
        pour(&sink, n, bits);
    }
    *out = sink;
}

void pqc_dsa_sample_mask(dsa_poly *y, pqc_sponge *sponge, const dsa_mask *mask)
{
    mask_sink sink = {y, NULL, NULL, 0, 0};

    pqc_sponge_numbered(sponge, PQC_SHAKE256, mask->seed, 64, mask->nonce);
    if (mask->stored != NULL) {
        pqc_sponge_squeeze(sponge, mask->stored, DSA_Z_POLY_BYTES);
    }
    unpack_mask(&sink, mask->stored, sponge);
}

uint32_t pqc_dsa_sample_response(uint8_t *packed, const dsa_product *cs, pqc_sponge *sponge,
                                 const dsa_mask *mask)
{
    mask_sink sink = {NULL, cs, packed, 0, 0};

    if (mask->stored == NULL) {
        pqc_sponge_numbered(sponge, PQC_SHAKE256, mask->seed, 64, mask->nonce);
    }
    unpack_mask(&sink, mask->stored, sponge);
    return pqc_mask_negative(sink.excess);
}

/* The challenge is public: it is part of the signature, or of an attempt independent of it. */
PQC_COLD void pqc_dsa_sample_ball(dsa_ball *ball, uint8_t *work, pqc_sponge *sponge,
                                  const uint8_t seed[DSA_LAMBDA_BYTES])
{
    enum { ABSENT = 0, PLUS = 1, MINUS = 2 };
    uint32_t sign[2];
    unsigned at = 8, terms = 0;

    pqc_shake256_start(sponge, seed, DSA_LAMBDA_BYTES);
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

PQC_COLD void pqc_dsa_ball_expand(dsa_poly *c, const dsa_ball *ball)
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
