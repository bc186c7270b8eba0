/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * console.c - standard input, output and time for MicroPython's core (py/mphal.h).
 */
#include "console.h"

#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "clock.h"
#include "uart.h"

#define CONSOLE_BAUD 115200

/*
 * A console that nobody reads must not stop the node. After this long without progress output is
 * dropped, and dropped at once from then on, until the reader takes something again.
 */
#define OUTPUT_PATIENCE_MS 500
static bool output_clogged;

/* Ctrl-C raises KeyboardInterrupt even while Python code is busy. Runs in the interrupt. */
static bool catch_interrupt_char(uint8_t byte) {
    if (byte != mp_interrupt_char) {
        return false;
    }
    mp_sched_keyboard_interrupt();
    return true;
}

void console_start(void) {
    uart_set_filter(UART_REPL, catch_interrupt_char);
    uart_start(UART_REPL, CONSOLE_BAUD, UART_RX_BYTES);
}

int mp_hal_stdin_rx_chr(void) {
    uint8_t byte;
    while (uart_read(UART_REPL, &byte, 1) == 0) {
        mp_event_wait_indefinite();
    }
    return byte;
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t size) {
    size_t done = 0;
    uint32_t progress = clock_ms();
    while (done < size) {
        size_t accepted = uart_write(UART_REPL, (const uint8_t *)text + done, size - done);
        done += accepted;
        if (accepted > 0) {
            output_clogged = false;
            progress = clock_ms();
        } else if (output_clogged || clock_ms() - progress >= OUTPUT_PATIENCE_MS) {
            output_clogged = true;
            break;
        } else {
            wait_for_interrupt();
        }
    }
    return done;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    uintptr_t ready = 0;
    if ((flags & MP_STREAM_POLL_RD) != 0 && uart_readable(UART_REPL) > 0) {
        ready |= MP_STREAM_POLL_RD;
    }
    if ((flags & MP_STREAM_POLL_WR) != 0 && uart_writable(UART_REPL) > 0) {
        ready |= MP_STREAM_POLL_WR;
    }
    return ready;
}

mp_uint_t mp_hal_ticks_ms(void) {
    return clock_ms();
}

mp_uint_t mp_hal_ticks_us(void) {
    return (mp_uint_t)(clock_ticks() / (MPS2_CLOCK_HZ / 1000000u));
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return (mp_uint_t)clock_ticks();
}

uint64_t mp_hal_time_ns(void) {
    return clock_ticks() * (1000000000u / MPS2_CLOCK_HZ);
}

void mp_hal_delay_ms(mp_uint_t delay) {
    uint32_t start = clock_ms();
    do {
        mp_event_wait_ms(1);
    } while (clock_ms() - start < delay);
}

void mp_hal_delay_us(mp_uint_t delay) {
    uint64_t end = clock_ticks() + (uint64_t)delay * (MPS2_CLOCK_HZ / 1000000u);
    while (clock_ticks() < end) {
    }
}
