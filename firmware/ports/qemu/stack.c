/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stack.h"

#include <stdint.h>

extern uint32_t _stack_bottom, _stack_top;

#define PATTERN   0xA5C3965Au
#define RED_WORDS 16 /* left alone below the stack pointer: this function's own frame */

static uint32_t *stack_pointer(void) {
    uint32_t *sp;
    __asm volatile ("mov %0, sp" : "=r" (sp));
    return sp;
}

static size_t depth_of(const uint32_t *address) {
    return (size_t)((const char *)&_stack_top - (const char *)address);
}

size_t stack_paint(void) {
    uint32_t *sp = stack_pointer();
    /* volatile: the compiler must not turn the loop into a call, whose frame it would paint */
    for (volatile uint32_t *word = &_stack_bottom; word < sp - RED_WORDS; word++) {
        *word = PATTERN;
    }
    return depth_of(sp);
}

size_t stack_peak(void) {
    const uint32_t *sp = stack_pointer();
    const uint32_t *word = &_stack_bottom;
    while (word < sp && *word == PATTERN) {
        word++;
    }
    return depth_of(word);
}

size_t stack_size(void) {
    return depth_of(&_stack_bottom);
}
