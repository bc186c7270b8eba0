/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * flash.c - a block device on a file of the host, named by QEMU's `arg=flash=<path>`.
 *
 * What is written is in the host's page cache when the call returns, so it survives the emulator
 * being killed: the cable pull of the tests. Erased bytes are 0xFF, erase blocks 4 KiB, as on the
 * flash chips of the boards. Without `arg=flash=` a RAM disk stands in that is gone after exit.
 *
 * Interface: MicroPython's "extended" block device (vfs.AbstractBlockDev), which LittleFS needs.
 * Flash() is the whole of it, Flash(count) its first blocks.
 */
#include "flash.h"

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "semihost.h"

#define BLOCK_BYTES     4096u
#define RAM_DISK_BLOCKS 256u
#define PATH_BYTES      256

/* Operations of ioctl(), from MicroPython's extmod/vfs.h. */
enum { IOCTL_INIT = 1, IOCTL_DEINIT, IOCTL_SYNC, IOCTL_COUNT, IOCTL_SIZE, IOCTL_ERASE };

typedef struct {
    mp_obj_base_t base;
    size_t blocks; /* 0 = all there are */
} qemu_flash_obj_t;

static const qemu_flash_obj_t flash_object = {{&qemu_flash_type}, 0};

extern uint8_t _ram_disk[RAM_DISK_BLOCKS * BLOCK_BYTES]; /* placed by mps2.ld */
static int file = -1;      /* the host's file; -1 = the RAM disk is used */
static size_t block_count; /* 0 = not opened yet */

static void flash_open(void) {
    char path[PATH_BYTES];
    if (block_count != 0) {
        return;
    }
    if (!semihost_argument("flash", path, sizeof(path))) {
        memset(_ram_disk, 0xFF, sizeof(_ram_disk));
        block_count = RAM_DISK_BLOCKS;
        return;
    }
    file = semihost_open(path, SEMIHOST_UPDATE);
    if (file < 0) {
        mp_raise_OSError(MP_ENOENT);
    }
    long length = semihost_length(file);
    if (length <= 0 || (size_t)length % BLOCK_BYTES != 0) {
        flash_close();
        mp_raise_msg_varg(&mp_type_ValueError,
            MP_ERROR_TEXT("flash file must be a multiple of %u bytes"), BLOCK_BYTES);
    }
    block_count = (size_t)length / BLOCK_BYTES;
}

void flash_close(void) {
    if (file >= 0) {
        semihost_close(file);
        file = -1;
        block_count = 0;
    }
}

static size_t blocks_of(mp_obj_t self_in) {
    const qemu_flash_obj_t *self = MP_OBJ_TO_PTR(self_in);
    return self->blocks == 0 ? block_count : self->blocks;
}

/* Where an access starts; refuses one that leaves the device. */
static size_t checked_offset(mp_obj_t self, size_t block, size_t offset, size_t size) {
    size_t blocks = blocks_of(self);
    if (block >= blocks || offset > blocks * BLOCK_BYTES
        || size > (blocks - block) * BLOCK_BYTES
        || offset > (blocks - block) * BLOCK_BYTES - size) {
        mp_raise_OSError(MP_EINVAL);
    }
    return block * BLOCK_BYTES + offset;
}

static void flash_load(size_t start, void *into, size_t size) {
    if (file < 0) {
        memcpy(into, _ram_disk + start, size);
    } else if (!semihost_seek(file, start) || !semihost_read(file, into, size)) {
        mp_raise_OSError(MP_EIO);
    }
}

static void flash_store(size_t start, const void *from, size_t size) {
    if (file < 0) {
        memcpy(_ram_disk + start, from, size);
    } else if (!semihost_seek(file, start) || !semihost_write(file, from, size)) {
        mp_raise_OSError(MP_EIO);
    }
}

static void flash_erase(mp_obj_t self, size_t block) {
    uint8_t blank[256];
    memset(blank, 0xFF, sizeof(blank));
    size_t start = checked_offset(self, block, 0, BLOCK_BYTES);
    for (size_t done = 0; done < BLOCK_BYTES; done += sizeof(blank)) {
        flash_store(start + done, blank, sizeof(blank));
    }
}

static mp_obj_t qemu_flash_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    flash_open();
    if (n_args == 0) {
        return MP_OBJ_FROM_PTR(&flash_object);
    }
    mp_int_t blocks = mp_obj_get_int(args[0]);
    if (blocks < 1 || (size_t)blocks > block_count) {
        mp_raise_OSError(MP_EINVAL);
    }
    qemu_flash_obj_t *self = mp_obj_malloc(qemu_flash_obj_t, type);
    self->blocks = (size_t)blocks;
    return MP_OBJ_FROM_PTR(self);
}

/* readblocks(block, buffer, offset=0) */
static mp_obj_t qemu_flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    size_t offset = n_args > 3 ? (size_t)mp_obj_get_int(args[3]) : 0;
    size_t start = checked_offset(args[0], (size_t)mp_obj_get_int(args[1]), offset, buffer.len);
    flash_load(start, buffer.buf, buffer.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(qemu_flash_readblocks_obj, 3, 4, qemu_flash_readblocks);

/* writeblocks(block, buffer[, offset]): without an offset the blocks are erased first */
static mp_obj_t qemu_flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    size_t block = (size_t)mp_obj_get_int(args[1]);
    size_t offset = n_args > 3 ? (size_t)mp_obj_get_int(args[3]) : 0;
    size_t start = checked_offset(args[0], block, offset, buffer.len);
    if (n_args == 3) {
        for (size_t done = 0; done < buffer.len; done += BLOCK_BYTES) {
            flash_erase(args[0], block + done / BLOCK_BYTES);
        }
    }
    flash_store(start, buffer.buf, buffer.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(qemu_flash_writeblocks_obj, 3, 4,
    qemu_flash_writeblocks);

static mp_obj_t qemu_flash_ioctl(mp_obj_t self, mp_obj_t operation, mp_obj_t argument) {
    switch (mp_obj_get_int(operation)) {
        case IOCTL_INIT:
        case IOCTL_DEINIT:
        case IOCTL_SYNC: /* nothing is held back */
            return MP_OBJ_NEW_SMALL_INT(0);
        case IOCTL_COUNT:
            return mp_obj_new_int_from_uint(blocks_of(self));
        case IOCTL_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK_BYTES);
        case IOCTL_ERASE:
            flash_erase(self, (size_t)mp_obj_get_int(argument));
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(qemu_flash_ioctl_obj, qemu_flash_ioctl);

static const mp_rom_map_elem_t qemu_flash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&qemu_flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&qemu_flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&qemu_flash_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(qemu_flash_locals, qemu_flash_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    qemu_flash_type,
    MP_QSTR_Flash,
    MP_TYPE_FLAG_NONE,
    make_new, qemu_flash_make_new,
    locals_dict, &qemu_flash_locals
    );
