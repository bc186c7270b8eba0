/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "clock.h"

#include "mps2.h"

#define TICKS_PER_MS (MPS2_CLOCK_HZ / 1000u)

static volatile uint64_t milliseconds; /* written by the interrupt only */

void clock_start(void) {
    SYST_RVR = TICKS_PER_MS - 1;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_ENABLE_IRQ_CORE_CLOCK;
}

void clock_interrupt(void) {
    milliseconds++;
}

uint32_t clock_ms(void) {
    return (uint32_t)milliseconds; /* a 32-bit read cannot be torn */
}

uint64_t clock_ticks(void) {
    uint64_t ms;
    uint32_t left;
    do { /* again if the interrupt came between the reads, or tore the 64-bit one */
        ms = milliseconds;
        left = SYST_CVR;
    } while (ms != milliseconds);
    /* With interrupts masked the counter may have wrapped without the interrupt having run. */
    if ((SCB_ICSR & SCB_ICSR_PENDSTSET) != 0 && left > TICKS_PER_MS / 2) {
        ms++;
    }
    return ms * TICKS_PER_MS + (TICKS_PER_MS - 1 - left);
}
