/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aes256.h - the AES-256 forward cipher (FIPS 197), two blocks at a time.
 *
 * The seam for hardware: a port defines PQC_AES_PORT as the name of a header of
 * its own, which defines the type pqc_aes256, and supplies the two functions.
 */
#ifndef PQC_AES256_H
#define PQC_AES256_H

#include "common.h"

#define AES_BLOCK 16

#ifdef PQC_AES_PORT
#include PQC_AES_PORT
#else
/* 15 round keys, bitsliced; both blocks share them, so half the words suffice. */
typedef struct {
    uint32_t round_keys[60];
} pqc_aes256;
#endif

void pqc_aes256_init(pqc_aes256 *aes, const uint8_t key[32]);
/* Encrypt two independent blocks in place. */
void pqc_aes256_encrypt2(const pqc_aes256 *aes, uint8_t blocks[2 * AES_BLOCK]);

#endif
