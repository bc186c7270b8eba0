/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * modqemu.c - module `qemu`: what only the emulated board has.
 *
 *   Flash()         the block device behind the file system
 *   stack_paint()   starts a stack measurement; returns the depth now, in bytes
 *   stack_peak()    deepest since then; minus what stack_paint() returned = what a call used
 *   stack_size()    bytes of C stack
 *   ticks()         SysTick ticks since reset (see clock.h for instructions)
 *   exit(status)    ends the emulator
 */
#include "py/runtime.h"

#include "clock.h"
#include "flash.h"
#include "semihost.h"
#include "stack.h"

static mp_obj_t qemu_stack_paint(void) {
    return mp_obj_new_int_from_uint(stack_paint());
}
static MP_DEFINE_CONST_FUN_OBJ_0(qemu_stack_paint_obj, qemu_stack_paint);

static mp_obj_t qemu_stack_peak(void) {
    return mp_obj_new_int_from_uint(stack_peak());
}
static MP_DEFINE_CONST_FUN_OBJ_0(qemu_stack_peak_obj, qemu_stack_peak);

static mp_obj_t qemu_stack_size(void) {
    return mp_obj_new_int_from_uint(stack_size());
}
static MP_DEFINE_CONST_FUN_OBJ_0(qemu_stack_size_obj, qemu_stack_size);

static mp_obj_t qemu_ticks(void) {
    return mp_obj_new_int_from_ull(clock_ticks());
}
static MP_DEFINE_CONST_FUN_OBJ_0(qemu_ticks_obj, qemu_ticks);

static mp_obj_t qemu_exit(mp_obj_t status) {
    int code = mp_obj_get_int(status);
    flash_close();
    semihost_exit(code);
}
static MP_DEFINE_CONST_FUN_OBJ_1(qemu_exit_obj, qemu_exit);

static const mp_rom_map_elem_t qemu_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_qemu) },
    { MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&qemu_flash_type) },
    { MP_ROM_QSTR(MP_QSTR_stack_paint), MP_ROM_PTR(&qemu_stack_paint_obj) },
    { MP_ROM_QSTR(MP_QSTR_stack_peak), MP_ROM_PTR(&qemu_stack_peak_obj) },
    { MP_ROM_QSTR(MP_QSTR_stack_size), MP_ROM_PTR(&qemu_stack_size_obj) },
    { MP_ROM_QSTR(MP_QSTR_ticks), MP_ROM_PTR(&qemu_ticks_obj) },
    { MP_ROM_QSTR(MP_QSTR_exit), MP_ROM_PTR(&qemu_exit_obj) },
};
static MP_DEFINE_CONST_DICT(qemu_globals, qemu_globals_table);

const mp_obj_module_t qemu_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&qemu_globals,
};

MP_REGISTER_MODULE(MP_QSTR_qemu, qemu_module);
