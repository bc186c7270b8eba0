/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * Sine, cosine, tangent, exponential, logarithm and arc tangent of the single-precision table
 * (RP2040 datasheet 2.8.3.2).
 *
 * All are Taylor or artanh series in double precision after a range reduction, cut off where the
 * next term is below 2^-27 of the result, then rounded to single precision once. Angles are
 * accurate within the datasheet's range, -128 to 128; the SDK reduces larger ones first.
 */

#include "binary64.h"

#define PI 3.14159265358979323846
#define LN2 0.69314718055994530942

static double negated(double value)
{
    Binary64 it = {.number = value};
    it.bits ^= SIGN_BIT;
    return it.number;
}

static double absolute(double value)
{
    Binary64 it = {.number = value};
    it.bits &= ~SIGN_BIT;
    return it.number;
}

static int is_negative(double value)
{
    Binary64 it = {.number = value};
    return (it.bits & SIGN_BIT) != 0;
}

static int is_finite(double value)
{
    Binary64 it = {.number = value};
    return exponent_of(it) != EXPONENT_BITS;
}

static double infinity(void)
{
    Binary64 it = {.bits = (uint64_t)EXPONENT_BITS << MANTISSA_WIDTH};
    return it.number;
}

/* The nearest integer; |value| below 2^31. */
static int32_t nearest(double value)
{
    return (int32_t)(value + (is_negative(value) ? -0.5 : 0.5));
}

/* sin(angle) + quarter * pi/2, by the series around zero of whichever function is due. */
static float wave(double angle, int32_t quarter)
{
    if (!is_finite(angle))
        return (float)angle; /* the SDK answers these itself */
    int32_t turn = nearest(angle * (2 / PI));
    double rest = angle + turn * (-PI / 2);
    double square = negated(rest * rest);
    quarter += turn;
    int first = quarter & 1 ? 0 : 1; /* even powers: cosine; odd powers: sine */
    double term = first ? rest : 1;
    double sum = term;
    for (int power = first + 2; power < 14; power += 2) {
        term = term * square / (power * (power - 1));
        sum += term;
    }
    return (float)(quarter & 2 ? negated(sum) : sum);
}

float rom_fsin(float angle)
{
    return wave(angle, 0);
}

float rom_fcos(float angle)
{
    return wave(angle, 1);
}

float rom_ftan(float angle)
{
    return (float)((double)wave(angle, 0) / wave(angle, 1));
}

float rom_fexp(float power)
{
    if (power > 89.0f)
        return (float)infinity();
    if (power < -104.0f)
        return 0;
    int32_t twos = nearest(power * (1 / LN2));
    double rest = power + twos * -LN2;
    double term = 1;
    double sum = 1;
    for (int i = 1; i < 10; i++) {
        term = term * rest / i;
        sum += term;
    }
    return (float)scaled(sum, twos);
}

/* Minus infinity for anything that has no logarithm, as the chip's ROM answers. */
float rom_fln(float value)
{
    Binary64 it = {.number = value};
    if (!(value > 0))
        return (float)negated(infinity());
    if (!is_finite(value))
        return value;
    int32_t twos = (int32_t)exponent_of(it) - EXPONENT_BIAS;
    double mantissa = scaled(value, -twos);
    if (mantissa > 1.41421356) { /* bring it close to one, from either side */
        mantissa = scaled(mantissa, -1);
        twos++;
    }
    double ratio = (mantissa + -1.0) / (mantissa + 1.0);
    double square = ratio * ratio;
    double sum = 0;
    for (int i = 13; i > 0; i -= 2)
        sum = sum * square + 2.0 / i;
    return (float)(sum * ratio + twos * LN2);
}

/* arctan of 0 to 1. */
static double arc(double tangent)
{
    double base = 0;
    if (tangent > 0.41421356) { /* tan(pi/8) */
        tangent = (tangent + -1.0) / (tangent + 1.0);
        base = PI / 4;
    }
    double square = negated(tangent * tangent);
    double sum = 0;
    for (int i = 21; i > 0; i -= 2)
        sum = sum * square + 1.0 / i;
    return base + sum * tangent;
}

float rom_fatan2(float y, float x)
{
    double up = absolute(y);
    double across = absolute(x);
    double angle;
    if (up == across)
        angle = up == 0 ? 0 : PI / 4; /* also two infinities */
    else if (up < across)
        angle = arc(up / across);
    else
        angle = PI / 2 + negated(arc(across / up));
    if (is_negative(x))
        angle = PI + negated(angle);
    return (float)(is_negative(y) ? negated(angle) : angle);
}
