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

/* FIPS 202 algorithm 6, interleaved: even bits, odd bits. */
static const uint32_t round_constants[48] = {
    0x00000001u, 0x00000000u, 0x00000000u, 0x00000089u, 0x00000000u, 0x8000008bu, 0x00000000u,
    0x80008080u, 0x00000001u, 0x0000008bu, 0x00000001u, 0x00008000u, 0x00000001u, 0x80008088u,
    0x00000001u, 0x80000082u, 0x00000000u, 0x0000000bu, 0x00000000u, 0x0000000au, 0x00000001u,
    0x00008082u, 0x00000000u, 0x00008003u, 0x00000001u, 0x0000808bu, 0x00000001u, 0x8000000bu,
    0x00000001u, 0x8000008au, 0x00000001u, 0x80000081u, 0x00000000u, 0x80000081u, 0x00000000u,
    0x80000008u, 0x00000000u, 0x00000083u, 0x00000000u, 0x80008003u, 0x00000001u, 0x80008088u,
    0x00000000u, 0x80000088u, 0x00000001u, 0x00008000u, 0x00000000u, 0x80008082u,
};

#define ROL(v, n) (((v) << (n)) | ((v) >> ((32 - (n)) & 31)))

/* Column parity of theta, one half. */
#define PARITY(i) (a[i] ^ a[(i) + 10] ^ a[(i) + 20] ^ a[(i) + 30] ^ a[(i) + 40])

/*
 * theta, rho and pi bring five words of `a` (index, rotation) into one row, chi
 * mixes them into half a row of `e`. The barrier keeps the compiler from loading
 * all fifty words at once and spilling them again.
 */
#define ROW(o, iota, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4) \
    do {                                                     \
        uint32_t b0 = a[i0] ^ d[(i0) % 10];                  \
        uint32_t b1 = a[i1] ^ d[(i1) % 10];                  \
        uint32_t b2 = a[i2] ^ d[(i2) % 10];                  \
        uint32_t b3 = a[i3] ^ d[(i3) % 10];                  \
        uint32_t b4 = a[i4] ^ d[(i4) % 10];                  \
        b0 = ROL(b0, r0);                                    \
        b1 = ROL(b1, r1);                                    \
        b2 = ROL(b2, r2);                                    \
        b3 = ROL(b3, r3);                                    \
        b4 = ROL(b4, r4);                                    \
        e[(o) + 0] = b0 ^ (~b1 & b2) ^ (iota);               \
        e[(o) + 2] = b1 ^ (~b2 & b3);                        \
        e[(o) + 4] = b2 ^ (~b3 & b4);                        \
        e[(o) + 6] = b3 ^ (~b4 & b0);                        \
        e[(o) + 8] = b4 ^ (~b0 & b1);                        \
        PQC_MEMORY_BARRIER();                                \
    } while (0)

/* One round from `a` to `e`. Never inlined: called 24 times, it stays 1.7 KB of code. */
PQC_HOT PQC_NOINLINE static void keccak_round(uint32_t e[50], const uint32_t a[50],
                                              const uint32_t iota[2])
{
    uint32_t d[10];
    {
        uint32_t c[10];
        for (unsigned i = 0; i < 10; i++) {
            c[i] = PARITY(i);
        }
        d[0] = c[8] ^ ROL(c[3], 1);
        d[1] = c[9] ^ c[2];
        d[2] = c[0] ^ ROL(c[5], 1);
        d[3] = c[1] ^ c[4];
        d[4] = c[2] ^ ROL(c[7], 1);
        d[5] = c[3] ^ c[6];
        d[6] = c[4] ^ ROL(c[9], 1);
        d[7] = c[5] ^ c[8];
        d[8] = c[6] ^ ROL(c[1], 1);
        d[9] = c[7] ^ c[0];
    }
    PQC_MEMORY_BARRIER();
    ROW(0, iota[0], 0, 0, 12, 22, 25, 22, 37, 11, 48, 7);
    ROW(1, iota[1], 1, 0, 13, 22, 24, 21, 36, 10, 49, 7);
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
        keccak_round(scratch->half, state->half, &round_constants[2 * round]);
        keccak_round(state->half, scratch->half, &round_constants[2 * round + 2]);
    }
}

/* Gather the even bits of `v` in its low half, the odd bits in its high half. */
PQC_INLINE uint32_t unshuffle(uint32_t v)
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
PQC_INLINE uint32_t shuffle(uint32_t v)
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

void pqc_keccak_xor_lane(pqc_keccak_state *state, unsigned index, uint32_t low, uint32_t high)
{
    low = unshuffle(low);
    high = unshuffle(high);
    state->half[2 * index] ^= (low & 0xffffu) | (high << 16);
    state->half[2 * index + 1] ^= (low >> 16) | (high & 0xffff0000u);
}

void pqc_keccak_extract(uint8_t *out, const pqc_keccak_state *state, unsigned lanes)
{
    for (unsigned i = 0; i < lanes; i++) {
        uint32_t even = state->half[2 * i];
        uint32_t odd = state->half[2 * i + 1];
        pqc_store32(out + 8 * i, shuffle((even & 0xffffu) | (odd << 16)));
        pqc_store32(out + 8 * i + 4, shuffle((even >> 16) | (odd & 0xffff0000u)));
    }
}

#endif
