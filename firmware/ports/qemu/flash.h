/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * flash.h - the board's flash, as MicroPython's block device `qemu.Flash`.
 */
#ifndef FLASH_H
#define FLASH_H

#include "py/obj.h"

extern const mp_obj_type_t qemu_flash_type;

void flash_close(void); /* before a reset: QEMU keeps host files open across it */

#endif
