/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_ntt.c - the number-theoretic transform of ML-DSA, FIPS 204 section 7.5.
 *
 * Two layers are done on every load and store: four coefficients and three
 * constants are what fits into the registers of a Cortex-M. The Montgomery
 * companions b q^-1 of the constants are computed, not stored: one product a
 * constant is no dearer than the load, and a kilobyte of flash cheaper.
 */
#include "dsa_field.h"

/* zeta^BitRev8(i) 2^32 modulo q, centred; zeta = 1753. tests/unit/c_pqc/test_dsa_model.py. */
static const int32_t ZETAS[256] = {
    -4186625, 25847,    -2608894, -518909,  237124,   -777960,  -876248,  466468,   1826347,
    2353451,  -359251,  -2091905, 3119733,  -2884855, 3111497,  2680103,  2725464,  1024112,
    -1079900, 3585928,  -549488,  -1119584, 2619752,  -2108549, -2118186, -3859737, -1399561,
    -3277672, 1757237,  -19422,   4010497,  280005,   2706023,  95776,    3077325,  3530437,
    -1661693, -3592148, -2537516, 3915439,  -3861115, -3043716, 3574422,  -2867647, 3539968,
    -300467,  2348700,  -539299,  -1699267, -1643818, 3505694,  -3821735, 3507263,  -2140649,
    -1600420, 3699596,  811944,   531354,   954230,   3881043,  3900724,  -2556880, 2071892,
    -2797779, -3930395, -1528703, -3677745, -3041255, -1452451, 3475950,  2176455,  -1585221,
    -1257611, 1939314,  -4083598, -1000202, -3190144, -3157330, -3632928, 126922,   3412210,
    -983419,  2147896,  2715295,  -2967645, -3693493, -411027,  -2477047, -671102,  -1228525,
    -22981,   -1308169, -381987,  1349076,  1852771,  -1430430, -3343383, 264944,   508951,
    3097992,  44288,    -1100098, 904516,   3958618,  -3724342, -8578,    1653064,  -3249728,
    2389356,  -210977,  759969,   -1316856, 189548,   -3553272, 3159746,  -1851402, -2409325,
    -177440,  1315589,  1341330,  1285669,  -1584928, -812732,  -1439742, -3019102, -3881060,
    -3628969, 3839961,  2091667,  3407706,  2316500,  3817976,  -3342478, 2244091,  -2446433,
    -3562462, 266997,   2434439,  -1235728, 3513181,  -3520352, -3759364, -1197226, -3193378,
    900702,   1859098,  909542,   819034,   495491,   -1613174, -43260,   -522500,  -655327,
    -3122442, 2031748,  3207046,  -3556995, -525098,  -768622,  -3595838, 342297,   286988,
    -2437823, 4108315,  3437287,  -3342277, 1735879,  203044,   2842341,  2691481,  -2590150,
    1265009,  4055324,  1247620,  2486353,  1595974,  -3767016, 1250494,  2635921,  -3548272,
    -2994039, 1869119,  1903435,  -1050970, -1333058, 1237275,  -3318210, -1430225, -451100,
    1312455,  3306115,  -1962642, -1279661, 1917081,  -2546312, -1374803, 1500165,  777191,
    2235880,  3406031,  -542412,  -2831860, -1671176, -1846953, -2584293, -3724270, 594136,
    -3776993, -2013608, 2432395,  2454455,  -164721,  1957272,  3369112,  185531,   -1207385,
    -3183426, 162844,   1616392,  3014001,  810149,   1652634,  -3694233, -1799107, -3038916,
    3523897,  3866901,  269760,   2213111,  -975884,  1717735,  472078,   -426683,  1723600,
    -1803090, 1910376,  -1667432, -1104333, -260646,  -3833893, -2939036, -2235985, -420899,
    -2286327, 183443,   -976891,  1612842,  -3545687, -554416,  3919660,  -48306,   -1362209,
    3937738,  1400424,  -846154,  1976782,
};

PQC_INLINE int32_t companion(int32_t zeta)
{
    return (int32_t)((uint32_t)zeta * DSA_Q_INVERSE);
}

/* Layers with distance `half` * 2 and `half`; `k` numbers the first constant of the outer one. */
PQC_HOT static void forward_layers(int32_t *c, unsigned half, unsigned k)
{
    for (unsigned start = 0; start < DSA_N; start += 4 * half, k++) {
        const int32_t z0 = ZETAS[k], z1 = ZETAS[2 * k], z2 = ZETAS[2 * k + 1];
        const int32_t y0 = companion(z0), y1 = companion(z1), y2 = companion(z2);
        for (int32_t *p = c + start, *end = p + half; p != end; p++) {
            int32_t e0 = p[0], e1 = p[half], e2 = p[2 * half], e3 = p[3 * half], t;
            t = dsa_mul_constant(e2, z0, y0);
            e2 = e0 - t;
            e0 += t;
            t = dsa_mul_constant(e3, z0, y0);
            e3 = e1 - t;
            e1 += t;
            t = dsa_mul_constant(e1, z1, y1);
            p[half] = e0 - t;
            p[0] = e0 + t;
            t = dsa_mul_constant(e3, z2, y2);
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

/* The mirror image; `k` numbers the constant of the outer layer, counted down. */
PQC_HOT static void inverse_layers(int32_t *c, unsigned half, unsigned k)
{
    for (unsigned start = 0; start < DSA_N; start += 4 * half, k--) {
        const int32_t z0 = -ZETAS[k], z1 = -ZETAS[2 * k + 1], z2 = -ZETAS[2 * k];
        const int32_t y0 = companion(z0), y1 = companion(z1), y2 = companion(z2);
        for (int32_t *p = c + start, *end = p + half; p != end; p++) {
            int32_t e0 = p[0], e1 = p[half], e2 = p[2 * half], e3 = p[3 * half], t;
            t = e0 - e1;
            e0 += e1;
            e1 = dsa_mul_constant(t, z1, y1);
            t = e2 - e3;
            e2 += e3;
            e3 = dsa_mul_constant(t, z2, y2);
            p[2 * half] = dsa_mul_constant(e0 - e2, z0, y0);
            p[0] = e0 + e2;
            p[3 * half] = dsa_mul_constant(e1 - e3, z0, y0);
            p[half] = e1 + e3;
        }
    }
}

void pqc_dsa_invntt(dsa_poly *p)
{
    const int32_t scale = 41978; /* 2^64 / 256 modulo q */
    const int32_t scale_inverse = companion(scale);

    inverse_layers(p->c, 1, 127);
    inverse_layers(p->c, 4, 31);
    inverse_layers(p->c, 16, 7);
    inverse_layers(p->c, 64, 1);
    for (unsigned i = 0; i < DSA_N; i++) {
        p->c[i] = dsa_mul_constant(p->c[i], scale, scale_inverse);
    }
}
