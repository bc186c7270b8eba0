/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * The ROM's conversions and comparisons that have no counterpart in libgcc: fixed point,
 * rounding towards minus infinity, saturation (RP2040 datasheet 2.8.3.2, 2.8.3.3).
 *
 * A conversion scales a value by 2^places through its exponent field, which is exact, then
 * rounds down and clamps to the target's range. Not-a-number is treated as zero; the datasheet
 * leaves it open. Every function here is written once, for doubles: a single converts to a
 * double exactly.
 */

#include "binary64.h"

double scaled(double value, int places)
{
    Binary64 it = {.number = value};
    uint32_t exponent = exponent_of(it);
    if (exponent == 0 || exponent == EXPONENT_BITS)
        return value; /* zero (denormals count as zero in this ROM), infinity, not a number */
    int32_t moved = (int32_t)exponent + places;
    if (moved <= 0)
        it.bits &= SIGN_BIT;
    else if (moved >= (int32_t)EXPONENT_BITS)
        it.bits = (it.bits & SIGN_BIT) | ((uint64_t)EXPONENT_BITS << MANTISSA_WIDTH);
    else
        it.bits = (it.bits & ~((uint64_t)EXPONENT_BITS << MANTISSA_WIDTH)) | ((uint64_t)moved << MANTISSA_WIDTH);
    return it.number;
}

/* |value| cut down to an integer, saturating at 2^64 - 1; *fraction says whether bits fell off. */
static uint64_t magnitude(double value, int *fraction)
{
    Binary64 it = {.number = value};
    int32_t exponent = (int32_t)exponent_of(it) - EXPONENT_BIAS;
    uint64_t mantissa = it.bits & MANTISSA_MASK;
    *fraction = 0;
    if (exponent == EXPONENT_BIAS + 1)
        return mantissa ? 0 : UINT64_MAX;
    if (exponent < 0) {
        *fraction = exponent > -EXPONENT_BIAS;
        return 0;
    }
    mantissa |= 1ull << MANTISSA_WIDTH;
    if (exponent >= 64)
        return UINT64_MAX;
    if (exponent >= MANTISSA_WIDTH)
        return mantissa << (exponent - MANTISSA_WIDTH);
    int below = MANTISSA_WIDTH - exponent; /* bits behind the binary point */
    *fraction = (mantissa & ((1ull << below) - 1)) != 0;
    return mantissa >> below;
}

/* Rounds towards minus infinity into [-limit - 1, limit]. */
static int64_t down_signed(double value, uint64_t limit)
{
    Binary64 it = {.number = value};
    int fraction;
    uint64_t whole = magnitude(value, &fraction);
    if (!(it.bits & SIGN_BIT))
        return (int64_t)(whole > limit ? limit : whole);
    if (whole > limit)
        return -(int64_t)limit - 1;
    return -(int64_t)whole - fraction;
}

/* Rounds towards minus infinity into [0, limit]. */
static uint64_t down_unsigned(double value, uint64_t limit)
{
    Binary64 it = {.number = value};
    int fraction;
    uint64_t whole = magnitude(value, &fraction);
    if (it.bits & SIGN_BIT)
        return 0;
    return whole > limit ? limit : whole;
}

int64_t rom_double2fix64(double value, int places)
{
    return down_signed(scaled(value, places), INT64_MAX);
}

uint64_t rom_double2ufix64(double value, int places)
{
    return down_unsigned(scaled(value, places), UINT64_MAX);
}

int32_t rom_double2fix(double value, int places)
{
    return (int32_t)down_signed(scaled(value, places), INT32_MAX);
}

uint32_t rom_double2ufix(double value, int places)
{
    return (uint32_t)down_unsigned(scaled(value, places), UINT32_MAX);
}

int32_t rom_double2int(double value)
{
    return rom_double2fix(value, 0);
}

uint32_t rom_double2uint(double value)
{
    return rom_double2ufix(value, 0);
}

int64_t rom_double2int64(double value)
{
    return rom_double2fix64(value, 0);
}

uint64_t rom_double2uint64(double value)
{
    return rom_double2ufix64(value, 0);
}

int32_t rom_float2int(float value)
{
    return rom_double2fix(value, 0);
}

int32_t rom_float2fix(float value, int places)
{
    return rom_double2fix(value, places);
}

uint32_t rom_float2uint(float value)
{
    return rom_double2ufix(value, 0);
}

uint32_t rom_float2ufix(float value, int places)
{
    return rom_double2ufix(value, places);
}

int64_t rom_float2int64(float value)
{
    return rom_double2fix64(value, 0);
}

int64_t rom_float2fix64(float value, int places)
{
    return rom_double2fix64(value, places);
}

uint64_t rom_float2uint64(float value)
{
    return rom_double2ufix64(value, 0);
}

uint64_t rom_float2ufix64(float value, int places)
{
    return rom_double2ufix64(value, places);
}

double rom_fix2double(int32_t value, int places)
{
    return scaled(value, -places);
}

double rom_ufix2double(uint32_t value, int places)
{
    return scaled(value, -places);
}

double rom_fix642double(int64_t value, int places)
{
    return scaled((double)value, -places);
}

double rom_ufix642double(uint64_t value, int places)
{
    return scaled((double)value, -places);
}

/* The integer is first rounded to a single, so that only one rounding takes place. */
float rom_fix2float(int32_t value, int places)
{
    return (float)scaled((float)value, -places);
}

float rom_ufix2float(uint32_t value, int places)
{
    return (float)scaled((float)value, -places);
}

float rom_fix642float(int64_t value, int places)
{
    return (float)scaled((float)value, -places);
}

float rom_ufix642float(uint64_t value, int places)
{
    return (float)scaled((float)value, -places);
}

/* x - y is x + (-y), exactly: half the code of a subtraction beside an addition. */
float rom_fsub(float left, float right)
{
    union {
        float number;
        uint32_t bits;
    } it = {.number = right};
    it.bits ^= 1u << 31;
    return left + it.number;
}

double rom_dsub(double left, double right)
{
    Binary64 it = {.number = right};
    it.bits ^= SIGN_BIT;
    return left + it.number;
}

int rom_fcmp(float left, float right)
{
    return (left > right) - (left < right);
}

int rom_dcmp(double left, double right)
{
    return (left > right) - (left < right);
}
