# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the genuine Raspberry Pi Pico firmware in an emulated RP2040: `python3 -m tools.pico`.

The emulation is JavaScript (runner.mjs and what it imports, over npm's rp2040js); `emulator` is
its Python side, for tests and the demo. What it shows and what not: docs/decisions/0007.
"""
