/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ring3329.c - NTT, inverse NTT and product in the ring of ML-KEM (FIPS 203 section 4.3). */
#include "ring3329.h"

/* Powers of 17 in bit-reversed order (FIPS 203 appendix A), as pqc_mul_const() wants them. */
static const uint32_t zetas[128] = {
    0x0013afb8u, 0x84f5c5b6u, 0xc666e465u, 0xfcec8b58u, 0xcb2b72d0u, 0x30726d5bu, 0x91e11612u,
    0x41360f89u, 0x51aaf2dau, 0x93922fd5u, 0x0ed77946u, 0x3d4a0dffu, 0xd63e49fbu, 0xfab1a391u,
    0x2bc18ea7u, 0x864470e4u, 0x16c32c11u, 0xbc2c9a1cu, 0x66f8144eu, 0x71811d74u, 0xea3cc040u,
    0x044e701fu, 0xac4184cfu, 0x6681f601u, 0x6da8cba2u, 0xa1074e36u, 0x2924384bu, 0xdda02ec2u,
    0xb805896cu, 0xdd651f9cu, 0x97ccf03du, 0x3f228731u, 0x16395e0du, 0x19743224u, 0xfa27d58eu,
    0x87094e0eu, 0x5c0c9c92u, 0xb12d72a9u, 0xaf19ea51u, 0x9e078945u, 0x31fc27afu, 0x9807ff63u,
    0xc13fe765u, 0x3099ccc9u, 0xdc518394u, 0x0289a6a5u, 0x658209b1u, 0x934370f8u, 0xb254be68u,
    0x6e59f915u, 0x3e0eeb29u, 0x22c23fd4u, 0x6e95083bu, 0xdc8c92bau, 0x75f6ed02u, 0xb8b6b6dfu,
    0xcb8de165u, 0xc93f49e7u, 0x71e38c09u, 0x31d4c840u, 0xbe402274u, 0xef28ae1au, 0x5e5b3410u,
    0x45fa9df4u, 0x014eab2eu, 0xd4522112u, 0x2cd52aaeu, 0xcbb540d4u, 0x7de29fcdu, 0x379942fbu,
    0xaff27732u, 0x54970814u, 0x6c5a2074u, 0xccb52d24u, 0xfc4f0d9du, 0x11eaedeeu, 0x3a22e9a0u,
    0xa5cbdca1u, 0xe7da790bu, 0xea8b7f1eu, 0x82f5ed16u, 0x7ef63bd5u, 0xd6795921u, 0x8992f4b3u,
    0x8e08c440u, 0x4935720bu, 0x7059d1b5u, 0xcea1560eu, 0x483585bbu, 0xb17c3187u, 0xbb67bcf2u,
    0xb7a31ad7u, 0x385e2025u, 0xb3b7194du, 0x149bf401u, 0x314afa3cu, 0x79cf3ed4u, 0xb0b7545cu,
    0x9ca52e5fu, 0xf79e2ee9u, 0x1cd665aau, 0xc4049d2fu, 0xa0b88f58u, 0x7e801d88u, 0x51bea292u,
    0x1887f58bu, 0xd53e5dabu, 0x3a369957u, 0xa169bccbu, 0x2b2410ecu, 0xbda2a4b9u, 0xc77a806du,
    0xd7a0a4e0u, 0x53f98a58u, 0x1efd9db9u, 0x4ee63d0fu, 0x57e58be2u, 0xa555be54u, 0xd565bd19u,
    0x442224c3u, 0x846bf7b2u, 0x5d33e851u, 0x901c4c98u, 0x4f214c36u, 0xa24249acu, 0xe1b38fbau,
    0x440e750bu, 0xa5a47d32u,
};

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

/* Layers `len` and `len` / 2 at one pass through memory; the first layer's zetas start at k. */
PQC_HOT PQC_NOINLINE static void two_layers(int16_t *p, unsigned len, unsigned k)
{
    unsigned half = len / 2;
    for (int16_t *end = p + 256; p != end; p += len + half, k++) {
        uint32_t z0 = zetas[k];
        uint32_t z1 = zetas[2 * k];
        uint32_t z2 = zetas[2 * k + 1];
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
        uint32_t z = zetas[k];
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
        uint32_t z0 = zetas[2 * k + 1];
        uint32_t z1 = zetas[2 * k];
        uint32_t z2 = zetas[k];
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
    const uint32_t *zeta = &zetas[64 + first];
    for (int16_t *end = r + 4 * (size_t)groups; r != end; r += 4, a += 4, b += 4) {
        uint32_t z = *zeta++;
        mul_add_pair(r, a, b, z);
        mul_add_pair(r + 2, a + 2, b + 2, (uint32_t)0 - z); /* -zeta is the negated constant */
    }
}
