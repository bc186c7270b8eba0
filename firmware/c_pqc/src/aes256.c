/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aes256.c - AES-256 without tables: bitsliced, two blocks in eight words.
 *
 * Word b holds bit b of all 32 bytes. In a word, byte r (8 bits) belongs to row
 * r of the two states; within it, bit 4 k + c belongs to column c of block k. So
 * a step between rows is a rotation of the word, a step between columns is one
 * inside its bytes, and everything is a fixed sequence of logic instructions.
 */
#include "aes256.h"

#ifndef PQC_AES_PORT

#define ROUNDS 14

PQC_INLINE uint32_t ror(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

/* Exchange the bits of `b` under `mask` with the bits of `a` that lie `n` places higher. */
#define SWAP_BITS(a, b, mask, n)                     \
    do {                                             \
        uint32_t t_ = (((a) >> (n)) ^ (b)) & (mask); \
        (b) ^= t_;                                   \
        (a) ^= t_ << (n);                            \
    } while (0)

/* Transpose the 8 x 8 bits formed by each byte of the eight words. Its own inverse. */
PQC_NOINLINE static void transpose(uint32_t q[8])
{
#ifdef PQC_SMALL
    uint32_t mask = 0x0f0f0f0fu;
    for (unsigned n = 4; n > 0; n /= 2) {
        for (unsigned i = 0; i < 8; i++) {
            if ((i & n) == 0) {
                SWAP_BITS(q[i], q[i + n], mask, n);
            }
        }
        mask ^= mask << n / 2;
    }
#else
    for (unsigned i = 0; i < 8; i += 2) {
        SWAP_BITS(q[i], q[i + 1], 0x55555555u, 1);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        SWAP_BITS(q[i], q[i + 2], 0x33333333u, 2);
        SWAP_BITS(q[i + 1], q[i + 3], 0x33333333u, 2);
    }
    for (unsigned i = 0; i < 4; i++) {
        SWAP_BITS(q[i], q[i + 4], 0x0f0f0f0fu, 4);
    }
#endif
}

/*
 * The S-box as a circuit of 32 AND and 81 XOR gates: J. Boyar, R. Peralta, "A
 * depth-16 circuit for the AES S-box" (2011), with that paper's names. x0 and s0
 * are the most significant bits.
 */
PQC_HOT PQC_NOINLINE static void sub_bytes(uint32_t q[8])
{
    uint32_t x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4];
    uint32_t x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];

    uint32_t y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5;
    uint32_t t0 = x1 ^ x2;
    uint32_t y1 = t0 ^ x7;
    uint32_t y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6;
    uint32_t y3 = y5 ^ y8;
    uint32_t t1 = x4 ^ y12;
    uint32_t y15 = t1 ^ x5, y20 = t1 ^ x1;
    uint32_t y6 = y15 ^ x7, y10 = y15 ^ t0, y11 = y20 ^ y9;
    uint32_t y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11;
    uint32_t y21 = y13 ^ y16, y18 = x0 ^ y16;

    uint32_t t2 = y12 & y15;
    uint32_t t4 = (y3 & y6) ^ t2;
    uint32_t t6 = (y4 & x7) ^ t2;
    uint32_t t7 = y13 & y16;
    uint32_t t9 = (y5 & y1) ^ t7;
    uint32_t t11 = (y2 & y7) ^ t7;
    uint32_t t12 = y9 & y11;
    uint32_t t14 = (y14 & y17) ^ t12;
    uint32_t t16 = (y8 & y10) ^ t12;
    uint32_t t21 = t4 ^ t14 ^ y20;
    uint32_t t22 = t6 ^ t16 ^ y19;
    uint32_t t23 = t9 ^ t14 ^ y21;
    uint32_t t24 = t11 ^ t16 ^ y18;

    uint32_t t25 = t21 ^ t22;
    uint32_t t26 = t21 & t23;
    uint32_t t27 = t24 ^ t26;
    uint32_t t29 = (t25 & t27) ^ t22;
    uint32_t t30 = t23 ^ t24;
    uint32_t t31 = t22 ^ t26;
    uint32_t t33 = (t31 & t30) ^ t24;
    uint32_t t34 = t23 ^ t33;
    uint32_t t35 = t27 ^ t33;
    uint32_t t36 = t24 & t35;
    uint32_t t37 = t36 ^ t34;
    uint32_t t38 = t27 ^ t36;
    uint32_t t40 = t25 ^ (t29 & t38);
    uint32_t t41 = t40 ^ t37;
    uint32_t t42 = t29 ^ t33;
    uint32_t t43 = t29 ^ t40;
    uint32_t t44 = t33 ^ t37;
    uint32_t t45 = t42 ^ t41;

    uint32_t z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16;
    uint32_t z4 = t40 & y1, z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17;
    uint32_t z8 = t41 & y10, z9 = t44 & y12, z10 = t37 & y3, z11 = t33 & y4;
    uint32_t z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2, z15 = t42 & y9;
    uint32_t z16 = t45 & y14, z17 = t41 & y8;

    uint32_t t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10;
    uint32_t t50 = z2 ^ z12, t51 = z2 ^ z5, t52 = z7 ^ z8, t53 = z0 ^ z3;
    uint32_t t54 = z6 ^ z7, t55 = z16 ^ z17, t56 = z12 ^ t48, t57 = t50 ^ t53;
    uint32_t t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57, t61 = z14 ^ t57;
    uint32_t t62 = t52 ^ t58, t63 = t49 ^ t58, t64 = z4 ^ t59, t65 = t61 ^ t62;
    uint32_t t66 = z1 ^ t63, t67 = t64 ^ t65;
    uint32_t s3 = t53 ^ t66;
    q[7] = t59 ^ t63;
    q[6] = ~(t64 ^ s3);
    q[5] = ~(t55 ^ t67);
    q[4] = s3;
    q[3] = t51 ^ t66;
    q[2] = t47 ^ t65;
    q[1] = ~(t56 ^ t62);
    q[0] = ~(t48 ^ t60);
}

