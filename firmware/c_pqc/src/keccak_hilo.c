/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * keccak_hilo.c - Keccak-f[1600] on low and high halves of each lane.
 *
 * For 32-bit cores without a rotate instruction (RV32IMC), where interleaving
 * would gain nothing, and cores with a funnel shift (Xtensa), where it would
 * lose. half[2 i] holds bits 0..31 of lane i, half[2 i + 1] bits 32..63.
 */
#include "keccak.h"

#ifdef PQC_KECCAK_HILO

/* FIPS 202 algorithm 6: low word, high word. */
static const uint32_t round_constants[48] = {
    0x00000001u, 0x00000000u, 0x00008082u, 0x00000000u, 0x0000808au, 0x80000000u, 0x80008000u,
    0x80000000u, 0x0000808bu, 0x00000000u, 0x80000001u, 0x00000000u, 0x80008081u, 0x80000000u,
    0x00008009u, 0x80000000u, 0x0000008au, 0x00000000u, 0x00000088u, 0x00000000u, 0x80008009u,
    0x00000000u, 0x8000000au, 0x00000000u, 0x8000808bu, 0x00000000u, 0x0000008bu, 0x80000000u,
    0x00008089u, 0x80000000u, 0x00008003u, 0x80000000u, 0x00008002u, 0x80000000u, 0x00000080u,
    0x80000000u, 0x0000800au, 0x00000000u, 0x8000000au, 0x80000000u, 0x80008081u, 0x80000000u,
    0x00008080u, 0x80000000u, 0x80000001u, 0x00000000u, 0x80008008u, 0x80000000u,
};

/* The halves of (high:low) rotated left by n, which is a constant and never 32. */
#define SHIFTED(p, q, n)       ((n) == 0 ? (p) : (((p) << ((n)&31)) | ((q) >> ((32 - (n)) & 31))))
#define ROL_LOW(low, high, n)  ((n) < 32 ? SHIFTED(low, high, n) : SHIFTED(high, low, (n)&31))
#define ROL_HIGH(low, high, n) ROL_LOW(high, low, n)

#define PARITY(i) (a[i] ^ a[(i) + 10] ^ a[(i) + 20] ^ a[(i) + 30] ^ a[(i) + 40])

/* theta, rho, pi for one word pair: lane i rotated by r becomes (low n, high n). */
#define LANE(n, i, r)                                      \
    uint32_t t##n = a[2 * (i)] ^ d[2 * ((i) % 5)];         \
    uint32_t u##n = a[2 * (i) + 1] ^ d[2 * ((i) % 5) + 1]; \
    uint32_t l##n = ROL_LOW(t##n, u##n, r);                \
    uint32_t h##n = ROL_HIGH(t##n, u##n, r)

#define CHI(o, b, iota)                          \
    e[(o) + 0] = b##0 ^ (~b##1 & b##2) ^ (iota); \
    e[(o) + 2] = b##1 ^ (~b##2 & b##3);          \
    e[(o) + 4] = b##2 ^ (~b##3 & b##4);          \
    e[(o) + 6] = b##3 ^ (~b##4 & b##0);          \
    e[(o) + 8] = b##4 ^ (~b##0 & b##1)

#define ROW(o, iota_low, iota_high, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4) \
    do {                                                                    \
        LANE(0, i0, r0);                                                    \
        LANE(1, i1, r1);                                                    \
        LANE(2, i2, r2);                                                    \
        LANE(3, i3, r3);                                                    \
        LANE(4, i4, r4);                                                    \
        CHI(2 * (o), l, iota_low);                                          \
        CHI(2 * (o) + 1, h, iota_high);                                     \
    } while (0)

/* One round from `a` to `e`. Never inlined: called 24 times. */
PQC_HOT PQC_NOINLINE static void keccak_round(uint32_t *restrict e, const uint32_t *restrict a,
                                              const uint32_t iota[2])
{
    uint32_t c[10];
    uint32_t d[10];
    for (unsigned i = 0; i < 10; i++) {
        c[i] = PARITY(i);
    }
    for (unsigned x = 0; x < 5; x++) {
        unsigned before = 2 * ((x + 4) % 5);
        unsigned after = 2 * ((x + 1) % 5);
        d[2 * x] = c[before] ^ ((c[after] << 1) | (c[after + 1] >> 31));
        d[2 * x + 1] = c[before + 1] ^ ((c[after + 1] << 1) | (c[after] >> 31));
    }
    ROW(0, iota[0], iota[1], 0, 0, 6, 44, 12, 43, 18, 21, 24, 14);
    ROW(5, 0, 0, 3, 28, 9, 20, 10, 3, 16, 45, 22, 61);
    ROW(10, 0, 0, 1, 1, 7, 6, 13, 25, 19, 8, 20, 18);
    ROW(15, 0, 0, 4, 27, 5, 36, 11, 10, 17, 15, 23, 56);
    ROW(20, 0, 0, 2, 62, 8, 55, 14, 39, 15, 41, 21, 2);
}

void pqc_keccak_permute(pqc_keccak_state *state, pqc_keccak_state *scratch)
{
    for (unsigned round = 0; round < 24; round += 2) {
        keccak_round(scratch->half, state->half, &round_constants[2 * round]);
        keccak_round(state->half, scratch->half, &round_constants[2 * round + 2]);
    }
}

void pqc_keccak_xor_lane(pqc_keccak_state *state, unsigned index, uint32_t low, uint32_t high)
{
    state->half[2 * index] ^= low;
    state->half[2 * index + 1] ^= high;
}

void pqc_keccak_extract(uint8_t *out, const pqc_keccak_state *state, unsigned lanes)
{
    for (unsigned i = 0; i < 2 * lanes; i++) {
        pqc_store32(out + 4 * i, state->half[i]);
    }
}

#endif
