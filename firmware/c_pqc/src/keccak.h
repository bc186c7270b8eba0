/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * keccak.h - Keccak-f[1600] behind one seam, and the sponge on top (FIPS 202).
 *
 * The permutation exists three times, one is compiled in:
 *
 *   PQC_KECCAK_64    plain 64-bit lanes: 64-bit machines
 *   PQC_KECCAK_BI    bit-interleaved halves: 32-bit machines with a rotate (Arm)
 *   PQC_KECCAK_HILO  low and high halves: 32-bit machines without (RV32IMC, Xtensa)
 *
 * A port with hardware or assembly defines PQC_KECCAK_PORT and supplies the three
 * pqc_keccak_* functions itself.
 */
#ifndef PQC_KECCAK_H
#define PQC_KECCAK_H

#include "common.h"

#if !defined(PQC_KECCAK_64) && !defined(PQC_KECCAK_BI) && !defined(PQC_KECCAK_HILO) && \
    !defined(PQC_KECCAK_PORT)
#if UINTPTR_MAX > 0xFFFFFFFFu
#define PQC_KECCAK_64
#elif defined(__arm__)
#define PQC_KECCAK_BI
#else
#define PQC_KECCAK_HILO
#endif
#endif

/* 25 lanes, 200 bytes, in a representation private to the permutation. */
typedef union {
    uint64_t lane[25];
    uint32_t half[50];
    uint8_t bytes[200];
} pqc_keccak_state;

/* Permute `state`; `scratch` is overwritten with values derived from it. */
void pqc_keccak_permute(pqc_keccak_state *state, pqc_keccak_state *scratch);
/* XOR `lanes` lanes of little-endian `data` into the state, from lane `first` on. */
void pqc_keccak_xor_lanes(pqc_keccak_state *state, unsigned first, const uint8_t *data,
                          unsigned lanes);
/* Fill the first `lanes` lanes of `out` with those of the state as bytes, each lane little-endian. */
void pqc_keccak_extract(pqc_keccak_state *out, const pqc_keccak_state *state, unsigned lanes);

/*
 * A sponge. Life: set `scratch`, init, absorb any number of times, finish, squeeze any number
 * of times. Holds no other memory than itself and the scratch it was given.
 *
 * The scratch has two lives: the permutation works in it, and between two
 * permutations it holds the current block of output. Sponges used one after the
 * other may share one scratch; so may two sponges of which only one is past
 * finish() at a time. (A block got from one is gone once another permutes.)
 */
typedef struct {
    pqc_keccak_state state;
    pqc_keccak_state *scratch;
    uint8_t rate; /* bytes per block */
    uint8_t used; /* bytes of the block absorbed, or squeezed, so far */
    uint8_t suffix;
} pqc_sponge;

#define PQC_SHAKE128_RATE 168
#define PQC_SHAKE256_RATE 136
#define PQC_SHA3_512_RATE 72

/* Which function: its rate, and its suffix and first bit of padding (FIPS 202 section 6). */
#define PQC_SHAKE128 (PQC_SHAKE128_RATE | 0x1f << 8)
#define PQC_SHAKE256 (PQC_SHAKE256_RATE | 0x1f << 8)
#define PQC_SHA3_256 (PQC_SHAKE256_RATE | 0x06 << 8)
#define PQC_SHA3_512 (PQC_SHA3_512_RATE | 0x06 << 8)

/* Begin; `sponge->scratch` was set before, and is kept. */
void pqc_sponge_init(pqc_sponge *sponge, unsigned function);

void pqc_sponge_absorb(pqc_sponge *sponge, const uint8_t *data, size_t bytes);
/* Absorb one byte: domain separators, nonces, matrix indices. */
void pqc_sponge_absorb_byte(pqc_sponge *sponge, uint8_t byte);
/* Pad; no permutation happens yet: the first squeeze does it. */
void pqc_sponge_finish(pqc_sponge *sponge);
void pqc_sponge_squeeze(pqc_sponge *sponge, uint8_t *out, size_t bytes);
/* SHAKE256 of `data` so far. */
void pqc_shake256_start(pqc_sponge *sponge, const uint8_t *data, size_t bytes);
/* A function of `seed` and a number of two bytes, finished. */
void pqc_sponge_numbered(pqc_sponge *sponge, unsigned function, const uint8_t *seed, size_t bytes,
                         unsigned number);
/* Finish, then the first `bytes` of output. */
void pqc_sponge_result(pqc_sponge *sponge, uint8_t *out, size_t bytes);
/*
 * The next whole block of output: `rate` bytes inside the scratch, valid until
 * the next permutation in that scratch. Samplers read it in place. Not to be
 * mixed with pqc_sponge_squeeze() on one sponge.
 */
const uint8_t *pqc_sponge_squeeze_block(pqc_sponge *sponge);

#endif
