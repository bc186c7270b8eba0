/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "semihost.h"

#include <string.h>

enum { /* operation numbers of the specification, chapter 5 */
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0A,
    SYS_FLEN = 0x0C,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
};
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
#define COMMAND_LINE_BYTES           512

static int call(int operation, const void *parameters) {
    register int r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = parameters;
    __asm volatile ("bkpt 0xAB" : "+r" (r0) : "r" (r1) : "memory");
    return r0;
}

int semihost_open(const char *path, enum semihost_mode mode) {
    const uintptr_t block[3] = {(uintptr_t)path, (uintptr_t)mode, strlen(path)};
    return call(SYS_OPEN, block);
}

void semihost_close(int handle) {
    const uintptr_t block[1] = {(uintptr_t)handle};
    call(SYS_CLOSE, block);
}

long semihost_length(int handle) {
    const uintptr_t block[1] = {(uintptr_t)handle};
    return call(SYS_FLEN, block);
}

bool semihost_seek(int handle, size_t offset) {
    const uintptr_t block[2] = {(uintptr_t)handle, offset};
    return call(SYS_SEEK, block) == 0;
}

bool semihost_read(int handle, void *into, size_t size) {
    const uintptr_t block[3] = {(uintptr_t)handle, (uintptr_t)into, size};
    return call(SYS_READ, block) == 0; /* the answer is the number of bytes not read */
}

bool semihost_write(int handle, const void *from, size_t size) {
    const uintptr_t block[3] = {(uintptr_t)handle, (uintptr_t)from, size};
    return call(SYS_WRITE, block) == 0;
}

bool semihost_argument(const char *name, char *value, size_t size) {
    char line[COMMAND_LINE_BYTES];
    uintptr_t block[2] = {(uintptr_t)line, sizeof(line)};
    size_t name_bytes = strlen(name);
    if (call(SYS_GET_CMDLINE, block) != 0) {
        return false;
    }
    line[sizeof(line) - 1] = '\0';
    for (const char *word = line; word != NULL; word = strchr(word, ' ')) {
        word += strspn(word, " ");
        if (strncmp(word, name, name_bytes) != 0 || word[name_bytes] != '=') {
            continue;
        }
        const char *start = word + name_bytes + 1;
        size_t length = strcspn(start, " ");
        if (length >= size) {
            return false;
        }
        memcpy(value, start, length);
        value[length] = '\0';
        return true;
    }
    return false;
}

void semihost_exit(int status) {
    const uintptr_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uintptr_t)status};
    call(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
