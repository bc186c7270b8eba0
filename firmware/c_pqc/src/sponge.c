/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sponge.c - SHA-3 and SHAKE over the permutation seam (FIPS 202 sections 4 to 6). */
#include "keccak.h"

static void sponge_init(pqc_sponge *sponge, pqc_keccak_state *scratch, uint8_t rate,
                        uint8_t suffix)
{
    /* All three representations have the zero state in common. */
    memset(&sponge->state, 0, sizeof sponge->state);
    sponge->scratch = scratch;
    sponge->rate = rate;
    sponge->used = 0;
    sponge->suffix = suffix;
}

void pqc_shake128_init(pqc_sponge *sponge, pqc_keccak_state *scratch)
{
    sponge_init(sponge, scratch, PQC_SHAKE128_RATE, 0x1f);
}

void pqc_shake256_init(pqc_sponge *sponge, pqc_keccak_state *scratch)
{
    sponge_init(sponge, scratch, PQC_SHAKE256_RATE, 0x1f);
}

void pqc_sha3_256_init(pqc_sponge *sponge, pqc_keccak_state *scratch)
{
    sponge_init(sponge, scratch, PQC_SHAKE256_RATE, 0x06);
}

void pqc_sha3_512_init(pqc_sponge *sponge, pqc_keccak_state *scratch)
{
    sponge_init(sponge, scratch, PQC_SHA3_512_RATE, 0x06);
}

/* XOR one byte into the block at `position`. */
static void xor_byte(pqc_sponge *sponge, unsigned position, uint8_t byte)
{
    uint32_t word = (uint32_t)byte << (8 * (position & 3));
    uint32_t high = (position & 4) ? word : 0;
    pqc_keccak_xor_lane(&sponge->state, position >> 3, word ^ high, high);
}

void pqc_sponge_absorb_byte(pqc_sponge *sponge, uint8_t byte)
{
    xor_byte(sponge, sponge->used, byte);
    if (++sponge->used == sponge->rate) {
        pqc_keccak_permute(&sponge->state, sponge->scratch);
        sponge->used = 0;
    }
}

void pqc_sponge_absorb(pqc_sponge *sponge, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        if ((sponge->used & 7) != 0 || bytes < 8) {
            pqc_sponge_absorb_byte(sponge, *data++);
            bytes--;
            continue;
        }
        pqc_keccak_xor_lane(&sponge->state, sponge->used >> 3, pqc_load32(data),
                            pqc_load32(data + 4));
        data += 8;
        bytes -= 8;
        sponge->used = (uint8_t)(sponge->used + 8);
        if (sponge->used == sponge->rate) {
            pqc_keccak_permute(&sponge->state, sponge->scratch);
            sponge->used = 0;
        }
    }
}

void pqc_sponge_finish(pqc_sponge *sponge)
{
    xor_byte(sponge, sponge->used, sponge->suffix);
    xor_byte(sponge, sponge->rate - 1u, 0x80);
    sponge->used = sponge->rate; /* nothing squeezed yet: the next byte needs a permutation */
}

const uint8_t *pqc_sponge_squeeze_block(pqc_sponge *sponge)
{
    pqc_keccak_permute(&sponge->state, sponge->scratch);
    pqc_keccak_extract(sponge->scratch->bytes, &sponge->state, sponge->rate / 8u);
    return sponge->scratch->bytes;
}

void pqc_sponge_squeeze(pqc_sponge *sponge, uint8_t *out, size_t bytes)
{
    while (bytes > 0) {
        if (sponge->used == sponge->rate) {
            (void)pqc_sponge_squeeze_block(sponge);
            sponge->used = 0;
        }
        size_t part = (size_t)(sponge->rate - sponge->used);
        part = part < bytes ? part : bytes;
        memcpy(out, sponge->scratch->bytes + sponge->used, part);
        out += part;
        bytes -= part;
        sponge->used = (uint8_t)(sponge->used + part);
    }
}
