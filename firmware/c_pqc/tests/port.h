/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * port.h - configuration of a make-believe port that has "hardware" for all three
 * seams. Used as -DPQC_CONFIG_FILE='"../tests/port.h"' together with port.c.
 */
#ifndef PQC_TEST_PORT_H
#define PQC_TEST_PORT_H

#define PQC_KECCAK_PORT
#define PQC_SHA256_PORT
#define PQC_AES_PORT "../tests/port_aes.h"
#define PQC_HOT      __attribute__((section(".text.hot")))

#endif
