/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * keccak_bi.c - Keccak-f[1600] on bit-interleaved halves.
 *
 * Every 64-bit lane is kept as its even-numbered bits (half[2 i]) and its
 * odd-numbered bits (half[2 i + 1]), so that a rotation of the lane becomes two
 * rotations of 32-bit words, which Arm cores do for nothing. (Keccak
 * implementation overview 2.1, "bit interleaving".)
 */
#include "keccak.h"

#ifdef PQC_KECCAK_BI

#if defined(__GNUC__) && !defined(__clang__)
/*
 * Measured with GCC 12: scheduling before register allocation tears the loads
 * apart that TOGETHER() put together (11,200 cycles become 13,300 on Cortex-M4),
 * and -Os costs a tenth on Cortex-M0+ without saving anything.
 */
#pragma GCC optimize("O2", "no-schedule-insns")
#endif

/*
 * FIPS 202 algorithm 6, interleaved: even bits, of which only the lowest is ever set, and
 * odd bits. Where size counts that one bit is kept in a place that no odd half uses.
 */
#ifdef PQC_SMALL
#define RC(even, odd) (odd) | (uint32_t)(even) << 16
#define RC_WORDS      1
#define RC_EVEN(rc)   ((rc)[0] >> 16 & 1)
#define RC_ODD(rc)    ((rc)[0] & ~0x10000u)
#else
#define RC(even, odd) (even), (odd)
#define RC_WORDS      2
#define RC_EVEN(rc)   ((rc)[0])
#define RC_ODD(rc)    ((rc)[1])
#endif
static const uint32_t round_constants[24 * RC_WORDS] = {
    RC(1, 0x00000000u), RC(0, 0x00000089u), RC(0, 0x8000008bu), RC(0, 0x80008080u),
    RC(1, 0x0000008bu), RC(1, 0x00008000u), RC(1, 0x80008088u), RC(1, 0x80000082u),
    RC(0, 0x0000000bu), RC(0, 0x0000000au), RC(1, 0x00008082u), RC(0, 0x00008003u),
    RC(1, 0x0000808bu), RC(1, 0x8000000bu), RC(1, 0x8000008au), RC(1, 0x80000081u),
    RC(0, 0x80000081u), RC(0, 0x80000008u), RC(0, 0x00000083u), RC(0, 0x80008003u),
    RC(1, 0x80008088u), RC(0, 0x80000088u), RC(1, 0x00008000u), RC(0, 0x80008082u),
};

#define ROL(v, n) (((v) << ((n)&31)) | ((v) >> ((32 - (n)) & 31)))

/*
 * Lazy rotation (Adomnicai, "An update on Keccak performance on ARMv7-M", 2023),
 * for cores that rotate an operand on its way into an instruction: what rho asks
 * for is not carried out. Word i is kept pending[i] places short of its value,
 * which is made up for where the word is used next. The table depends on the
 * position only; words enter and leave the state through it.
 */
#ifndef PQC_KECCAK_LAZY
#if defined(__thumb2__) || (defined(__arm__) && !defined(__thumb__))
#define PQC_KECCAK_LAZY 1
#else
#define PQC_KECCAK_LAZY 0
#endif
#endif

#if PQC_KECCAK_LAZY
static const uint8_t pending[50] = {
    0,  0,  22, 22, 22, 21, 11, 10, 7,  7,  14, 14, 10, 10, 2,  1,  23,
    22, 31, 30, 1,  0,  3,  3,  13, 12, 4,  4,  9,  9,  14, 13, 18, 18,
    5,  5,  8,  7,  28, 28, 31, 31, 28, 27, 20, 19, 21, 20, 1,  1,
};
#define VALUE(word, i)              ROL(word, pending[i])
#define SHORT(word, i)              ROL(word, 32 - pending[i])
#define CHI(b0, r0, b1, r1, b2, r2) ((b0) ^ ROL(~ROL(b1, (r1) - (r2)) & (b2), (r2) - (r0)))
#else
#define VALUE(word, i)              (word)
#define SHORT(word, i)              (word)
#define CHI(b0, r0, b1, r1, b2, r2) (ROL(b0, r0) ^ (~ROL(b1, r1) & ROL(b2, r2)))
#endif

#if PQC_KECCAK_LAZY && defined(__GNUC__)
/* Five values exist at once here, so their loads are issued back to back: 6 cycles, not 10. */
#define TOGETHER(v0, v1, v2, v3, v4) \
    __asm__ volatile("" : "+r"(v0), "+r"(v1), "+r"(v2), "+r"(v3), "+r"(v4))
#else
#define TOGETHER(v0, v1, v2, v3, v4) ((void)0)
#endif

