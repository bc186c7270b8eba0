/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * port.c - the "hardware" of port.h: the plainest possible Keccak, SHA-256
 * compression and AES, straight from the standards and with nothing in common
 * with src/. It shows that the seams are complete, and is one more opinion on
 * the results. Not constant time, not for use.
 */
#include "../src/aes256.h"
#include "../src/keccak.h"
#include "../src/sha256.h"

/* ------------------------------------------------------------------- Keccak */

static uint64_t rol64(uint64_t v, unsigned n)
{
    return n == 0 ? v : (v << n) | (v >> (64 - n));
}

/* FIPS 202 algorithm 5: one bit of a linear feedback shift register. */
static unsigned rc_bit(unsigned t)
{
    unsigned r = 1;
    for (unsigned i = 0; i < t % 255; i++) {
        r <<= 1;
        r ^= (r >> 8) * 0x171;
    }
    return r & 1;
}

void pqc_keccak_permute(pqc_keccak_state *state, pqc_keccak_state *scratch)
{
    uint64_t *a = state->lane;
    uint64_t *b = scratch->lane;
    for (unsigned round = 0; round < 24; round++) {
        uint64_t c[5];
        for (unsigned x = 0; x < 5; x++) {
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        }
        for (unsigned i = 0; i < 25; i++) {
            a[i] ^= c[(i + 4) % 5] ^ rol64(c[(i + 1) % 5], 1);
        }
        unsigned x = 1, y = 0;
        b[0] = a[0];
        for (unsigned t = 0; t < 24; t++) {
            b[y + 5 * ((2 * x + 3 * y) % 5)] = rol64(a[x + 5 * y], (t + 1) * (t + 2) / 2 % 64);
            unsigned next = (2 * x + 3 * y) % 5;
            x = y;
            y = next;
        }
        for (unsigned i = 0; i < 25; i++) {
            unsigned row = i / 5 * 5;
            a[i] = b[i] ^ (~b[row + (i + 1) % 5] & b[row + (i + 2) % 5]);
        }
        for (unsigned j = 0; j < 7; j++) {
            a[0] ^= (uint64_t)rc_bit(j + 7 * round) << ((1u << j) - 1);
        }
    }
}

void pqc_keccak_xor_lanes(pqc_keccak_state *state, unsigned first, const uint8_t *data,
                          unsigned lanes)
{
    for (unsigned i = 0; i < 8 * lanes; i++) {
        state->lane[first + i / 8] ^= (uint64_t)data[i] << (8 * (i % 8));
    }
}

void pqc_keccak_extract(pqc_keccak_state *out, const pqc_keccak_state *state, unsigned lanes)
{
    for (unsigned i = 0; i < 8 * lanes; i++) {
        out->bytes[i] = (uint8_t)(state->lane[i / 8] >> (8 * (i % 8)));
    }
}

/* ------------------------------------------------------------------ SHA-256 */

/* FIPS 180-4 section 4.2.2: 32 bits of the fraction of a prime's cube root, by bisection. */
static uint32_t cube_root_fraction(uint32_t prime)
{
    uint64_t root = 0; /* in units of 2^-32; at most 311^(1/3) < 7, so 35 bits */
    for (int bit = 34; bit >= 0; bit--) {
        uint64_t trial = root | (uint64_t)1 << bit;
        uint64_t high = trial >> 20; /* trial = high 2^20 + low */
        uint64_t low = trial & 0xfffff;
        /* the cube in units of 2^-36, rounded down; no prime's root is near enough to matter */
        uint64_t cube = high * high * high;
        cube += 3 * high * high * low >> 20;
        cube += 3 * high * low * low >> 40;
        if (cube < (uint64_t)prime << 36) {
            root = trial;
        }
    }
    return (uint32_t)root;
}

static uint32_t next_prime(uint32_t after)
{
    for (uint32_t candidate = after + 1;; candidate++) {
        uint32_t divisor = 2;
        while (candidate % divisor != 0) {
            divisor++;
        }
        if (divisor == candidate) {
            return candidate;
        }
    }
}

