/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * main.c - the interpreter's life: start, _boot.py, boot.py, main.py, REPL, soft reset, again.
 */
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/readline/readline.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"

#include "clock.h"
#include "console.h"
#include "semihost.h"
#include "stack.h"
#include "uart.h"

extern char _stack_top;

static uint64_t gc_heap[MICROPY_HEAP_BYTES / sizeof(uint64_t)]; /* aligned for any object */

/* Python's recursion check leaves this much for C below it: interrupts, and a frame of c_pqc. */
#define STACK_RESERVE_BYTES 2048

static void run_scripts(void) {
    int result = pyexec_frozen_module("_boot.py", false);
    if ((result & PYEXEC_FORCED_EXIT) == 0) {
        result = pyexec_file_if_exists("boot.py");
    }
    if ((result & PYEXEC_FORCED_EXIT) == 0 && pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        pyexec_file_if_exists("main.py");
    }
}

static void run_repl(void) {
    for (;;) { /* until Ctrl-D; Ctrl-A and Ctrl-B switch between the two kinds */
        int left = pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl()
                                                            : pyexec_friendly_repl();
        if (left != 0) {
            return;
        }
    }
}

int main(void) {
    console_start();
    clock_start();
    __asm volatile ("cpsie i");
    stack_paint();
    for (;;) {
        mp_cstack_init_with_top(&_stack_top, stack_size() - STACK_RESERVE_BYTES);
        gc_init(gc_heap, (char *)gc_heap + sizeof(gc_heap));
        mp_init();
        readline_init0();
        run_scripts();
        run_repl();
        mp_printf(&mp_plat_print, "MPY: soft reboot\n");
        for (int id = UART_REPL + 1; id < UART_COUNT; id++) {
            uart_stop(id);
        }
        gc_sweep_all();
        mp_deinit();
    }
}

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
}

/* An exception with nobody to catch it: the interpreter is beyond repair. */
void nlr_jump_fail(void *value) {
    static const char text[] = "FAULT uncaught exception in C\r\n";
    (void)value;
    uart_write_polled(UART_REPL, text, sizeof(text) - 1);
    semihost_exit(1);
}
