/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sha3.c - the one-shot SHA-3 functions of pqc.h. */
#include "keccak.h"

#define STACK_BYTES 256 /* what a call leaves below its own frame, at most */

PQC_COLD PQC_NOINLINE static void run(pqc_sponge *sponge, uint8_t *out, size_t out_bytes,
                                      const uint8_t *data, size_t data_bytes)
{
    pqc_sponge_absorb(sponge, data, data_bytes);
    pqc_sponge_result(sponge, out, out_bytes);
}

PQC_COLD PQC_NOINLINE static void hash(unsigned function, uint8_t *out, size_t out_bytes,
                                       const uint8_t *data, size_t data_bytes)
{
    struct {
        pqc_sponge sponge;
        pqc_keccak_state scratch;
    } work;
    work.sponge.scratch = &work.scratch;
    pqc_sponge_init(&work.sponge, function);
    run(&work.sponge, out, out_bytes, data, data_bytes);
    pqc_clean(&work, sizeof work, STACK_BYTES);
}

void pqc_sha3_256(uint8_t digest[PQC_SHA3_256_BYTES], const uint8_t *data, size_t data_bytes)
{
    hash(PQC_SHA3_256, digest, PQC_SHA3_256_BYTES, data, data_bytes);
}

void pqc_shake128(uint8_t *out, size_t out_bytes, const uint8_t *data, size_t data_bytes)
{
    hash(PQC_SHAKE128, out, out_bytes, data, data_bytes);
}

void pqc_shake256(uint8_t *out, size_t out_bytes, const uint8_t *data, size_t data_bytes)
{
    hash(PQC_SHAKE256, out, out_bytes, data, data_bytes);
}
