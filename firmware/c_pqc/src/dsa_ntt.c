/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_ntt.c - the number-theoretic transform of ML-DSA, FIPS 204 section 7.5.
 *
 * Products with constants are Shoup's (dsa_field.h). Where the registers allow it,
 * two layers are done on every load and store: four coefficients and three constants
 * are what fits into a Cortex-M4 or RV32, one layer is what fits into a Cortex-M0+.
 */
#include "dsa_field.h"

/* zeta^BitRev8(i), zeta = 1753; entry 0 is not used. tests/unit/c_pqc/test_dsa_kernels.py. */
static const int32_t ZETAS[256] = {
    0,        -3572223, 3765607,  3761513,  -3201494, -2883726, -3145678, -3201430, -601683,
    3542485,  2682288,  2129892,  3764867,  -1005239, 557458,   -1221177, -3370349, -4063053,
    2663378,  -1674615, -3524442, -434125,  676590,   -1335936, -3227876, 1714295,  2453983,
    1460718,  -642628,  -3585098, 2815639,  2283733,  3602218,  3182878,  2740543,  -3586446,
    -3110818, 2101410,  3704823,  1159875,  394148,   928749,   1095468,  -3506380, 2071829,
    -4018989, 3241972,  2156050,  3415069,  1759347,  -817536,  -3574466, 3756790,  -1935799,
    -1716988, -3950053, -2897314, 3192354,  556856,   3870317,  2917338,  1853806,  3345963,
    1858416,  3073009,  1277625,  -2635473, 3852015,  4183372,  -3222807, -3121440, -274060,
    2508980,  2028118,  1937570,  -3815725, 2811291,  -2983781, -1109516, 4158088,  1528066,
    482649,   1148858,  -2962264, -565603,  169688,   2462444,  -3334383, -4166425, -3488383,
    1987814,  -3197248, 1736313,  235407,   -3250154, 3258457,  -2579253, 1787943,  -2391089,
    -2254727, 3482206,  -4182915, -1300016, -2362063, -1317678, 2461387,  3035980,  621164,
    3901472,  -1226661, 2925816,  3374250,  1356448,  -2775755, 2683270,  -2778788, -3467665,
    2312838,  -653275,  -459163,  348812,   -327848,  1011223,  -2354215, -3818627, -1922253,
    -2236726, 1744507,  1753,     -1935420, -2659525, -1455890, 2660408,  -1780227, -59148,
    2772600,  1182243,  87208,    636927,   -3965306, -3956745, -2296397, -3284915, -3716946,
    -27812,   822541,   1009365,  -2454145, -1979497, 1596822,  -3956944, -3759465, -1685153,
    -3410568, 2678278,  -3768948, -3551006, 635956,   -250446,  -2455377, -4146264, -1772588,
    2192938,  -1727088, 2387513,  -3611750, -268456,  -3180456, 3747250,  2296099,  1239911,
    -3838479, 3195676,  2642980,  1254190,  -12417,   2998219,  141835,   -89301,   2513018,
    -1354892, 613238,   -1310261, -2218467, -458740,  -1921994, 4040196,  -3472069, 2039144,
    -1879878, -818761,  -2178965, -1623354, 2105286,  -2374402, -2033807, 586241,   -1179613,
    527981,   -2743411, -1476985, 1994046,  2491325,  -1393159, 507927,   -1187885, -724804,
    -1834526, -3033742, -338420,  2647994,  3009748,  -2612853, 4148469,  749577,   -4022750,
    3980599,  2569011,  -1615530, 1723229,  1665318,  2028038,  1163598,  -3369273, 3994671,
    -11879,   -1370517, 3020393,  3363542,  214880,   545376,   -770441,  3105558,  -1103344,
    508145,   -553718,  860144,   3430436,  140244,   -1514152, -2185084, 3123762,  2358373,
    -2193087, -3014420, -1716814, 2926054,  -392707,  -303005,  3531229,  -3974485, -3773731,
    1900052,  -781875,  1054478,  -731434,
};

#ifdef PQC_SHORT_MULTIPLY

PQC_HOT static void forward_layer(int32_t *c, unsigned half, unsigned k)
{
    const dsa_modulus m = dsa_load_modulus();

    for (int32_t *p = c, *end = c + DSA_N; p != end; p += half, k++) {
        const dsa_constant zeta = dsa_prepare(ZETAS[k]);
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
        const dsa_constant zeta =
            dsa_prepare(ZETAS[k]); /* -zeta is wanted: the difference is turned round */
        for (int32_t *stop = p + half; p != stop; p++) {
            int32_t t = p[half] - p[0];
            p[0] += p[half];
            p[half] = dsa_mul_constant(t, zeta, m);
        }
    }
}

static void reduce_all(dsa_poly *p)
{
    const dsa_modulus m = dsa_load_modulus();

    for (unsigned i = 0; i < DSA_N; i++) {
        p->c[i] = dsa_reduce(p->c[i], m);
    }
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
        const dsa_constant z0 = dsa_prepare(ZETAS[k]);
        const dsa_constant z1 = dsa_prepare(ZETAS[2 * k]), z2 = dsa_prepare(ZETAS[2 * k + 1]);
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
        const dsa_constant z0 = dsa_prepare(ZETAS[k]);
        const dsa_constant z1 = dsa_prepare(ZETAS[2 * k + 1]), z2 = dsa_prepare(ZETAS[2 * k]);
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
