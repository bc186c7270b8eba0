/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * uart.h - interrupt-driven UARTs with a ring in each direction.
 *
 * Receiving: the interrupt moves bytes into a ring of up to UART_RX_BYTES. When the ring is full
 * the byte stays in the UART, which stops QEMU from offering more: nothing is lost, the sender
 * waits (a real board would need RTS/CTS for that; at 115200 baud the ring lasts 711 ms).
 * Sending: a ring of UART_TX_BYTES drained by the interrupt; a full ring takes no more bytes.
 */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_COUNT    5
#define UART_REPL     0
#define UART_RX_BYTES 8192u /* powers of two */
#define UART_TX_BYTES 2048u

/* Called from the receive interrupt for every byte of the REPL's UART; true = byte is consumed. */
typedef bool (*uart_filter_t)(uint8_t byte);

void uart_start(int id, uint32_t baud, size_t rx_limit); /* rx_limit: 1..UART_RX_BYTES */
void uart_stop(int id);
void uart_set_filter(int id, uart_filter_t filter);

size_t uart_readable(int id);                                 /* bytes waiting */
size_t uart_read(int id, uint8_t *into, size_t size);         /* bytes taken, 0 when none wait */
size_t uart_writable(int id);                                 /* bytes that fit now */
size_t uart_write(int id, const uint8_t *from, size_t size);  /* bytes accepted */
bool uart_sent(int id);                                       /* nothing is left to send */

void uart_write_polled(int id, const char *from, size_t size); /* no interrupts: for faults */
void uart_interrupt(int id);

#endif