static uint32_t ror32(uint32_t v, unsigned n)
{
    return (v >> n) | (v << (32 - n));
}

void pqc_sha256_compress(uint32_t state[8], const uint8_t block[SHA256_BLOCK])
{
    uint32_t w[64], s[8], prime = 1;
    memcpy(s, state, sizeof s);
    for (unsigned t = 0; t < 64; t++) {
        if (t < 16) {
            w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
                   (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
        } else {
            uint32_t s0 = ror32(w[t - 15], 7) ^ ror32(w[t - 15], 18) ^ (w[t - 15] >> 3);
            uint32_t s1 = ror32(w[t - 2], 17) ^ ror32(w[t - 2], 19) ^ (w[t - 2] >> 10);
            w[t] = s1 + w[t - 7] + s0 + w[t - 16];
        }
    }
    for (unsigned t = 0; t < 64; t++) {
        prime = next_prime(prime);
        uint32_t e1 = ror32(s[4], 6) ^ ror32(s[4], 11) ^ ror32(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t t1 = s[7] + e1 + choice + cube_root_fraction(prime) + w[t];
        uint32_t a0 = ror32(s[0], 2) ^ ror32(s[0], 13) ^ ror32(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += t1;
        s[0] = t1 + a0 + majority;
    }
    for (unsigned i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

/* ------------------------------------------------------------------ AES-256 */

/* FIPS 197 section 4.2: multiplication in GF(2^8). */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0, factor = a;
    for (unsigned i = 0; i < 8; i++) {
        product ^= (b >> i & 1) * factor;
        factor = factor << 1 ^ (factor >> 7) * 0x11b;
    }
    return (uint8_t)product;
}

/* FIPS 197 section 5.1.1: x^254, then the affine map. */
static uint8_t substitute(uint8_t x)
{
    uint8_t inverse = 1;
    for (unsigned i = 0; i < 254; i++) {
        inverse = multiply(inverse, x);
    }
    unsigned bits = inverse;
    bits ^= bits << 1 ^ bits << 2 ^ bits << 3 ^ bits << 4;
    return (uint8_t)(bits ^ bits >> 8 ^ 0x63);
}

void pqc_aes256_init(pqc_aes256 *aes, const uint8_t key[32])
{
    memcpy(aes->key, key, 32);
}

static void encrypt(const uint8_t round_keys[240], uint8_t s[16])
{
    for (unsigned round = 0; round <= 14; round++) {
        uint8_t t[16];
        if (round > 0) {
            for (unsigned i = 0; i < 16; i++) { /* SubBytes and ShiftRows: row i % 4 */
                t[i] = substitute(s[(i + 4 * (i % 4)) % 16]);
            }
            memcpy(s, t, 16);
        }
        for (unsigned i = 0; round > 0 && round < 14 && i < 16; i++) {
            const uint8_t *column = t + i / 4 * 4;
            s[i] = (uint8_t)(multiply(column[i % 4], 2) ^ multiply(column[(i + 1) % 4], 3) ^
                             column[(i + 2) % 4] ^ column[(i + 3) % 4]);
        }
        for (unsigned i = 0; i < 16; i++) {
            s[i] ^= round_keys[16 * round + i];
        }
    }
}

void pqc_aes256_encrypt2(const pqc_aes256 *aes, uint8_t blocks[2 * AES_BLOCK])
{
    uint8_t keys[240], rcon = 1;
    memcpy(keys, aes->key, 32);
    for (unsigned i = 32; i < 240; i += 4) {
        uint8_t word[4];
        for (unsigned j = 0; j < 4; j++) {
            word[j] = i % 32 == 0 ? substitute(keys[i - 4 + (j + 1) % 4]) : keys[i - 4 + j];
            if (i % 32 == 16) {
                word[j] = substitute(word[j]);
            }
        }
        if (i % 32 == 0) {
            word[0] ^= rcon;
            rcon = multiply(rcon, 2);
        }
        for (unsigned j = 0; j < 4; j++) {
            keys[i + j] = keys[i - 32 + j] ^ word[j];
        }
    }
    encrypt(keys, blocks);
    encrypt(keys, blocks + AES_BLOCK);
}
