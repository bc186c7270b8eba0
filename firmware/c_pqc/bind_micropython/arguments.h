/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arguments.h - for functions.h alone: checked arguments in, exceptions out. */
#ifndef PQC_MICROPYTHON_ARGUMENTS_H
#define PQC_MICROPYTHON_ARGUMENTS_H

#include "../bind_common/pqc_args.h"

#ifndef MP_NORETURN
#define MP_NORETURN NORETURN /* its name before MicroPython 1.26 */
#endif

/* One argument after its check; `integer` holds what is no buffer. */
typedef struct {
    uint8_t *data;
    size_t bytes;
    size_t integer;
} value;

static MP_NORETURN void raise_length(const char *name, size_t wanted)
{
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%s: must be %u bytes"), name,
                      (unsigned)wanted);
}

static void take_arguments(value *values, const pqc_arg *args, size_t count,
                           const mp_obj_t *objects)
{
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind == PQC_INTEGER) {
            mp_int_t integer = mp_obj_get_int(objects[i]);
            values[i].integer = integer < 0 ? SIZE_MAX : (size_t)integer;
            continue;
        }
        mp_buffer_info_t buffer;
        mp_get_buffer_raise(objects[i], &buffer,
                            args[i].kind == PQC_OUT ? MP_BUFFER_WRITE : MP_BUFFER_READ);
        if (args[i].bytes != PQC_ANY && buffer.len != args[i].bytes) {
            raise_length(args[i].name, args[i].bytes);
        }
        values[i].data = buffer.buf;
        values[i].bytes = buffer.len;
    }
}

/* The arity is fixed by MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN, so the tables' sizes hold. */
#define TAKE(values, args, objects)    \
    value values[MP_ARRAY_SIZE(args)]; \
    take_arguments(values, args, MP_ARRAY_SIZE(args), objects)

static void raise_result(int result)
{
    switch (result) {
    case PQC_OK:
        return;
    case PQC_ERR_BAD_KEY:
        mp_raise_ValueError(MP_ERROR_TEXT("not a valid key"));
    case PQC_ERR_BAD_LENGTH:
        mp_raise_ValueError(MP_ERROR_TEXT("length out of range"));
    case PQC_ERR_STOPPED:
        mp_handle_pending(true); /* the reason to stop, usually KeyboardInterrupt */
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("stopped"));
    default:
        mp_raise_msg_varg(&mp_type_RuntimeError, MP_ERROR_TEXT("pqc error %d"), result);
    }
}

#endif
