/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_pack.c - the encodings of FIPS 204 section 7.1 and 7.2.
 */
#include "dsa_field.h"

void pqc_dsa_unpack_secret(dsa_poly *s, const uint8_t packed[DSA_ETA_POLY_BYTES])
{
    for (unsigned i = 0; i < DSA_N / 2; i++) {
        s->c[2 * i] = DSA_ETA - (packed[i] & 15);
        s->c[2 * i + 1] = DSA_ETA - (packed[i] >> 4);
    }
}

/* Power2Round, algorithm 35: t = t1 2^13 + t0 with t0 in (-2^12, 2^12]. */
PQC_INLINE uint32_t power2round(int32_t *t0, int32_t t)
{
    int32_t t1 = (t + (1 << (DSA_D - 1)) - 1) >> DSA_D;
    *t0 = t - t1 * (1 << DSA_D);
    return (uint32_t)t1;
}

void pqc_dsa_pack_t1(uint8_t packed[DSA_T1_POLY_BYTES], const dsa_poly *t)
{
    int32_t t0;

    for (unsigned i = 0; i < DSA_N; i += 4, packed += 5) {
        uint32_t a = power2round(&t0, t->c[i]), b = power2round(&t0, t->c[i + 1]);
        uint32_t c = power2round(&t0, t->c[i + 2]), d = power2round(&t0, t->c[i + 3]);
        pqc_store32(packed, a | b << 10 | c << 20 | d << 30);
        packed[4] = (uint8_t)(d >> 2);
    }
}

void pqc_dsa_unpack_t1(dsa_poly *v, const uint8_t packed[DSA_T1_POLY_BYTES])
{
    for (int32_t *c = v->c; c != v->c + DSA_N; packed += 5) {
        uint32_t bits = pqc_load32(packed);
        for (unsigned i = 0; i < 4; i++, bits >>= 10) {
            if (i == 3) {
                bits |= (uint32_t)packed[4] << 2;
            }
            *c++ = -(int32_t)((bits & 0x3FF) << DSA_D);
        }
    }
}

void pqc_dsa_pack_t0(uint8_t packed[DSA_T0_POLY_BYTES], const dsa_poly *t)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (unsigned i = 0; i < DSA_N; i++) {
        int32_t t0;
        (void)power2round(&t0, t->c[i]);
        bits |= (uint32_t)((1 << (DSA_D - 1)) - t0) << have;
        for (have += 13; have >= 8; have -= 8, bits >>= 8) {
            *packed++ = (uint8_t)bits;
        }
    }
}

int pqc_dsa_unpack_z(dsa_poly *z, const uint8_t packed[DSA_Z_POLY_BYTES])
{
    int bad = 0;

    for (unsigned i = 0; i < DSA_N; i += 2, packed += 5) {
        uint32_t low = pqc_load32(packed);
        z->c[i] = DSA_GAMMA1 - (int32_t)(low & 0xFFFFF);
        z->c[i + 1] = DSA_GAMMA1 - (int32_t)(low >> 20 | (uint32_t)packed[4] << 12);
        for (unsigned j = i; j < i + 2; j++) {
            bad |= z->c[j] >= DSA_GAMMA1 - DSA_BETA || z->c[j] <= DSA_BETA - DSA_GAMMA1;
        }
    }
    return bad;
}

/* Algorithm 40. */
PQC_INLINE int32_t use_hint(int32_t w, int hint)
{
    int32_t low;
    int32_t high = dsa_decompose(&low, w);

    if (hint) { /* public: part of a signature */
        high = (low > 0 ? high + 1 : high - 1) & 15;
    }
    return high;
}

void pqc_dsa_pack_w1(uint8_t packed[DSA_W1_POLY_BYTES], const dsa_poly *w, const uint8_t *position,
                     unsigned hints)
{
    unsigned pair = 0, at = 0;

    for (unsigned i = 0; i < DSA_N; i++) {
        int hinted = at < hints && position[at] == i;
        at += (unsigned)hinted;
        pair |= (unsigned)use_hint(w->c[i], hinted) << (4 * (i & 1));
        if (i & 1) {
            packed[i / 2] = (uint8_t)pair;
            pair = 0;
        }
    }
}

/* Positions ascend strictly within a row, counts never fall, unused bytes are zero. */
PQC_COLD int pqc_dsa_check_hint(const uint8_t hint[DSA_HINT_BYTES])
{
    unsigned at = 0;

    for (unsigned row = 0; row < DSA_K; row++) {
        unsigned end = hint[DSA_OMEGA + row], first = at;
        if (end < at || end > DSA_OMEGA) {
            return -1;
        }
        for (; at < end; at++) {
            if (at > first && hint[at] <= hint[at - 1]) {
                return -1;
            }
        }
    }
    for (; at < DSA_OMEGA; at++) {
        if (hint[at] != 0) {
            return -1;
        }
    }
    return 0;
}
