/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * poison.h - build configuration of the constant-time test: memory that holds secrets
 * is marked undefined for valgrind, which then reports every branch and every address
 * that depends on it. Used as -DPQC_CONFIG_FILE='"../tests/poison.h"'.
 */
#ifndef PQC_POISON_H
#define PQC_POISON_H

#include <valgrind/memcheck.h>

#define PQC_POISON(pointer, bytes)     (void)VALGRIND_MAKE_MEM_UNDEFINED(pointer, bytes)
#define PQC_DECLASSIFY(pointer, bytes) (void)VALGRIND_MAKE_MEM_DEFINED(pointer, bytes)

#endif
