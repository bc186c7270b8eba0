/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ring3329.c - NTT, inverse NTT and product in the ring of ML-KEM (FIPS 203 section 4.3). */
#include "ring3329.h"

/*
 * Powers of 17 in bit-reversed order (FIPS 203 appendix A), times -2^32 modulo q. Where
 * size counts an odd one is computed: the even one before it times 17^64.
 */
#ifdef PQC_SMALL
#define ODD(zeta)
#else
#define ODD(zeta) zeta,
#endif
/* clang-format off */
static const uint16_t zetas[] = {
    1976, ODD(950) 1381, ODD(856) 720, ODD(3163) 18, ODD(1161) 1242, ODD(213) 1862, ODD(255)
    2299, ODD(145) 2471, ODD(1252) 2321, ODD(1564) 2638, ODD(372) 64, ODD(799) 1999, ODD(769)
    1442, ODD(3126) 1867, ODD(2242) 1388, ODD(2972) 2365, ODD(1073) 1805, ODD(1572)
    2958, ODD(1038) 1682, ODD(1961) 1873, ODD(2629) 2735, ODD(1635) 2149, ODD(457) 1940, ODD(1957)
    1713, ODD(2296) 1640, ODD(2581) 41, ODD(980) 1851, ODD(1210) 1794, ODD(2527) 613, ODD(1255)
    265, ODD(2112) 1652, ODD(26) 1040, ODD(500) 302, ODD(2834) 174, ODD(1236) 2253, ODD(507)
    306, ODD(3092) 1140, ODD(292) 1693, ODD(1006) 2464, ODD(2465) 2059, ODD(1310) 2838, ODD(3285)
    1569, ODD(2995) 1088, ODD(267) 693, ODD(3086) 1211, ODD(3207) 1778, ODD(1495) 293, ODD(589)
    257, ODD(1596) 724, ODD(92) 351, ODD(1001) 1962, ODD(47) 1880, ODD(1416) 3218, ODD(1163)
    3243, ODD(1111) 3019, ODD(3308) 2489, ODD(2413) 1248, ODD(600) 697, ODD(15) 1506, ODD(596)
    537, ODD(3011) 434, ODD(1361) 1176, ODD(2614) 1452, ODD(442) 1035, ODD(1842)
};
/* clang-format on */
#define ZETA_64 0x84f5c5b6u /* 17^64 for pqc_mul_const() */

/* Power k as pqc_mul_const() wants it. */
#ifdef PQC_SMALL
PQC_NOINLINE static uint32_t zeta_at(unsigned k)
{
    int32_t zeta = zetas[k / 2];
    if (k % 2 != 0) {
        zeta = pqc_mul_const(zeta, ZETA_64);
        zeta += PQC_Q & (int32_t)pqc_mask_negative(zeta);
    }
    return (uint32_t)zeta * PQC_Q_INV;
}
#else
PQC_INLINE uint32_t zeta_at(unsigned k)
{
    return zetas[k] * PQC_Q_INV;
}
#endif

/* The last inverse layer carries the factor 128^-1 * -2^32, alone and times zetas[1]. */
#define SCALE      0x912fe8a0u
#define SCALE_ZETA 0x94921c26u

/* (a, b) becomes (a + b zeta, a - b zeta). Cooley-Tukey: grows by at most q / 2. */
#define BUTTERFLY(a, b, zeta)                \
    do {                                     \
        int32_t t_ = pqc_mul_const(b, zeta); \
        b = a - t_;                          \
        a = a + t_;                          \
    } while (0)

/* (a, b) becomes (a + b, (b - a) zeta). Gentleman-Sande: the sum doubles, the rest is reduced. */
#define BUTTERFLY_INV(a, b, zeta)    \
    do {                             \
        int32_t t_ = b - a;          \
        a = a + b;                   \
        b = pqc_mul_const(t_, zeta); \
    } while (0)

