/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * modos_port.c - os.urandom() and the seed of `random`, from the host (extmod/modos.c includes this).
 *
 * The emulated machine has no random source of its own. Failure is an OSError, never weak bytes.
 */
#include "py/mperrno.h"

#include "semihost.h"

static void host_random(void *into, size_t size) {
    int source = semihost_open("/dev/urandom", SEMIHOST_READ);
    bool complete = source >= 0 && semihost_read(source, into, size);
    if (source >= 0) {
        semihost_close(source);
    }
    if (!complete) {
        mp_raise_OSError(MP_EIO);
    }
}

uint32_t host_random32(void) {
    uint32_t value;
    host_random(&value, sizeof(value));
    return value;
}

static mp_obj_t mp_os_urandom(mp_obj_t size_in) {
    mp_int_t size = mp_obj_get_int(size_in);
    if (size < 0) {
        mp_raise_ValueError(NULL);
    }
    vstr_t bytes;
    vstr_init_len(&bytes, (size_t)size);
    if (size > 0) {
        host_random(bytes.buf, (size_t)size);
    }
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
