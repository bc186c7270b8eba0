/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * accumulate_hosted.c - accumulate() as a programme: `accumulate ROUNDS` prints
 * the digest. Every buffer is its own allocation, of exactly the documented size
 * and at an odd address, so AddressSanitizer sees the first byte too far and
 * UBSan the first access that assumes alignment. The workspace is exactly
 * PQC_WORKSPACE_BYTES.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accumulate.h"

static void *blocks[16];
static size_t block_count;

static uint8_t *allocate(size_t bytes, size_t shift)
{
    uint8_t *block = malloc(bytes + shift);
    if (block == NULL || block_count == sizeof blocks / sizeof blocks[0]) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    blocks[block_count++] = block;
    memset(block, 0xa5, bytes + shift);
    return block + shift;
}

static int misused(const accumulate_buffers *b)
{
    uint8_t *ek = b->ek;
    return pqc_kem_keypair(ek, b->seed, NULL, 0) == PQC_ERR_WORKSPACE &&
           pqc_kem_keypair(ek, b->seed, b->workspace, 100) == PQC_ERR_WORKSPACE &&
           pqc_kem_keypair(ek, b->seed, b->workspace + 1, b->workspace_bytes - 1) ==
               PQC_ERR_WORKSPACE &&
           ek[0] == 0 && ek[PQC_KEM_PUBLIC_BYTES - 1] == 0;
}

int main(int count, char **arguments)
{
    unsigned rounds = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 1;
    accumulate_buffers b = {
        .seed = allocate(64, 1),
        .coins = allocate(32, 1),
        .ek = allocate(PQC_KEM_PUBLIC_BYTES, 1),
        .dk = allocate(PQC_KEM_EXPANDED_BYTES, 1),
        .ct = allocate(PQC_KEM_CIPHERTEXT_BYTES, 1),
        .ss = allocate(32, 1),
        .pk = allocate(PQC_DSA_PUBLIC_BYTES, 1),
        .sig = allocate(PQC_DSA_SIGNATURE_BYTES, 1),
        .text = allocate(ACCUMULATE_TEXT_MAX, 1),
        .sealed = allocate(ACCUMULATE_TEXT_MAX + 16, 1),
        .workspace = allocate(PQC_WORKSPACE_BYTES, 0),
        .workspace_bytes = PQC_WORKSPACE_BYTES,
    };
    uint8_t digest[32];
    int failed = accumulate(digest, rounds, &b);
    if (failed != 0 || !misused(&b)) {
        fprintf(stderr, "failed: line %d of accumulate.c\n", failed);
        return 1;
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        printf("%02x", digest[i]);
    }
    putchar('\n');
    while (block_count > 0) {
        free(blocks[--block_count]);
    }
    return 0;
}
