/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_ntt.c - the number-theoretic transform of ML-DSA, FIPS 204 section 7.5.
 *
 * Products with constants are Shoup's (dsa_field.h). Where the registers allow it,
 * two layers are done on every load and store: four coefficients and three constants
 * are what fits into a Cortex-M4 or RV32, one layer is what fits into a Cortex-M0+.
 */
#include "dsa_field.h"

#if defined(PQC_SHORT_MULTIPLY) && defined(PQC_SMALL)
PQC_NOINLINE static int32_t mul_constant(int32_t a, dsa_constant b)
{
    return dsa_mul_constant(a, b, dsa_load_modulus());
}
#define MUL_CONSTANT(a, b, m) ((void)(m), mul_constant(a, b))
#else
#define MUL_CONSTANT(a, b, m) dsa_mul_constant(a, b, m)
#endif

/*
 * zeta^BitRev8(k), zeta = 1753 (FIPS 204 appendix B), centred, in 24 bits: first for the
 * even k, then for the odd ones, each of which is the even one before it times zeta^128
 * and is computed where size counts. tests/unit/c_pqc/test_dsa_kernels.py reads this.
 */
static const uint16_t zetas_low[] = {
    1,     30055, 9770,  50,    53677, 60848, 29315, 33170, 37523, 41938, 14502, 21230, 48924,
    29151, 12732, 63127, 63274, 53567, 34910, 34807, 932,   46892, 40213, 30708, 7197,  34432,
    21238, 52484, 51806, 32568, 33754, 3627,  58353, 51503, 54604, 24288, 18612, 37026, 58779,
    4596,  20738, 34746, 24221, 37612, 27879, 21734, 32377, 26646, 42187, 33743, 8798,  10704,
    58578, 21324, 34848, 42232, 45728, 61830, 5743,  2085,  21132, 28183, 47997, 57034, 1753,
    27451, 38968, 6388,  2595,  47103, 40951, 57421, 37724, 26325, 52119, 40752, 18783, 56838,
    53474, 11698, 48040, 30250, 28217, 59224, 11698, 60263, 49948, 9006,  49099, 41771, 21364,
    459,   12,    42500, 7528,  33207, 15046, 50430, 61953, 3693,  30343, 957,   49175, 61628,
    46450, 26554, 8587,  28681, 48439, 22870, 26918, 49486, 62511, 5739,  21206, 21088, 25366,
    49393, 8176,  9172,  43140, 64613, 236,   42470, 24675, 23211, 65044, 5902,
#ifndef PQC_SMALL
    32257, 25961, 65394, 9834,  3541,  32740, 43337, 24007, 179,   29321, 24627, 40320, 10359,
    18926, 19382, 55509, 37150, 18034, 4258,  45763, 11245, 32564, 44243, 58898, 55411, 30014,
    30281, 47643, 46626, 3693,  18798, 23408, 32441, 50927, 53993, 53620, 62038, 50899, 30875,
    29320, 23897, 52392, 38616, 7953,  50561, 14016, 38799, 47193, 18471, 39033, 11389, 62769,
    36555, 31340, 18523, 31914, 42293, 39260, 19078, 65125, 65368, 5081,  43827, 40571, 30660,
    51438, 54781, 20088, 21672, 32390, 62899, 18606, 36109, 36223, 23958, 41623, 62840, 32140,
    46132, 34991, 62420, 42384, 58266, 30808, 2339,  28145, 21540, 53119, 10763, 22650, 23414,
    9757,  44086, 1339,  20666, 49259, 8134,  63345, 35,    9101,  27966, 48633, 57299, 482,
    54796, 60628, 19701, 40482, 13107, 19293, 61958, 38599, 53657, 5737,  18272, 15991, 10768,
    36106, 22564, 58712, 43570, 35137, 52658, 509,   57821, 27357, 4557,  54998,
#endif
};
static const int8_t zetas_high[] = {
    0,   57,  -49, -48, -10, 40,  57,  8,   -52, 40,  -54, 10,  -50, 37,  -10, 42,  54,  41,  -48,
    56,  6,   16,  31,  49,  52,  -13, 57,  -27, -45, 8,   44,  51,  46,  -41, 63,  -48, 38,  29,
    42,  -17, 23,  17,  -9,  37,  -64, 30,  26,  -50, -40, -37, 53,  -20, -21, 46,  59,  44,  20,
    40,  -53, -10, 5,   15,  -59, -35, 0,   -41, 40,  -1,  18,  9,   -61, -51, -1,  15,  -31, -61,
    -26, 40,  -55, -4,  -64, 33,  36,  -5,  57,  18,  48,  19,  45,  -2,  -21, -20, -7,  61,  31,
    -13, -25, -37, 8,   8,   -23, 38,  7,   -12, -47, 40,  -40, 11,  60,  -25, 25,  17,  60,  -21,
    51,  8,   47,  7,   13,  2,   -34, 35,  -46, 44,  -5,  -61, 28,  16,
#ifndef PQC_SMALL
    -55, 57,  -45, -49, 54,  32,  -16, -19, -62, -26, -7,  -21, 26,  22,  -55, 34,  48,  -55, 32,
    17,  14,  -54, -62, 32,  26,  -55, -30, -61, 48,  59,  28,  28,  19,  58,  -50, -5,  30,  -59,
    -46, 63,  7,   -46, 2,   -51, -54, -49, 3,   49,  27,  -35, -64, -37, 37,  9,   -19, 51,  -43,
    -43, 35,  -8,  -6,  -36, -30, 26,  -30, -23, -28, 42,  1,   -61, -36, -57, 12,  -38, 24,  -58,
    -53, -58, 9,   -38, -28, -27, -56, -49, 35,  -59, 40,  -1,  2,   38,  9,   -34, -30, -53, -29,
    -34, 32,  -32, -18, -42, 30,  -22, -19, -28, -6,  45,  63,  -62, 39,  26,  30,  -52, -1,  46,
    3,   -12, -17, -9,  52,  -24, 47,  -34, -27, -6,  53,  -58, -12, -12,
#endif
};
#define DSA_ZETA_128 (-3572223)

