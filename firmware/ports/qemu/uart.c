/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "uart.h"

#include "mps2.h"

/*
 * Indices run freely and are reduced on access, so head - tail is the fill level even after they
 * wrap. Each index has one writer: the interrupt or, with interrupts masked, thread code.
 */
typedef struct {
    uint8_t rx[UART_RX_BYTES];
    uint8_t tx[UART_TX_BYTES];
    volatile uint32_t rx_head, rx_tail;
    volatile uint32_t tx_head, tx_tail;
    uint32_t rx_limit; /* bytes that rx may hold; 0 = the UART is off */
    uart_filter_t filter;
} uart_t;

static cmsdk_uart_t *const registers[UART_COUNT] = {
    (cmsdk_uart_t *)0x40004000, (cmsdk_uart_t *)0x40005000, (cmsdk_uart_t *)0x40006000,
    (cmsdk_uart_t *)0x40007000, (cmsdk_uart_t *)0x40009000,
};
static const uint8_t receive_irq[UART_COUNT] = {0, 2, 4, 18, 20}; /* transmit: the next number */

static uart_t uarts[UART_COUNT];

#define CONTROL_ON (UART_CONTROL_TX_ENABLE | UART_CONTROL_RX_ENABLE | UART_CONTROL_RX_IRQ)

/* Interrupts must be masked, here and in pump_tx. */
static void pump_rx(int id) {
    uart_t *uart = &uarts[id];
    cmsdk_uart_t *hw = registers[id];
    while ((hw->state & UART_STATE_RX_FULL) != 0) {
        if (uart->rx_head - uart->rx_tail >= uart->rx_limit) {
            return; /* the byte stays where it is; uart_read() comes back for it */
        }
        uint8_t byte = (uint8_t)hw->data;
        if (uart->filter == NULL || !uart->filter(byte)) {
            uart->rx[uart->rx_head % UART_RX_BYTES] = byte;
            uart->rx_head++;
        }
    }
}

static void pump_tx(int id) {
    uart_t *uart = &uarts[id];
    cmsdk_uart_t *hw = registers[id];
    while (uart->tx_head != uart->tx_tail) {
        if ((hw->state & UART_STATE_TX_FULL) != 0) {
            hw->control |= UART_CONTROL_TX_IRQ;
            /* It may have drained before the interrupt was on, and would never tell. */
            if ((hw->state & UART_STATE_TX_FULL) != 0) {
                return;
            }
        }
        hw->data = uart->tx[uart->tx_tail % UART_TX_BYTES];
        uart->tx_tail++;
    }
    hw->control &= ~UART_CONTROL_TX_IRQ;
}

void uart_interrupt(int id) {
    registers[id]->interrupts = UART_INTERRUPT_RX | UART_INTERRUPT_TX;
    pump_rx(id);
    pump_tx(id);
}

void uart_start(int id, uint32_t baud, size_t rx_limit) {
    uart_t *uart = &uarts[id];
    cmsdk_uart_t *hw = registers[id];
    uint32_t mask = irq_save();
    uart->rx_limit = (uint32_t)rx_limit;
    hw->divider = MPS2_CLOCK_HZ / baud;
    hw->control = CONTROL_ON;
    for (unsigned irq = receive_irq[id]; irq <= receive_irq[id] + 1u; irq++) {
        NVIC_ISER[irq / 32] = 1u << (irq % 32);
    }
    pump_rx(id);
    irq_restore(mask);
}

void uart_stop(int id) {
    uart_t *uart = &uarts[id];
    uint32_t mask = irq_save();
    registers[id]->control = 0;
    (void)registers[id]->data; /* a byte held back now would be stale after the next start */
    uart->rx_limit = 0;
    uart->rx_tail = uart->rx_head;
    uart->tx_tail = uart->tx_head;
    irq_restore(mask);
}

void uart_set_filter(int id, uart_filter_t filter) {
    uarts[id].filter = filter;
}

size_t uart_readable(int id) {
    return uarts[id].rx_head - uarts[id].rx_tail;
}

size_t uart_read(int id, uint8_t *into, size_t size) {
    uart_t *uart = &uarts[id];
    size_t taken = 0;
    while (taken < size && uart->rx_tail != uart->rx_head) {
        into[taken++] = uart->rx[uart->rx_tail % UART_RX_BYTES];
        uart->rx_tail++;
    }
    if (taken > 0) { /* there is room again: fetch the byte that may be held back */
        uint32_t mask = irq_save();
        pump_rx(id);
        irq_restore(mask);
    }
    return taken;
}

size_t uart_writable(int id) {
    return UART_TX_BYTES - (uarts[id].tx_head - uarts[id].tx_tail);
}

size_t uart_write(int id, const uint8_t *from, size_t size) {
    uart_t *uart = &uarts[id];
    size_t accepted = uart_writable(id);
    if (accepted > size) {
        accepted = size;
    }
    for (size_t i = 0; i < accepted; i++) {
        uart->tx[(uart->tx_head + i) % UART_TX_BYTES] = from[i];
    }
    uint32_t mask = irq_save();
    uart->tx_head += (uint32_t)accepted;
    pump_tx(id);
    irq_restore(mask);
    return accepted;
}

bool uart_sent(int id) {
    return uarts[id].tx_head == uarts[id].tx_tail
        && (registers[id]->state & UART_STATE_TX_FULL) == 0;
}

void uart_write_polled(int id, const char *from, size_t size) {
    cmsdk_uart_t *hw = registers[id];
    hw->control |= UART_CONTROL_TX_ENABLE;
    for (size_t i = 0; i < size; i++) {
        while ((hw->state & UART_STATE_TX_FULL) != 0) {
        }
        hw->data = (uint8_t)from[i];
    }
}
