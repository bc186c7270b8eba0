/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* keccak_64.c - Keccak-f[1600] on 64-bit lanes, for machines that have such words. */
#include "keccak.h"

#ifdef PQC_KECCAK_64

/* FIPS 202 algorithm 6. */
static const uint64_t round_constants[24] = {
    0x0000000000000001u, 0x0000000000008082u, 0x800000000000808au, 0x8000000080008000u,
    0x000000000000808bu, 0x0000000080000001u, 0x8000000080008081u, 0x8000000000008009u,
    0x000000000000008au, 0x0000000000000088u, 0x0000000080008009u, 0x000000008000000au,
    0x000000008000808bu, 0x800000000000008bu, 0x8000000000008089u, 0x8000000000008003u,
    0x8000000000008002u, 0x8000000000000080u, 0x000000000000800au, 0x800000008000000au,
    0x8000000080008081u, 0x8000000000008080u, 0x0000000080000001u, 0x8000000080008008u,
};

#define ROL(v, n)         (((v) << (n)) | ((v) >> ((64 - (n)) & 63)))
#define LANE(i, rotation) ROL(a[i] ^ d[(i) % 5], rotation)

/* theta, rho and pi bring five lanes of `a` into one row, chi mixes them into a row of `e`. */
#define ROW(o, iota, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4) \
    do {                                                     \
        uint64_t b0 = LANE(i0, r0);                          \
        uint64_t b1 = LANE(i1, r1);                          \
        uint64_t b2 = LANE(i2, r2);                          \
        uint64_t b3 = LANE(i3, r3);                          \
        uint64_t b4 = LANE(i4, r4);                          \
        e[(o) + 0] = b0 ^ (~b1 & b2) ^ (iota);               \
        e[(o) + 1] = b1 ^ (~b2 & b3);                        \
        e[(o) + 2] = b2 ^ (~b3 & b4);                        \
        e[(o) + 3] = b3 ^ (~b4 & b0);                        \
        e[(o) + 4] = b4 ^ (~b0 & b1);                        \
    } while (0)

PQC_INLINE void keccak_round(uint64_t *restrict e, const uint64_t *restrict a, uint64_t iota)
{
    uint64_t c[5];
    uint64_t d[5];
    for (unsigned x = 0; x < 5; x++) {
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    for (unsigned x = 0; x < 5; x++) {
        d[x] = c[(x + 4) % 5] ^ ROL(c[(x + 1) % 5], 1);
    }
    ROW(0, iota, 0, 0, 6, 44, 12, 43, 18, 21, 24, 14);
    ROW(5, 0, 3, 28, 9, 20, 10, 3, 16, 45, 22, 61);
    ROW(10, 0, 1, 1, 7, 6, 13, 25, 19, 8, 20, 18);
    ROW(15, 0, 4, 27, 5, 36, 11, 10, 17, 15, 23, 56);
    ROW(20, 0, 2, 62, 8, 55, 14, 39, 15, 41, 21, 2);
}

void pqc_keccak_permute(pqc_keccak_state *state, pqc_keccak_state *scratch)
{
    for (unsigned round = 0; round < 24; round += 2) {
        keccak_round(scratch->lane, state->lane, round_constants[round]);
        keccak_round(state->lane, scratch->lane, round_constants[round + 1]);
    }
}

void pqc_keccak_xor_lanes(pqc_keccak_state *state, unsigned first, const uint8_t *data,
                          unsigned lanes)
{
    for (unsigned i = first; i < first + lanes; i++, data += 8) {
        uint32_t low = pqc_load32(data);
        uint32_t high = pqc_load32(data + 4);
        state->lane[i] ^= (uint64_t)low | ((uint64_t)high << 32);
    }
}

void pqc_keccak_extract(pqc_keccak_state *out, const pqc_keccak_state *state, unsigned lanes)
{
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t lane = state->lane[i];
        out->half[2 * i] = pqc_le32((uint32_t)lane);
        out->half[2 * i + 1] = pqc_le32((uint32_t)(lane >> 32));
    }
}

#endif
