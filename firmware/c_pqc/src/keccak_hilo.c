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

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns") /* 14,800 cycles, not 15,600 */
#endif

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

/*
 * chi, half a row. These cores lack and-not as well, so six lanes are kept
 * complemented during the permutation (Keccak implementation overview, "lane
 * complementing"): by De Morgan all but one of chi's negations vanish, n here,
 * and each row has a pattern of its own.
 */
#define CHI(o, e0, e1, e2, e3, e4) \
    e[(o) + 0] = e0;               \
    e[(o) + 2] = e1;               \
    e[(o) + 4] = e2;               \
    e[(o) + 6] = e3;               \
    e[(o) + 8] = e4

#define CHI_0(o, a, b, c, d, f) \
    uint32_t a##n = ~c;         \
    CHI(o, a ^ (b | c), b ^ (a##n | d), c ^ (d & f), d ^ (f | a), f ^ (a & b))
#define CHI_1(o, a, b, c, d, f) \
    uint32_t a##n = ~f;         \
    CHI(o, a ^ (b | c), b ^ (c & d), c ^ (d | a##n), d ^ (f | a), f ^ (a & b))
#define CHI_2(o, a, b, c, d, f) \
    uint32_t a##n = ~d;         \
    CHI(o, a ^ (b | c), b ^ (c & d), c ^ (a##n & f), a##n ^ (f | a), f ^ (a & b))
#define CHI_3(o, a, b, c, d, f) \
    uint32_t a##n = ~d;         \
    CHI(o, a ^ (b & c), b ^ (c | d), c ^ (a##n | f), a##n ^ (f & a), f ^ (a | b))
#define CHI_4(o, a, b, c, d, f) \
    uint32_t a##n = ~b;         \
    CHI(o, a ^ (a##n & c), a##n ^ (c | d), c ^ (d & f), d ^ (f | a), f ^ (a & b))

#define ROW(y, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4) \
    do {                                               \
        LANE(0, i0, r0);                               \
        LANE(1, i1, r1);                               \
        LANE(2, i2, r2);                               \
        LANE(3, i3, r3);                               \
        LANE(4, i4, r4);                               \
        CHI_##y(10 * (y), l0, l1, l2, l3, l4);         \
        CHI_##y(10 * (y) + 1, h0, h1, h2, h3, h4);     \
    } while (0)

/* One round from `a` to `e`. Never inlined: called 24 times. */
PQC_HOT PQC_NOINLINE static void keccak_round(uint32_t e[50], const uint32_t a[50],
                                              const uint32_t iota[2])
{
    uint32_t d[10];
    {
        uint32_t c0 = PARITY(0), c1 = PARITY(1), c2 = PARITY(2), c3 = PARITY(3), c4 = PARITY(4);
        uint32_t c5 = PARITY(5), c6 = PARITY(6), c7 = PARITY(7), c8 = PARITY(8), c9 = PARITY(9);
        d[0] = c8 ^ ((c2 << 1) | (c3 >> 31));
        d[1] = c9 ^ ((c3 << 1) | (c2 >> 31));
        d[2] = c0 ^ ((c4 << 1) | (c5 >> 31));
        d[3] = c1 ^ ((c5 << 1) | (c4 >> 31));
        d[4] = c2 ^ ((c6 << 1) | (c7 >> 31));
        d[5] = c3 ^ ((c7 << 1) | (c6 >> 31));
        d[6] = c4 ^ ((c8 << 1) | (c9 >> 31));
        d[7] = c5 ^ ((c9 << 1) | (c8 >> 31));
        d[8] = c6 ^ ((c0 << 1) | (c1 >> 31));
        d[9] = c7 ^ ((c1 << 1) | (c0 >> 31));
    }
    ROW(0, 0, 0, 6, 44, 12, 43, 18, 21, 24, 14);
    ROW(1, 3, 28, 9, 20, 10, 3, 16, 45, 22, 61);
    ROW(2, 1, 1, 7, 6, 13, 25, 19, 8, 20, 18);
    ROW(3, 4, 27, 5, 36, 11, 10, 17, 15, 23, 56);
    ROW(4, 2, 62, 8, 55, 14, 39, 15, 41, 21, 2);
    e[0] ^= iota[0];
    e[1] ^= iota[1];
}

static void complement_lanes(uint32_t a[50])
{
    static const uint8_t lanes[6] = {1, 2, 8, 12, 17, 20};
    for (unsigned i = 0; i < 6; i++) {
        a[2 * lanes[i]] = ~a[2 * lanes[i]];
        a[2 * lanes[i] + 1] = ~a[2 * lanes[i] + 1];
    }
}

void pqc_keccak_permute(pqc_keccak_state *state, pqc_keccak_state *scratch)
{
    complement_lanes(state->half);
    for (unsigned round = 0; round < 24; round += 2) {
        keccak_round(scratch->half, state->half, &round_constants[2 * round]);
        keccak_round(state->half, scratch->half, &round_constants[2 * round + 2]);
    }
    complement_lanes(state->half);
}

void pqc_keccak_xor_lanes(pqc_keccak_state *state, unsigned first, const uint8_t *data,
                          unsigned lanes)
{
    for (unsigned i = 2 * first; i < 2 * (first + lanes); i++, data += 4) {
        state->half[i] ^= pqc_load32(data);
    }
}

void pqc_keccak_extract(pqc_keccak_state *out, const pqc_keccak_state *state, unsigned lanes)
{
    for (unsigned i = 0; i < 2 * lanes; i++) {
        out->half[i] = pqc_le32(state->half[i]);
    }
}

#endif
