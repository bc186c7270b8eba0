/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* console.h - the REPL's UART as MicroPython's standard input and output. */
#ifndef CONSOLE_H
#define CONSOLE_H

void console_start(void);

#endif
