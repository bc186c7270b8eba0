/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sponge.c - SHA-3 and SHAKE over the permutation seam (FIPS 202 sections 4 to 6). */
#include "keccak.h"

void pqc_sponge_init(pqc_sponge *sponge, unsigned function)
{
    /* All three representations have the zero state in common. */
    memset(&sponge->state, 0, sizeof sponge->state);
    sponge->rate = (uint8_t)function;
    sponge->used = 0;
    sponge->suffix = (uint8_t)(function >> 8);
}

/* XOR up to a lane's worth of bytes into the block at `position`, within one lane. */
static void xor_bytes(pqc_sponge *sponge, unsigned position, const uint8_t *data, size_t bytes)
{
    uint8_t lane[8] = {0};
    memcpy(lane + (position & 7), data, bytes);
    pqc_keccak_xor_lanes(&sponge->state, position >> 3, lane, 1);
}

void pqc_sponge_absorb(pqc_sponge *sponge, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        unsigned used = sponge->used;
        size_t part = (size_t)(sponge->rate - used);
        if ((used & 7) == 0 && bytes >= 8) {
            part = (part < bytes ? part : bytes) & ~(size_t)7;
            pqc_keccak_xor_lanes(&sponge->state, used >> 3, data, (unsigned)(part >> 3));
        } else {
            part = 8 - (used & 7);
            part = part < bytes ? part : bytes;
            xor_bytes(sponge, used, data, part);
        }
        data += part;
        bytes -= part;
        sponge->used = (uint8_t)(used + part);
        if (sponge->used == sponge->rate) {
            pqc_keccak_permute(&sponge->state, sponge->scratch);
            sponge->used = 0;
        }
    }
}

void pqc_sponge_absorb_byte(pqc_sponge *sponge, uint8_t byte)
{
    pqc_sponge_absorb(sponge, &byte, 1);
}

void pqc_sponge_finish(pqc_sponge *sponge)
{
    const uint8_t last = 0x80;
    xor_bytes(sponge, sponge->used, &sponge->suffix, 1);
    xor_bytes(sponge, sponge->rate - 1u, &last, 1);
    sponge->used = sponge->rate; /* nothing squeezed yet: the next byte needs a permutation */
}

const uint8_t *pqc_sponge_squeeze_block(pqc_sponge *sponge)
{
    pqc_keccak_permute(&sponge->state, sponge->scratch);
    pqc_keccak_extract(sponge->scratch, &sponge->state, sponge->rate / 8u);
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

void pqc_shake256_start(pqc_sponge *sponge, const uint8_t *data, size_t bytes)
{
    pqc_sponge_init(sponge, PQC_SHAKE256);
    pqc_sponge_absorb(sponge, data, bytes);
}

void pqc_sponge_numbered(pqc_sponge *sponge, unsigned function, const uint8_t *seed, size_t bytes,
                         unsigned number)
{
    pqc_sponge_init(sponge, function);
    pqc_sponge_absorb(sponge, seed, bytes);
    pqc_sponge_absorb_byte(sponge, (uint8_t)number);
    pqc_sponge_absorb_byte(sponge, (uint8_t)(number >> 8));
    pqc_sponge_finish(sponge);
}

void pqc_sponge_result(pqc_sponge *sponge, uint8_t *out, size_t bytes)
{
    pqc_sponge_finish(sponge);
    pqc_sponge_squeeze(sponge, out, bytes);
}
