/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * machine_uart_port.c - machine.UART(1..4) (extmod/machine_uart.c includes this).
 *
 * A stream: read() and write() move what they can and wait `timeout` ms at most (0 = not at all),
 * so that asyncio's streams poll instead of blocking the loop. UART 0 is the REPL's.
 */
#include "py/mperrno.h"
#include "py/mphal.h"

#include "uart.h"

#define MICROPY_PY_MACHINE_UART_CLASS_CONSTANTS

#define FLUSH_PATIENCE_MS 1000 /* flush() gives up when nothing has left for this long */

typedef struct _machine_uart_obj_t {
    mp_obj_base_t base;
    uint8_t id;
    uint32_t baudrate;
    uint32_t timeout_ms;      /* for the first byte */
    uint32_t timeout_char_ms; /* between bytes */
} machine_uart_obj_t;

static machine_uart_obj_t uart_objects[UART_COUNT];

static void mp_machine_uart_print(const mp_print_t *print, mp_obj_t self_in,
    mp_print_kind_t kind) {
    (void)kind;
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "UART(%u, baudrate=%lu, timeout=%lu, timeout_char=%lu)", self->id,
        (unsigned long)self->baudrate, (unsigned long)self->timeout_ms,
        (unsigned long)self->timeout_char_ms);
}

static void mp_machine_uart_init_helper(machine_uart_obj_t *self, size_t n_args,
    const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { BAUD, BITS, PARITY, STOP, TIMEOUT, TIMEOUT_CHAR, RXBUF, TXBUF };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_baudrate, MP_ARG_INT, {.u_int = 115200} },
        { MP_QSTR_bits, MP_ARG_INT, {.u_int = 8} },
        { MP_QSTR_parity, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_stop, MP_ARG_INT, {.u_int = 1} },
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_timeout_char, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_rxbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = UART_RX_BYTES} },
        { MP_QSTR_txbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = UART_TX_BYTES} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    if (args[BITS].u_int != 8 || args[PARITY].u_obj != mp_const_none || args[STOP].u_int != 1) {
        mp_raise_ValueError(MP_ERROR_TEXT("this UART knows 8 bits, no parity, 1 stop bit only"));
    }
    if (args[BAUD].u_int <= 0
        || (uint32_t)args[BAUD].u_int > MPS2_CLOCK_HZ / UART_DIVIDER_MIN) {
        mp_raise_ValueError(MP_ERROR_TEXT("baudrate"));
    }
    if (args[RXBUF].u_int < 1 || args[RXBUF].u_int > (mp_int_t)UART_RX_BYTES) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("rxbuf must be 1 to %u"),
            UART_RX_BYTES);
    }
    if (args[TXBUF].u_int < 0 || args[TXBUF].u_int > (mp_int_t)UART_TX_BYTES) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("txbuf must be 0 to %u"),
            UART_TX_BYTES);
    }
    self->baudrate = (uint32_t)args[BAUD].u_int;
    self->timeout_ms = (uint32_t)MAX(0, args[TIMEOUT].u_int);
    self->timeout_char_ms = (uint32_t)MAX(0, args[TIMEOUT_CHAR].u_int);
    uart_start(self->id, self->baudrate, (size_t)args[RXBUF].u_int);
}

static mp_obj_t mp_machine_uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    mp_int_t id = mp_obj_get_int(args[0]);
    if (id <= UART_REPL || id >= UART_COUNT) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("UART must be 1 to %d"),
            UART_COUNT - 1);
    }
    machine_uart_obj_t *self = &uart_objects[id];
    self->base.type = type;
    self->id = (uint8_t)id;
    mp_map_t kw_args;
    mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
    mp_machine_uart_init_helper(self, n_args - 1, args + 1, &kw_args);
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_uart_deinit(machine_uart_obj_t *self) {
    uart_stop(self->id);
}

static mp_int_t mp_machine_uart_any(machine_uart_obj_t *self) {
    return (mp_int_t)uart_readable(self->id);
}

static bool mp_machine_uart_txdone(machine_uart_obj_t *self) {
    return uart_sent(self->id);
}

static mp_uint_t mp_machine_uart_read(mp_obj_t self_in, void *into, mp_uint_t size,
    int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t done = 0;
    uint32_t progress = mp_hal_ticks_ms();
    while (done < size) {
        size_t taken = uart_read(self->id, (uint8_t *)into + done, size - done);
        done += taken;
        uint32_t patience = done > 0 ? self->timeout_char_ms : self->timeout_ms;
        if (taken > 0) {
            progress = mp_hal_ticks_ms();
        } else if (mp_hal_ticks_ms() - progress >= patience) {
            break;
        } else {
            mp_event_wait_ms(1);
        }
    }
    if (done == 0 && size > 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return done;
}

static mp_uint_t mp_machine_uart_write(mp_obj_t self_in, const void *from, mp_uint_t size,
    int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t done = 0;
    uint32_t progress = mp_hal_ticks_ms();
    while (done < size) {
        size_t accepted = uart_write(self->id, (const uint8_t *)from + done, size - done);
        done += accepted;
        if (accepted > 0) {
            progress = mp_hal_ticks_ms();
        } else if (mp_hal_ticks_ms() - progress >= self->timeout_ms) {
            break;
        } else {
            mp_event_wait_ms(1);
        }
    }
    if (done == 0 && size > 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return done;
}

static mp_uint_t uart_flush(int id, int *errcode) {
    size_t room = uart_writable(id);
    uint32_t progress = mp_hal_ticks_ms();
    while (!uart_sent(id)) {
        if (uart_writable(id) != room) {
            room = uart_writable(id);
            progress = mp_hal_ticks_ms();
        } else if (mp_hal_ticks_ms() - progress >= FLUSH_PATIENCE_MS) {
            *errcode = MP_ETIMEDOUT;
            return MP_STREAM_ERROR;
        }
        mp_event_wait_ms(1);
    }
    return 0;
}

static mp_uint_t mp_machine_uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t flags,
    int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_FLUSH) {
        return uart_flush(self->id, errcode);
    }
    if (request != MP_STREAM_POLL) {
        *errcode = MP_EINVAL;
        return MP_STREAM_ERROR;
    }
    mp_uint_t ready = 0;
    if ((flags & MP_STREAM_POLL_RD) != 0 && uart_readable(self->id) > 0) {
        ready |= MP_STREAM_POLL_RD;
    }
    if ((flags & MP_STREAM_POLL_WR) != 0 && uart_writable(self->id) > 0) {
        ready |= MP_STREAM_POLL_WR;
    }
    return ready;
}
