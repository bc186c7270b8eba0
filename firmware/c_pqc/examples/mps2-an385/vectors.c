/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vectors.c - what a Cortex-M3 needs before newlib's start-up code: Armv7-M manual, B1.5.3. */
#include <stdint.h>

extern uint32_t __stack[];
extern void _start(void);

/* A fault ends the emulator: semihosting's SYS_EXIT with a reason that is not a normal exit. */
static void fault(void)
{
    register uint32_t operation __asm("r0") = 0x18;
    register uint32_t reason __asm("r1") = 0x20023; /* ADP_Stopped_RunTimeErrorUnknown */
    for (;;) {
        __asm volatile("bkpt 0xab" : "+r"(operation) : "r"(reason) : "memory");
    }
}

typedef struct {
    uint32_t *stack;
    void (*handler[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    __stack,
    {_start, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, fault},
};
