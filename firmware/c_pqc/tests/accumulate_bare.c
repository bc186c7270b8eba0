/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * accumulate_bare.c - accumulate() without a C library, for emulators.
 *
 * accumulate_static() is for machines that call a function and read memory (the
 * cycle model). _start() is for Arm emulators with semihosting, either byte
 * order; it prints the digest in hexadecimal.
 */
#include "accumulate.h"

static struct {
    uint8_t seed[64], coins[32], ek[PQC_KEM_PUBLIC_BYTES], dk[PQC_KEM_EXPANDED_BYTES];
    uint8_t ct[PQC_KEM_CIPHERTEXT_BYTES], ss[32], pk[PQC_DSA_PUBLIC_BYTES];
    uint8_t sig[PQC_DSA_SIGNATURE_BYTES], text[ACCUMULATE_TEXT_MAX];
    uint8_t sealed[ACCUMULATE_TEXT_MAX + 16];
    _Alignas(PQC_WS_ALIGN) uint8_t workspace[PQC_WORKSPACE_BYTES];
} memory;

int accumulate_static(uint8_t digest[32], unsigned rounds)
{
    const accumulate_buffers b = {
        .seed = memory.seed,
        .coins = memory.coins,
        .ek = memory.ek,
        .dk = memory.dk,
        .ct = memory.ct,
        .ss = memory.ss,
        .pk = memory.pk,
        .sig = memory.sig,
        .text = memory.text,
        .sealed = memory.sealed,
        .workspace = memory.workspace,
        .workspace_bytes = sizeof memory.workspace,
    };
    return accumulate(digest, rounds, &b);
}

#ifdef ACCUMULATE_SEMIHOSTING

/* What the compiler calls on its own, and string.h promises. Volatile: else it calls itself. */
void *memcpy(void *to, const void *from, size_t bytes)
{
    volatile uint8_t *t = to;
    const uint8_t *f = from;
    while (bytes-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    volatile uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)t <= (uintptr_t)f) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        t[bytes] = f[bytes];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    volatile uint8_t *t = to;
    while (bytes-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("svc #0x123456" : "+r"(r0) : "r"(r1) : "memory");
}

void _start(void);

void _start(void)
{
    static const char hexadecimal[] = "0123456789abcdef";
    uint8_t digest[32];
    char line[66];
    int failed = accumulate_static(digest, ACCUMULATE_SEMIHOSTING);
    for (unsigned i = 0; i < 32; i++) {
        uint8_t byte = failed == 0 ? digest[i] : (uint8_t)failed;
        line[2 * i] = hexadecimal[byte >> 4];
        line[2 * i + 1] = hexadecimal[byte & 15];
    }
    line[64] = '\n';
    line[65] = 0;
    semihosting(0x04, line);                              /* SYS_WRITE0 */
    semihosting(0x18, (const void *)(uintptr_t)0x20026u); /* SYS_EXIT, application exit */
}

#endif
