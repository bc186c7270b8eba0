# SPDX-License-Identifier: MIT OR Apache-2.0
"""The protocol of a pqmesh node: pure, sans-I/O, the same source on CPython and MicroPython."""
