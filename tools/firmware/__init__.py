# SPDX-License-Identifier: MIT OR Apache-2.0
"""Turns the source tree into MicroPython images and boots them: `python3 -m tools.firmware`.

Fetching and building need nothing but CPython's standard library, so that they run before the
project's own environment exists. `qemu`, `repl` and `medium` serve tests, demo and benchmarks.
"""
