/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * stack.h - how deep the C stack has been.
 *
 * Painting fills everything below the stack pointer with a pattern; the peak is the deepest word
 * that no longer holds it. Interrupts use the same stack and are part of the figure. Depths are
 * bytes below the stack's top.
 */
#ifndef STACK_H
#define STACK_H

#include <stddef.h>

size_t stack_paint(void); /* the depth at which it was called */
size_t stack_peak(void);  /* deepest since the last stack_paint() */
size_t stack_size(void);

#endif