/* zeta^BitRev8(k) */
#ifdef PQC_SMALL
PQC_NOINLINE static int32_t zeta_of(unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();
    int32_t zeta = zetas_high[k / 2] * 65536 + zetas_low[k / 2];

    if (k % 2 != 0) {
        zeta = MUL_CONSTANT(zeta, dsa_prepare(DSA_ZETA_128), m);
        while (zeta > DSA_Q / 2) { /* at most three times; nothing here is secret */
            zeta -= m.q;
        }
    }
    return zeta;
}
#else
PQC_INLINE int32_t zeta_of(unsigned k)
{
    unsigned i = k / 2 + k % 2 * (DSA_N / 2);
    return zetas_high[i] * 65536 + zetas_low[i];
}
#endif

/* The same, ready to multiply with. */
PQC_INLINE dsa_constant zeta_at(unsigned k)
{
    return dsa_prepare(zeta_of(k));
}

#if defined(PQC_SHORT_MULTIPLY) || defined(PQC_SMALL)

PQC_HOT static void forward_layer(int32_t *c, unsigned half, unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();

    for (int32_t *p = c, *end = c + DSA_N; p != end; p += half, k++) {
        const dsa_constant zeta = zeta_at(k);
        for (int32_t *stop = p + half; p != stop; p++) {
            int32_t t = MUL_CONSTANT(p[half], zeta, m);
            p[half] = p[0] - t;
            p[0] += t;
        }
    }
}

PQC_HOT static void inverse_layer(int32_t *c, unsigned half, unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();

    for (int32_t *p = c, *end = c + DSA_N; p != end; p += half, k--) {
        const dsa_constant zeta = zeta_at(k); /* -zeta is wanted: the difference is turned round */
        for (int32_t *stop = p + half; p != stop; p++) {
            int32_t t = p[half] - p[0];
            p[0] += p[half];
            p[half] = MUL_CONSTANT(t, zeta, m);
        }
    }
}

