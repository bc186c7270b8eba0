/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* accumulate.h - every function of pqc.h on made-up inputs, condensed into one digest. */
#ifndef PQC_TESTS_ACCUMULATE_H
#define PQC_TESTS_ACCUMULATE_H

#include "../include/pqc.h"

/* Where accumulate() puts things. Allocated by the caller: exactly, so that a sanitizer sees more. */
typedef struct {
    uint8_t *seed;      /* 64 */
    uint8_t *coins;     /* 32 */
    uint8_t *ek;        /* 1184 */
    uint8_t *dk;        /* 2400 */
    uint8_t *ct;        /* 1088 */
    uint8_t *ss;        /* 32 */
    uint8_t *pk;        /* 1952 */
    uint8_t *sig;       /* 3309 */
    uint8_t *text;      /* ACCUMULATE_TEXT_MAX */
    uint8_t *sealed;    /* ACCUMULATE_TEXT_MAX + 16 */
    uint8_t *workspace; /* workspace_bytes, aligned */
    size_t workspace_bytes;
} accumulate_buffers;

#define ACCUMULATE_TEXT_MAX 128

/*
 * Do `rounds` rounds and leave SHA3-256 over all results in `digest`. Returns 0,
 * or the number of the check that failed first.
 */
int accumulate(uint8_t digest[32], unsigned rounds, const accumulate_buffers *b);

#endif
