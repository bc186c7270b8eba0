/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What MicroPython's core asks of the hardware layer (py/mphal.h includes this). */
#include <stddef.h>
#include <stdint.h>

#include "mps2.h"
#include "shared/runtime/interrupt_char.h"

#define MICROPY_BEGIN_ATOMIC_SECTION()     irq_save()
#define MICROPY_END_ATOMIC_SECTION(state)  irq_restore(state)

/*
 * Sleep until something happens. A byte that arrives just before the instruction does not end the
 * sleep, but the next SysTick does: 1 ms later at most.
 */
#define MICROPY_INTERNAL_WFE(TIMEOUT_MS)   wait_for_interrupt()
