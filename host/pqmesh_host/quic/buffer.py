# SPDX-License-Identifier: MIT OR Apache-2.0
"""aioquic's byte buffer, under a name its type stubs let strict checkers import."""

from aioquic.buffer import Buffer as Buffer  # type: ignore[attr-defined]
from aioquic.buffer import BufferReadError as BufferReadError  # type: ignore[attr-defined]
from aioquic.buffer import encode_uint_var as encode_uint_var
from aioquic.buffer import size_uint_var as size_uint_var
