/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The bits of a double, shared by the boot stub's arithmetic. */

#ifndef PQMESH_BOOTSTUB_BINARY64_H
#define PQMESH_BOOTSTUB_BINARY64_H

#include <stdint.h>

typedef union {
    double number;
    uint64_t bits;
} Binary64;

#define EXPONENT_BITS 0x7ffu
#define EXPONENT_BIAS 1023
#define MANTISSA_WIDTH 52
#define MANTISSA_MASK ((1ull << MANTISSA_WIDTH) - 1)
#define SIGN_BIT (1ull << 63)

static inline uint32_t exponent_of(Binary64 it)
{
    return (uint32_t)(it.bits >> MANTISSA_WIDTH) & EXPONENT_BITS;
}

/* value * 2^places, exactly; flushes what leaves the range to zero or infinity. */
double scaled(double value, int places);

#endif