/* What short multiplications leave would overflow before the end. */
static void reduce_all(dsa_poly *p)
{
#ifdef PQC_SHORT_MULTIPLY
    const dsa_modulus m = dsa_load_modulus();

    for (unsigned i = 0; i < DSA_N; i++) {
        p->c[i] = dsa_reduce(p->c[i], m);
    }
#else
    (void)p;
#endif
}

void pqc_dsa_ntt(dsa_poly *p)
{
    for (unsigned half = 128, k = 1; half > 0; half /= 2, k *= 2) {
        forward_layer(p->c, half, k);
    }
    reduce_all(p);
}

static void inverse_layers(dsa_poly *p)
{
    for (unsigned half = 1, k = 255; half <= 128; half *= 2, k /= 2) {
        inverse_layer(p->c, half, k);
        if (half == 1) {
            reduce_all(p); /* else the first products, beyond 3 q, would double out of 32 bits */
        }
    }
}

#else

/* Layers of distance 2 `half` and `half`; `k` numbers the first constant of the outer one. */
PQC_HOT static void forward_layers(int32_t *c, unsigned half, unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();

    for (unsigned start = 0; start < DSA_N; start += 4 * half, k++) {
        const dsa_constant z0 = zeta_at(k);
        const dsa_constant z1 = zeta_at(2 * k), z2 = zeta_at(2 * k + 1);
        for (int32_t *p = c + start, *end = p + half; p != end; p++) {
            int32_t e0 = p[0], e1 = p[half], e2 = p[2 * half], e3 = p[3 * half], t;
            t = dsa_mul_constant(e2, z0, m);
            e2 = e0 - t;
            e0 += t;
            t = dsa_mul_constant(e3, z0, m);
            e3 = e1 - t;
            e1 += t;
            t = dsa_mul_constant(e1, z1, m);
            p[half] = e0 - t;
            p[0] = e0 + t;
            t = dsa_mul_constant(e3, z2, m);
            p[3 * half] = e2 - t;
            p[2 * half] = e2 + t;
        }
    }
}

void pqc_dsa_ntt(dsa_poly *p)
{
    forward_layers(p->c, 64, 1);
    forward_layers(p->c, 16, 4);
    forward_layers(p->c, 4, 16);
    forward_layers(p->c, 1, 64);
}

/*
 * The mirror image; `k` numbers the constant of the outer layer, counted down. The
 * constants wanted are -zeta: the differences are turned round instead.
 */
PQC_HOT static void inverse_pair(int32_t *c, unsigned half, unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();

    for (unsigned start = 0; start < DSA_N; start += 4 * half, k--) {
        const dsa_constant z0 = zeta_at(k);
        const dsa_constant z1 = zeta_at(2 * k + 1), z2 = zeta_at(2 * k);
        for (int32_t *p = c + start, *end = p + half; p != end; p++) {
            int32_t e0 = p[0], e1 = p[half], e2 = p[2 * half], e3 = p[3 * half], t;
            t = e1 - e0;
            e0 += e1;
            e1 = dsa_mul_constant(t, z1, m);
            t = e3 - e2;
            e2 += e3;
            e3 = dsa_mul_constant(t, z2, m);
            p[2 * half] = dsa_mul_constant(e2 - e0, z0, m);
            p[0] = e0 + e2;
            p[3 * half] = dsa_mul_constant(e3 - e1, z0, m);
            p[half] = e1 + e3;
        }
    }
}

static void inverse_layers(dsa_poly *p)
{
    inverse_pair(p->c, 1, 127);
    inverse_pair(p->c, 4, 31);
    inverse_pair(p->c, 16, 7);
    inverse_pair(p->c, 64, 1);
}

#endif

void pqc_dsa_invntt(dsa_poly *p)
{
    const dsa_constant scale = dsa_prepare(DSA_INVERSE_SCALE);
    const dsa_modulus m = dsa_load_modulus();

    inverse_layers(p);
    for (unsigned i = 0; i < DSA_N; i++) {
        p->c[i] = dsa_positive(dsa_reduce(MUL_CONSTANT(p->c[i], scale, m), m));
    }
}
