/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * modmachine_port.c - the port's half of module `machine` (extmod/modmachine.c includes this).
 */
#include "py/mphal.h"

#include "flash.h"
#include "semihost.h"
#include "uart.h"

#ifndef MP_NORETURN
#define MP_NORETURN NORETURN /* its name up to MicroPython 1.25 */
#endif

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS
#define UNIQUE_ID_BYTES 16

static void mp_machine_idle(void) {
    wait_for_interrupt();
}

MP_NORETURN static void mp_machine_reset(void) {
    flash_close();
    while (!uart_sent(UART_REPL)) { /* let the last words out */
    }
    SCB_AIRCR = SCB_AIRCR_SYSRESETREQ;
    for (;;) {
    }
}

static mp_int_t mp_machine_reset_cause(void) {
    return 0; /* the machine has no register that tells */
}

/* QEMU's `arg=id=<text>` tells emulated boards apart, as a chip's serial number does. */
static mp_obj_t mp_machine_unique_id(void) {
    char id[UNIQUE_ID_BYTES + 1] = "qemu";
    semihost_argument("id", id, sizeof(id));
    return mp_obj_new_bytes((const byte *)id, strlen(id));
}

static mp_obj_t mp_machine_get_freq(void) {
    return mp_obj_new_int_from_uint(MPS2_CLOCK_HZ);
}

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    mp_raise_NotImplementedError(NULL);
}

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0) {
        wait_for_interrupt();
    } else {
        mp_hal_delay_ms((mp_uint_t)mp_obj_get_int(args[0]));
    }
}

MP_NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    mp_machine_lightsleep(n_args, args);
    mp_machine_reset();
}
