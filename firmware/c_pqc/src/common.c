/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* common.c - workspace check, constant-time comparison, wiping. */
#include "common.h"

int pqc_check_workspace(const void *ws, size_t ws_bytes, size_t need)
{
    if (ws == NULL || ws_bytes < need || (uintptr_t)ws % PQC_WS_ALIGN != 0) {
        return PQC_ERR_WORKSPACE;
    }
    return PQC_OK;
}

int pqc_differ(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    uint32_t difference = 0;
    for (size_t i = 0; i < bytes; i++) {
        difference |= (uint32_t)(x[i] ^ y[i]);
        PQC_BARRIER32(difference); /* no early exit, whatever the optimiser thinks */
    }
    return (int)(int32_t)pqc_mask_nonzero(difference);
}

void pqc_wipe(void *secret, size_t bytes)
{
    if (bytes == 0) {
        return;
    }
    memset(secret, 0, bytes);
#if defined(__GNUC__)
    /* The memory is said to be read here, so the stores above must happen. */
    __asm__ volatile("" : : "r"(secret) : "memory");
#else
    volatile uint8_t *p = secret;
    while (bytes-- > 0) {
        *p++ = 0;
    }
#endif
}

/* One frame for every depth, hence the variable length: `words` is a constant of the caller. */
void pqc_clean_words(void *secret, size_t bytes, unsigned words, unsigned filler)
{
    volatile uint32_t hole = filler; /* takes the word a frame may have for alignment */
    (void)hole;
    pqc_wipe(secret, bytes);
    uint32_t dead[words];
    volatile uint32_t *p = dead; /* not pqc_wipe(): its own frame would lie below this one */
    while (words-- > 0) {
        *p++ = 0;
    }
}
