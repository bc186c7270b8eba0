/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mps2.h - the registers this port touches, and no others.
 *
 *   CMSDK APB UART   Arm DDI 0479, section 4.3 (Cortex-M System Design Kit)
 *   memory map, IRQs Arm DAI 0385 / 0386, tables 3-2 and 3-6 (application notes of the images)
 *   SysTick, SCB     Armv7-M Architecture Reference Manual (Arm DDI 0403), B3.2 and B3.3
 */
#ifndef MPS2_H
#define MPS2_H

#include <stdint.h>

#define MPS2_CLOCK_HZ 25000000u /* core and peripherals; QEMU wires SysTick to it too */

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* CMSDK APB UART */
typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;      /* UART_STATE_* */
    volatile uint32_t control;    /* UART_CONTROL_* */
    volatile uint32_t interrupts; /* UART_INTERRUPT_*; write ones to clear */
    volatile uint32_t divider;    /* clock / baud rate, 16 at least */
} cmsdk_uart_t;

#define UART_STATE_TX_FULL       (1u << 0)
#define UART_STATE_RX_FULL       (1u << 1)
#define UART_CONTROL_TX_ENABLE   (1u << 0)
#define UART_CONTROL_RX_ENABLE   (1u << 1)
#define UART_CONTROL_TX_IRQ      (1u << 2)
#define UART_CONTROL_RX_IRQ      (1u << 3)
#define UART_INTERRUPT_TX        (1u << 0)
#define UART_INTERRUPT_RX        (1u << 1)
#define UART_DIVIDER_MIN         16u

/* System control space */
#define SYST_CSR   REGISTER(0xE000E010) /* control and status */
#define SYST_RVR   REGISTER(0xE000E014) /* reload value */
#define SYST_CVR   REGISTER(0xE000E018) /* current value, counts down */
#define NVIC_ISER  ((volatile uint32_t *)0xE000E100)
#define SCB_ICSR   REGISTER(0xE000ED04)
#define SCB_AIRCR  REGISTER(0xE000ED0C)
#define SCB_SHCSR  REGISTER(0xE000ED24)
#define SCB_CFSR   REGISTER(0xE000ED28)
#define SCB_BFAR   REGISTER(0xE000ED38)
#define SCB_CPACR  REGISTER(0xE000ED88)

#define SYST_CSR_ENABLE_IRQ_CORE_CLOCK 7u
#define SCB_ICSR_PENDSTSET             (1u << 26)
#define SCB_AIRCR_SYSRESETREQ          0x05FA0004u
#define SCB_CPACR_FPU_FULL             (0xFu << 20)

static inline uint32_t irq_save(void) {
    uint32_t mask;
    __asm volatile ("mrs %0, primask\n cpsid i" : "=r" (mask) :: "memory");
    return mask;
}

static inline void irq_restore(uint32_t mask) {
    __asm volatile ("msr primask, %0" :: "r" (mask) : "memory");
}

static inline void wait_for_interrupt(void) {
    __asm volatile ("wfi" ::: "memory");
}

#endif
