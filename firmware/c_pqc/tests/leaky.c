/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * leaky.c - three ways not to treat a secret, for tests that must notice them:
 * a branch, a table lookup, and a secret left behind on the stack.
 */
#include "../src/common.h"

/* Leaves at the first difference: time tells how much was right. */
int leaky_differ(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i]) {
            return -1;
        }
    }
    return 0;
}

/* The address read depends on the secret. */
int leaky_lookup(const uint8_t table[256], const uint8_t *secret, size_t bytes)
{
    int sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        sum += table[secret[i]];
    }
    return sum;
}

/* Copies the secret to the stack and returns. */
int leaky_stack(const uint8_t *secret, size_t bytes)
{
    volatile uint8_t copy[64];
    int sum = 0;
    for (size_t i = 0; i < bytes && i < sizeof copy; i++) {
        copy[i] = secret[i];
        sum += copy[i];
    }
    return sum;
}