#ifdef PQC_SMALL

/* One layer at a time: half the code, a third more time. */
void pqc_poly16_ntt(pqc_poly16 *poly)
{
    unsigned k = 1;
    for (unsigned len = 128; len > 1; len /= 2) {
        for (int16_t *p = poly->c; p != poly->c + 256; p += len) {
            uint32_t z = zeta_at(k++);
            for (int16_t *stop = p + len; p != stop; p++) {
                int32_t a = p[0];
                int32_t b = p[len];
                BUTTERFLY(a, b, z);
                p[0] = (int16_t)a;
                p[len] = (int16_t)b;
            }
        }
    }
}

/* Every sum is reduced where it arises, so nothing grows. */
void pqc_poly16_invntt(pqc_poly16 *poly)
{
    uint32_t scale = PQC_CONST_ONE;
    unsigned k = 127;
    for (unsigned len = 2; len < 256; len *= 2) {
        if (len == 128) {
            scale = SCALE;
        }
        for (int16_t *p = poly->c; p != poly->c + 256; p += len) {
            uint32_t z = len == 128 ? SCALE_ZETA : zeta_at(k--);
            for (int16_t *stop = p + len; p != stop; p++) {
                int32_t a = p[0];
                int32_t b = p[len];
                p[0] = (int16_t)pqc_mul_const(a + b, scale);
                p[len] = (int16_t)pqc_mul_const(b - a, z);
            }
        }
    }
}

#else

/* Layers `len` and `len` / 2 at one pass through memory; the first layer's zetas start at k. */
PQC_HOT PQC_NOINLINE static void two_layers(int16_t *p, unsigned len, unsigned k)
{
    unsigned half = len / 2;
    for (int16_t *end = p + 256; p != end; p += len + half, k++) {
        uint32_t z0 = zeta_at(k);
        uint32_t z1 = zeta_at(2 * k);
        uint32_t z2 = zeta_at(2 * k + 1);
        for (int16_t *stop = p + half; p != stop; p++) {
            int32_t a = p[0];
            int32_t b = p[half];
            int32_t c = p[len];
            int32_t d = p[len + half];
            BUTTERFLY(a, c, z0);
            BUTTERFLY(b, d, z0);
            BUTTERFLY(a, b, z1);
            BUTTERFLY(c, d, z2);
            p[0] = (int16_t)a;
            p[half] = (int16_t)b;
            p[len] = (int16_t)c;
            p[len + half] = (int16_t)d;
        }
    }
}

PQC_HOT void pqc_poly16_ntt(pqc_poly16 *poly)
{
    two_layers(poly->c, 128, 1);
    two_layers(poly->c, 32, 4);
    two_layers(poly->c, 8, 16);
    int16_t *p = poly->c;
    for (unsigned k = 64; k < 128; k++, p += 4) {
        uint32_t z = zeta_at(k);
        int32_t a = p[0];
        int32_t b = p[1];
        int32_t c = p[2];
        int32_t d = p[3];
        BUTTERFLY(a, c, z);
        BUTTERFLY(b, d, z);
        p[0] = (int16_t)a;
        p[1] = (int16_t)b;
        p[2] = (int16_t)c;
        p[3] = (int16_t)d;
    }
}

/*
 * Inverse layers `len` and 2 `len`; k is the last zeta index of the second.
 * Bounds: a coefficient is a sum of at most four inputs before the stores, and
 * the only one of the four that was multiplied in neither layer is reduced.
 */
