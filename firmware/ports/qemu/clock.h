/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * clock.h - time since reset, from SysTick.
 *
 * SysTick follows QEMU's virtual clock. With `-icount shift=N` that clock is driven by executed
 * instructions, so ticks count them: instructions = ticks * 40 / 2^N (40 ns per tick). These are
 * instructions, not cycles: no wait state, no pipeline is modelled.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

void clock_start(void);
void clock_interrupt(void); /* the SysTick vector */

uint32_t clock_ms(void);    /* wraps after 49 days */
uint64_t clock_ticks(void); /* MPS2_CLOCK_HZ per second; never wraps, never steps back */

#endif
