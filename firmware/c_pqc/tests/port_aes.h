/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* port_aes.h - what a port with an AES unit keeps of a key: here, the key itself. */
#ifndef PQC_TEST_PORT_AES_H
#define PQC_TEST_PORT_AES_H

typedef struct {
    uint8_t key[32];
} pqc_aes256;

#endif
