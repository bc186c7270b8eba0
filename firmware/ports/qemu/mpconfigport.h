/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What this port switches on, on top of MicroPython's "extra features" level. */
#include <alloca.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

/* The core */
#define MICROPY_ENABLE_GC                      (1)
#define MICROPY_ENABLE_SCHEDULER               (1)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE   (256)
#define MICROPY_KBD_EXCEPTION                  (1)
#define MICROPY_HELPER_REPL                    (1)
#define MICROPY_REPL_AUTO_INDENT               (1)
#define MICROPY_LONGINT_IMPL                   (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL                     (MICROPY_FLOAT_IMPL_FLOAT) /* as boards have it */
#define MICROPY_WARNINGS                       (1)
#define MICROPY_MEM_STATS                      (1)
#define MICROPY_MALLOC_USES_ALLOCATED_SIZE     (1)

/* Native code: native .mpy files and @micropython.native must work as on a board */
#define MICROPY_EMIT_THUMB                     (1)
#define MICROPY_EMIT_INLINE_THUMB              (1)
#define MICROPY_PERSISTENT_CODE_LOAD           (1)
#define MICROPY_MAKE_POINTER_CALLABLE(p)       ((void *)((mp_uint_t)(p) | 1))

/*
 * Modules. LittleFS is switched on in the Makefile. The *_port.c files are included by extmod's file
 * of the same name, so they must not have that very name.
 */
#define MICROPY_VFS                            (1)
#define MICROPY_READER_VFS                     (1)
#define MICROPY_PY_ASYNCIO                     (1)
#define MICROPY_PY_SELECT                      (1)
#define MICROPY_PY_HASHLIB_SHA256              (1)
#define MICROPY_PY_SYS_PLATFORM                "qemu"
#define MICROPY_PY_OS_INCLUDEFILE              "modos_port.c"
#define MICROPY_PY_OS_URANDOM                  (1)
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC       (host_random32())
#define MICROPY_PY_TIME_INCLUDEFILE            "modtime_port.c"
#define MICROPY_PY_TIME_TIME_TIME_NS           (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (0) /* no calendar: the clock starts at reset */
#define MICROPY_PY_MACHINE                     (1)
#define MICROPY_PY_MACHINE_INCLUDEFILE         "modmachine_port.c"
#define MICROPY_PY_MACHINE_RESET               (1)
#define MICROPY_PY_MACHINE_BARE_METAL_FUNCS    (1)
#define MICROPY_PY_MACHINE_DISABLE_IRQ_ENABLE_IRQ (1)
#define MICROPY_PY_MACHINE_PIN_BASE            (1)
#define MICROPY_PY_MACHINE_UART                (1)
#define MICROPY_PY_MACHINE_UART_INCLUDEFILE    "machine_uart_port.c"

/* The machine */
typedef int32_t mp_int_t;
typedef uint32_t mp_uint_t;
typedef long mp_off_t;
#define MP_SSIZE_MAX (0x7fffffff)
#define UINT_FMT     "%lu"
#define INT_FMT      "%ld"
#define HEX_FMT      "%lx"
#define MP_NEED_LOG2 (1)

#define MP_STATE_PORT MP_STATE_VM

uint32_t host_random32(void);
