/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * semihost.h - calls to the host through QEMU (Arm "Semihosting for AArch32 and AArch64").
 *
 * Stands in for what this machine lacks and a board has: flash that outlives power, a random
 * source. No board image has it. QEMU must run with `-semihosting-config enable=on,target=native`;
 * without it the first call faults.
 */
#ifndef SEMIHOST_H
#define SEMIHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum semihost_mode { SEMIHOST_READ = 1, SEMIHOST_UPDATE = 3 }; /* fopen "rb" and "r+b" */

int semihost_open(const char *path, enum semihost_mode mode); /* a handle, -1 on failure */
void semihost_close(int handle);
long semihost_length(int handle);                             /* bytes, -1 on failure */
bool semihost_seek(int handle, size_t offset);
bool semihost_read(int handle, void *into, size_t size);      /* all of it or false */
bool semihost_write(int handle, const void *from, size_t size);

/*
 * Copy the value of the word `name=value` of QEMU's `arg=` options into `value`, NUL-terminated.
 * False when there is none or it does not fit.
 */
bool semihost_argument(const char *name, char *value, size_t size);

__attribute__((noreturn)) void semihost_exit(int status);

#endif
