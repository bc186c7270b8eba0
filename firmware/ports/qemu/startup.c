/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * startup.c - from reset to main(), and what happens on a fault.
 *
 * A fault is reported on the REPL's UART and ends the emulator with exit status 1, so that a test
 * sees a dead board at once instead of a silent one.
 */
#include <string.h>

#include "clock.h"
#include "mps2.h"
#include "semihost.h"
#include "uart.h"

extern uint32_t _stack_top;
extern char _data_start, _data_end, _data_image, _bss_start, _bss_end;

int main(void);
void reset_handler(void);
void start(void);
void fault_report(const uint32_t *frame, uint32_t number);

__attribute__((noreturn, used)) void start(void) {
    memcpy(&_data_start, &_data_image, (size_t)(&_data_end - &_data_start));
    memset(&_bss_start, 0, (size_t)(&_bss_end - &_bss_start));
    #if defined(__ARM_FP)
    SCB_CPACR |= SCB_CPACR_FPU_FULL;
    __asm volatile ("dsb\n isb");
    #endif
    main();
    semihost_exit(0);
}

/* The stack pointer is set again because a debugger's or loader's reset may not have. */
__attribute__((naked)) void reset_handler(void) {
    __asm volatile (
        "ldr r0, =_stack_top\n"
        "mov sp, r0\n"
        "b start\n");
}

static void print_word(const char *name, uint32_t value) {
    uart_write_polled(UART_REPL, name, strlen(name));
    for (int shift = 28; shift >= 0; shift -= 4) {
        uart_write_polled(UART_REPL, &"0123456789abcdef"[(value >> shift) & 15u], 1);
    }
}

/* Frame layout: Armv7-M ARM B1.5.6. `frame` is not to be trusted after a stack overflow. */
__attribute__((noreturn, used)) void fault_report(const uint32_t *frame, uint32_t number) {
    const char *const stack_floor = (const char *)0x20000000;
    print_word("\r\nFAULT exception=", number);
    print_word(" cfsr=", SCB_CFSR);
    print_word(" bfar=", SCB_BFAR);
    print_word(" sp=", (uint32_t)frame);
    if ((const char *)frame >= stack_floor && frame < &_stack_top) {
        print_word(" lr=", frame[5]);
        print_word(" pc=", frame[6]);
    } else {
        static const char overflow[] = " (stack overflow)";
        uart_write_polled(UART_REPL, overflow, sizeof(overflow) - 1);
    }
    uart_write_polled(UART_REPL, "\r\n", 2);
    semihost_exit(1);
}

/* The report runs on a fresh stack: the old one may be what broke. */
__attribute__((naked)) static void fault_handler(void) {
    __asm volatile (
        "mov r0, sp\n"
        "mrs r1, ipsr\n"
        "ldr r2, =_stack_top\n"
        "mov sp, r2\n"
        "b fault_report\n");
}

static void uart0_handler(void) { uart_interrupt(0); }
static void uart1_handler(void) { uart_interrupt(1); }
static void uart2_handler(void) { uart_interrupt(2); }
static void uart3_handler(void) { uart_interrupt(3); }
static void uart4_handler(void) { uart_interrupt(4); }

/* An interrupt nobody enabled is a bug: it ends in the fault handler like the others. */
typedef void (*vector_t)(void);
#define EXTERNAL(n) (16 + (n))

__attribute__((section(".isr_vector"), used)) static const vector_t vectors[EXTERNAL(32)] = {
    [0] = (vector_t)&_stack_top,
    [1] = reset_handler,
    [2 ... 14] = fault_handler,
    [15] = clock_interrupt,
    [EXTERNAL(0) ... EXTERNAL(1)] = uart0_handler, /* receive, transmit */
    [EXTERNAL(2) ... EXTERNAL(3)] = uart1_handler,
    [EXTERNAL(4) ... EXTERNAL(5)] = uart2_handler,
    [EXTERNAL(6) ... EXTERNAL(17)] = fault_handler,
    [EXTERNAL(18) ... EXTERNAL(19)] = uart3_handler,
    [EXTERNAL(20) ... EXTERNAL(21)] = uart4_handler,
    [EXTERNAL(22) ... EXTERNAL(31)] = fault_handler,
};