PQC_HOT PQC_NOINLINE static void two_layers_inv(int16_t *p, unsigned len, unsigned k)
{
    uint32_t one = PQC_CONST_ONE;
    PQC_VALUE_BARRIER(one);
    for (int16_t *end = p + 256; p != end; p += 3 * len, k--) {
        uint32_t z0 = zeta_at(2 * k + 1);
        uint32_t z1 = zeta_at(2 * k);
        uint32_t z2 = zeta_at(k);
        for (int16_t *stop = p + len; p != stop; p++) {
            int32_t a = p[0];
            int32_t b = p[len];
            int32_t c = p[2 * len];
            int32_t d = p[3 * len];
            BUTTERFLY_INV(a, b, z0);
            BUTTERFLY_INV(c, d, z1);
            BUTTERFLY_INV(a, c, z2);
            BUTTERFLY_INV(b, d, z2);
            p[0] = (int16_t)pqc_mul_const(a, one);
            p[len] = (int16_t)b;
            p[2 * len] = (int16_t)c;
            p[3 * len] = (int16_t)d;
        }
    }
}

PQC_HOT void pqc_poly16_invntt(pqc_poly16 *poly)
{
    two_layers_inv(poly->c, 2, 63);
    two_layers_inv(poly->c, 8, 15);
    two_layers_inv(poly->c, 32, 3);
    uint32_t scale = SCALE;
    uint32_t scale_zeta = SCALE_ZETA;
    PQC_VALUE_BARRIER(scale); /* else GCC multiplies by shifts and additions on small cores */
    PQC_VALUE_BARRIER(scale_zeta);
    int16_t *p = poly->c;
    for (int16_t *stop = p + 128; p != stop; p++) {
        int32_t a = p[0];
        int32_t b = p[128];
        p[0] = (int16_t)pqc_mul_const(a + b, scale);
        p[128] = (int16_t)pqc_mul_const(b - a, scale_zeta);
    }
}

#endif

/*
 * On a core with eight registers, finish one value and forget what was loaded
 * for it before the next is begun; elsewhere leave the order to the compiler.
 */
#if defined(__GNUC__) && defined(__thumb__) && !defined(__thumb2__)
#define ONE_BY_ONE(x) __asm__ volatile("" : "+r"(x) : : "memory")
#else
#define ONE_BY_ONE(x) ((void)(x))
#endif

/* FIPS 203 algorithm 12 for one pair: r += (a0 + a1 X)(b0 + b1 X) mod X^2 - zeta. */
PQC_INLINE void mul_add_pair(int16_t *r, const int16_t *a, const int16_t *b, uint32_t zeta)
{
    int32_t b1 = b[1];
    int32_t t = pqc_mul_const(b1, zeta);
    int32_t a1 = a[1];
    int32_t a0 = a[0];
    int32_t b0 = b[0];
    int32_t r0 = a0 * b0 + a1 * t;
    int32_t r1 = a0 * b1 + a1 * b0;
    ONE_BY_ONE(r0);
    ONE_BY_ONE(r1);
    r0 = pqc_reduce(r0);
    ONE_BY_ONE(r0);
    r[0] = (int16_t)(r[0] + r0);
    r1 = pqc_reduce(r1);
    ONE_BY_ONE(r1);
    r[1] = (int16_t)(r[1] + r1);
}

PQC_HOT void pqc_poly16_mul_add(pqc_poly16 *poly, const int16_t *a, const pqc_poly16 *factor,
                                unsigned first, unsigned groups)
{
    int16_t *r = poly->c + 4 * (size_t)first;
    const int16_t *b = factor->c + 4 * (size_t)first;
    unsigned k = 64 + first;
#ifdef PQC_SMALL
    for (unsigned i = 0; i < 2 * groups; i++, r += 2, a += 2, b += 2) {
        uint32_t z = zeta_at(k + i / 2);
        mul_add_pair(r, a, b, i % 2 == 0 ? z : (uint32_t)0 - z);
    }
#else
    for (int16_t *end = r + 4 * (size_t)groups; r != end; r += 4, a += 4, b += 4) {
        uint32_t z = zeta_at(k++);
        mul_add_pair(r, a, b, z);
        mul_add_pair(r + 2, a + 2, b + 2, (uint32_t)0 - z); /* -zeta is the negated constant */
    }
#endif
}