/* Column parity of theta, one half. */
PQC_INLINE uint32_t parity(const uint32_t a[50], unsigned i)
{
    uint32_t v0 = a[i];
    uint32_t v1 = a[i + 10];
    uint32_t v2 = a[i + 20];
    uint32_t v3 = a[i + 30];
    uint32_t v4 = a[i + 40];
    TOGETHER(v0, v1, v2, v3, v4);
    return VALUE(v0, i) ^ VALUE(v1, i + 10) ^ VALUE(v2, i + 20) ^ VALUE(v3, i + 30) ^
           VALUE(v4, i + 40);
}

/*
 * theta, rho and pi bring five words of `a` (index, rotation) into one row, chi
 * mixes them into half a row of `e`. The barrier keeps the compiler from loading
 * all fifty words at once and spilling them again.
 */
#define ROW(o, iota, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4) \
    do {                                                     \
        uint32_t b0 = a[i0];                                 \
        uint32_t b1 = a[i1];                                 \
        uint32_t b2 = a[i2];                                 \
        uint32_t b3 = a[i3];                                 \
        uint32_t b4 = a[i4];                                 \
        TOGETHER(b0, b1, b2, b3, b4);                        \
        b0 = d[(i0) % 10] ^ VALUE(b0, i0);                   \
        b1 = d[(i1) % 10] ^ VALUE(b1, i1);                   \
        b2 = d[(i2) % 10] ^ VALUE(b2, i2);                   \
        b3 = d[(i3) % 10] ^ VALUE(b3, i3);                   \
        b4 = d[(i4) % 10] ^ VALUE(b4, i4);                   \
        e[(o) + 0] = CHI(b0, r0, b1, r1, b2, r2) ^ (iota);   \
        e[(o) + 2] = CHI(b1, r1, b2, r2, b3, r3);            \
        e[(o) + 4] = CHI(b2, r2, b3, r3, b4, r4);            \
        e[(o) + 6] = CHI(b3, r3, b4, r4, b0, r0);            \
        e[(o) + 8] = CHI(b4, r4, b0, r0, b1, r1);            \
        PQC_MEMORY_BARRIER();                                \
    } while (0)

/* One round from `a` to `e`. Never inlined: called 24 times, it stays below 2 KB of code. */
PQC_HOT PQC_NOINLINE static void keccak_round(uint32_t e[50], const uint32_t a[50],
                                              const uint32_t *constants)
{
    uint32_t d[10];
#if defined(PQC_SMALL) && !PQC_KECCAK_LAZY
    uint32_t c[10];
    for (unsigned i = 0; i < 10; i++) {
        c[i] = parity(a, i);
    }
    for (unsigned i = 0; i < 10; i += 2) { /* the column before, and the one behind, rotated */
        unsigned before = i == 0 ? 8 : i - 2, behind = i == 8 ? 0 : i + 2;
        d[i] = c[before] ^ ROL(c[behind + 1], 1);
        d[i + 1] = c[before + 1] ^ c[behind];
    }
#else
    {
        uint32_t c0 = parity(a, 0), c1 = parity(a, 1), c2 = parity(a, 2), c3 = parity(a, 3);
        uint32_t c4 = parity(a, 4), c5 = parity(a, 5), c6 = parity(a, 6), c7 = parity(a, 7);
        uint32_t c8 = parity(a, 8), c9 = parity(a, 9);
        d[0] = c8 ^ ROL(c3, 1);
        d[1] = c9 ^ c2;
        d[2] = c0 ^ ROL(c5, 1);
        d[3] = c1 ^ c4;
        d[4] = c2 ^ ROL(c7, 1);
        d[5] = c3 ^ c6;
        d[6] = c4 ^ ROL(c9, 1);
        d[7] = c5 ^ c8;
        d[8] = c6 ^ ROL(c1, 1);
        d[9] = c7 ^ c0;
    }
#endif
    PQC_MEMORY_BARRIER();
    ROW(0, RC_EVEN(constants), 0, 0, 12, 22, 25, 22, 37, 11, 48, 7);
    ROW(1, RC_ODD(constants), 1, 0, 13, 22, 24, 21, 36, 10, 49, 7);
    ROW(10, 0, 6, 14, 18, 10, 21, 2, 33, 23, 45, 31);
    ROW(11, 0, 7, 14, 19, 10, 20, 1, 32, 22, 44, 30);
    ROW(20, 0, 3, 1, 14, 3, 27, 13, 38, 4, 40, 9);
    ROW(21, 0, 2, 0, 15, 3, 26, 12, 39, 4, 41, 9);
    ROW(30, 0, 9, 14, 10, 18, 22, 5, 35, 8, 46, 28);
    ROW(31, 0, 8, 13, 11, 18, 23, 5, 34, 7, 47, 28);
    ROW(40, 0, 4, 31, 17, 28, 29, 20, 31, 21, 42, 1);
    ROW(41, 0, 5, 31, 16, 27, 28, 19, 30, 20, 43, 1);
}

