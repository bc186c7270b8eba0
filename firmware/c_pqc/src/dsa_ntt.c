/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_ntt.c - the number-theoretic transform of ML-DSA, FIPS 204 section 7.5.
 *
 * Products with constants are Shoup's (dsa_field.h). Where the registers allow it,
 * two layers are done on every load and store: four coefficients and three constants
 * are what fits into a Cortex-M4 or RV32, one layer is what fits into a Cortex-M0+.
 */
#include "dsa_field.h"

/*
 * zeta^BitRev8(i), zeta = 1753, centred; entry 0 is not used. Kept in 24 bits: a
 * quarter of the table is worth more than the instruction that joins the halves.
 * tests/unit/c_pqc/test_dsa_kernels.py.
 */
static const dsa_packed ZETAS = {
    .low =
        {
            0,     32257, 30055, 25961, 9770,  65394, 50,    9834,  53677, 3541,  60848, 32740,
            29315, 43337, 33170, 24007, 37523, 179,   41938, 29321, 14502, 24627, 21230, 40320,
            48924, 10359, 29151, 18926, 12732, 19382, 63127, 55509, 63274, 37150, 53567, 18034,
            34910, 4258,  34807, 45763, 932,   11245, 46892, 32564, 40213, 44243, 30708, 58898,
            7197,  55411, 34432, 30014, 21238, 30281, 52484, 47643, 51806, 46626, 32568, 3693,
            33754, 18798, 3627,  23408, 58353, 32441, 51503, 50927, 54604, 53993, 24288, 53620,
            18612, 62038, 37026, 50899, 58779, 30875, 4596,  29320, 20738, 23897, 34746, 52392,
            24221, 38616, 37612, 7953,  27879, 50561, 21734, 14016, 32377, 38799, 26646, 47193,
            42187, 18471, 33743, 39033, 8798,  11389, 10704, 62769, 58578, 36555, 21324, 31340,
            34848, 18523, 42232, 31914, 45728, 42293, 61830, 39260, 5743,  19078, 2085,  65125,
            21132, 65368, 28183, 5081,  47997, 43827, 57034, 40571, 1753,  30660, 27451, 51438,
            38968, 54781, 6388,  20088, 2595,  21672, 47103, 32390, 40951, 62899, 57421, 18606,
            37724, 36109, 26325, 36223, 52119, 23958, 40752, 41623, 18783, 62840, 56838, 32140,
            53474, 46132, 11698, 34991, 48040, 62420, 30250, 42384, 28217, 58266, 59224, 30808,
            11698, 2339,  60263, 28145, 49948, 21540, 9006,  53119, 49099, 10763, 41771, 22650,
            21364, 23414, 459,   9757,  12,    44086, 42500, 1339,  7528,  20666, 33207, 49259,
            15046, 8134,  50430, 63345, 61953, 35,    3693,  9101,  30343, 27966, 957,   48633,
            49175, 57299, 61628, 482,   46450, 54796, 26554, 60628, 8587,  19701, 28681, 40482,
            48439, 13107, 22870, 19293, 26918, 61958, 49486, 38599, 62511, 53657, 5739,  5737,
            21206, 18272, 21088, 15991, 25366, 10768, 49393, 36106, 8176,  22564, 9172,  58712,
            43140, 43570, 64613, 35137, 236,   52658, 42470, 509,   24675, 57821, 23211, 27357,
            65044, 4557,  5902,  54998,
        },
    .high =
        {
            0,   -55, 57,  57,  -49, -45, -48, -49, -10, 54,  40,  32,  57,  -16, 8,   -19,
            -52, -62, 40,  -26, -54, -7,  10,  -21, -50, 26,  37,  22,  -10, -55, 42,  34,
            54,  48,  41,  -55, -48, 32,  56,  17,  6,   14,  16,  -54, 31,  -62, 49,  32,
            52,  26,  -13, -55, 57,  -30, -27, -61, -45, 48,  8,   59,  44,  28,  51,  28,
            46,  19,  -41, 58,  63,  -50, -48, -5,  38,  30,  29,  -59, 42,  -46, -17, 63,
            23,  7,   17,  -46, -9,  2,   37,  -51, -64, -54, 30,  -49, 26,  3,   -50, 49,
            -40, 27,  -37, -35, 53,  -64, -20, -37, -21, 37,  46,  9,   59,  -19, 44,  51,
            20,  -43, 40,  -43, -53, 35,  -10, -8,  5,   -6,  15,  -36, -59, -30, -35, 26,
            0,   -30, -41, -23, 40,  -28, -1,  42,  18,  1,   9,   -61, -61, -36, -51, -57,
            -1,  12,  15,  -38, -31, 24,  -61, -58, -26, -53, 40,  -58, -55, 9,   -4,  -38,
            -64, -28, 33,  -27, 36,  -56, -5,  -49, 57,  35,  18,  -59, 48,  40,  19,  -1,
            45,  2,   -2,  38,  -21, 9,   -20, -34, -7,  -30, 61,  -53, 31,  -29, -13, -34,
            -25, 32,  -37, -32, 8,   -18, 8,   -42, -23, 30,  38,  -22, 7,   -19, -12, -28,
            -47, -6,  40,  45,  -40, 63,  11,  -62, 60,  39,  -25, 26,  25,  30,  17,  -52,
            60,  -1,  -21, 46,  51,  3,   8,   -12, 47,  -17, 7,   -9,  13,  52,  2,   -24,
            -34, 47,  35,  -34, -46, -27, 44,  -6,  -5,  53,  -61, -58, 28,  -12, 16,  -12,
        },
};

PQC_INLINE dsa_constant zeta_at(unsigned k)
{
    return dsa_prepare(dsa_packed_get(&ZETAS, k));
}

#if defined(PQC_SHORT_MULTIPLY) || defined(PQC_SMALL)

PQC_HOT static void forward_layer(int32_t *c, unsigned half, unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();

    for (int32_t *p = c, *end = c + DSA_N; p != end; p += half, k++) {
        const dsa_constant zeta = zeta_at(k);
        for (int32_t *stop = p + half; p != stop; p++) {
            int32_t t = dsa_mul_constant(p[half], zeta, m);
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
            p[half] = dsa_mul_constant(t, zeta, m);
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
        p->c[i] = dsa_positive(dsa_reduce(dsa_mul_constant(p->c[i], scale, m), m));
    }
}
