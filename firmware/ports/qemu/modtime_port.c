/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* modtime_port.c - time.time(): seconds since reset; boards have no calendar (included by extmod). */

static mp_obj_t mp_time_time_get(void) {
    return mp_obj_new_int_from_ull(mp_hal_time_ns() / 1000000000u);
}