void pqc_keccak_permute(pqc_keccak_state *state, pqc_keccak_state *scratch)
{
    for (unsigned round = 0; round < 24; round += 2) {
        const uint32_t *constants = &round_constants[RC_WORDS * round];
        keccak_round(scratch->half, state->half, constants);
        keccak_round(state->half, scratch->half, constants + RC_WORDS);
    }
}

#if defined(PQC_SMALL) && !PQC_KECCAK_LAZY

/* The four exchanges that gather even and odd bits, in this order or the other. */
PQC_NOINLINE static uint32_t exchange(uint32_t v, unsigned first, unsigned step)
{
    static const uint32_t masks[4] = {0x22222222u, 0x0c0c0c0cu, 0x00f000f0u, 0x0000ff00u};
    for (unsigned i = first; i < 4; i += step) {
        uint32_t t = (v ^ (v >> (1u << i))) & masks[i];
        v ^= t ^ (t << (1u << i));
    }
    return v;
}
#define unshuffle(v) exchange(v, 0, 1)
#define shuffle(v)   exchange(v, 3, (unsigned)-1)

#else

#if PQC_KECCAK_LAZY && !defined(PQC_SMALL)
#define SHUFFLE_INLINE PQC_INLINE
#else
#define SHUFFLE_INLINE PQC_NOINLINE static /* eight registers do not hold two of these */
#endif

/* Gather the even bits of `v` in its low half, the odd bits in its high half. */
SHUFFLE_INLINE uint32_t unshuffle(uint32_t v)
{
    uint32_t t = (v ^ (v >> 1)) & 0x22222222u;
    v ^= t ^ (t << 1);
    t = (v ^ (v >> 2)) & 0x0c0c0c0cu;
    v ^= t ^ (t << 2);
    t = (v ^ (v >> 4)) & 0x00f000f0u;
    v ^= t ^ (t << 4);
    t = (v ^ (v >> 8)) & 0x0000ff00u;
    return v ^ t ^ (t << 8);
}

/* The inverse of unshuffle(). */
SHUFFLE_INLINE uint32_t shuffle(uint32_t v)
{
    uint32_t t = (v ^ (v >> 8)) & 0x0000ff00u;
    v ^= t ^ (t << 8);
    t = (v ^ (v >> 4)) & 0x00f000f0u;
    v ^= t ^ (t << 4);
    t = (v ^ (v >> 2)) & 0x0c0c0c0cu;
    v ^= t ^ (t << 2);
    t = (v ^ (v >> 1)) & 0x22222222u;
    return v ^ t ^ (t << 1);
}

#endif

/* Four little-endian bytes. Cores that cannot load them unaligned mostly need not: keys are aligned. */
PQC_INLINE uint32_t load32(const uint8_t *p)
{
#if defined(__GNUC__) && !defined(__ARM_FEATURE_UNALIGNED) && !defined(PQC_SMALL)
    if ((uintptr_t)p % 4 == 0) {
        uint32_t word;
        memcpy(&word, __builtin_assume_aligned(p, 4), 4);
        return pqc_le32(word);
    }
#endif
    return pqc_load32(p);
}

void pqc_keccak_xor_lanes(pqc_keccak_state *state, unsigned first, const uint8_t *data,
                          unsigned lanes)
{
    for (unsigned i = 2 * first; lanes > 0; lanes--, i += 2, data += 8) {
        uint32_t low = unshuffle(load32(data));
        uint32_t high = unshuffle(load32(data + 4));
        uint32_t even = (low & 0xffffu) | (high << 16);
        uint32_t odd = (low >> 16) | (high & 0xffff0000u);
        state->half[i] ^= SHORT(even, i);
        state->half[i + 1] ^= SHORT(odd, i + 1);
    }
}

void pqc_keccak_extract(pqc_keccak_state *out, const pqc_keccak_state *state, unsigned lanes)
{
    for (unsigned i = 0; i < 2 * lanes; i += 2) {
        uint32_t even = VALUE(state->half[i], i);
        uint32_t odd = VALUE(state->half[i + 1], i + 1);
        out->half[i] = pqc_le32(shuffle((even & 0xffffu) | (odd << 16)));
        out->half[i + 1] = pqc_le32(shuffle((even >> 16) | (odd & 0xffff0000u)));
    }
}

#endif