/* Row r moves left by r columns: each half of byte r of a word rotates right by r bits. */
PQC_INLINE uint32_t shift_rows(uint32_t x)
{
    uint32_t halves = (x ^ (x >> 2)) & 0x33330000u; /* rows 2 and 3 by two columns */
    x ^= halves ^ (halves << 2);
    return (x & 0x00ff00ffu) | ((x >> 1) & 0x77007700u) | ((x << 3) & 0x88008800u);
}

/* Bit b of a round key for both blocks; two such bits share a word. */
PQC_INLINE uint32_t key_bit(const uint32_t key[4], unsigned b)
{
    uint32_t word = (b & 1) ? (key[b / 2] >> 4) : key[b / 2];
    word &= 0x0f0f0f0fu;
    return word | (word << 4);
}

#if defined(__thumb__) && !defined(__thumb2__)
#define UNROLL_LAYER /* 480 bytes for 8 % */
#else
#define UNROLL_LAYER PQC_UNROLL
#endif

/*
 * ShiftRows, MixColumns (FIPS 197 section 5.1.3) and AddRoundKey in one pass. A
 * column becomes 2 (a + a') + a' + (a + a')'', with ' and '' one and two rows on;
 * bit b of the doubled sum is bit b - 1, plus bit 7 where the polynomial has a term.
 */
PQC_HOT PQC_NOINLINE static void linear_layer(uint32_t q[8], const uint32_t key[4])
{
    uint32_t last = shift_rows(q[7]);
    uint32_t top = last ^ ror(last, 8);
    uint32_t carry = top;
    UNROLL_LAYER
    for (unsigned i = 0; i < 8; i++) {
        uint32_t x = shift_rows(q[i]);
        uint32_t next_row = ror(x, 8);
        uint32_t sum = x ^ next_row;
        uint32_t doubled = carry;
        if (i == 1 || i == 3 || i == 4) {
            doubled ^= top;
        }
        q[i] = doubled ^ next_row ^ ror(sum, 16) ^ key_bit(key, i);
        carry = sum;
    }
}

PQC_COLD static uint32_t sub_word(uint32_t word)
{
    uint32_t q[8] = {word};
    transpose(q);
    sub_bytes(q);
    transpose(q);
    return q[0];
}

/* FIPS 197 section 5.2. The eight newest words are kept in a ring, four make a round key. */
PQC_COLD void pqc_aes256_init(pqc_aes256 *aes, const uint8_t key[32])
{
    uint32_t ring[8];
    uint32_t rcon = 1;
    for (unsigned i = 0; i < 8; i++) {
        ring[i] = pqc_load32(key + 4 * i);
    }
    for (unsigned round = 0; round <= ROUNDS; round++) {
        uint32_t *words = &ring[4 * (round & 1)];
        if (round >= 2) {
            uint32_t last = ring[4 * (round & 1) ^ 7]; /* the word before words[0] */
            if ((round & 1) == 0) {
                last = sub_word(ror(last, 8)) ^ rcon;
                rcon <<= 1;
            } else {
                last = sub_word(last);
            }
            for (unsigned i = 0; i < 4; i++) {
                words[i] ^= last;
                last = words[i];
            }
        }
        uint32_t q[8];
        for (unsigned i = 0; i < 8; i++) {
            q[i] = words[i % 4];
        }
        transpose(q);
        for (unsigned i = 0; i < 4; i++) {
            aes->round_keys[4 * round + i] =
                (q[2 * i] & 0x0f0f0f0fu) | (q[2 * i + 1] & 0xf0f0f0f0u);
        }
    }
}

void pqc_aes256_encrypt2(const pqc_aes256 *aes, uint8_t blocks[2 * AES_BLOCK])
{
    const uint32_t *key = aes->round_keys;
    uint32_t q[8];
    for (unsigned i = 0; i < 8; i++) {
        q[i] = pqc_load32(blocks + 4 * i);
    }
    transpose(q);
    for (unsigned i = 0; i < 8; i++) {
        q[i] ^= key_bit(key, i);
    }
    for (unsigned round = 1; round < ROUNDS; round++) {
        key += 4;
        sub_bytes(q);
        linear_layer(q, key);
    }
    sub_bytes(q);
    for (unsigned i = 0; i < 8; i++) {
        q[i] = shift_rows(q[i]) ^ key_bit(key + 4, i);
    }
    transpose(q);
    for (unsigned i = 0; i < 8; i++) {
        pqc_store32(blocks + 4 * i, q[i]);
    }
}

#endif
