# SPDX-License-Identifier: MIT OR Apache-2.0
"""The only file in this package that may ask which Python it is running on."""

__all__ = ("TYPE_CHECKING", "const", "dataclass_transform")

TYPE_CHECKING = False  # type checkers take this name to be True; no runtime imports typing

if TYPE_CHECKING:
    from typing import Any, dataclass_transform

    # What a function takes that only reads octets. Any for the crypto port's sake, whose
    # methods say ``bytes`` and mean bytes-like, as most of the typed world does.
    Buffer = Any

    def const(value: int) -> int:
        """Mark an integer the MicroPython compiler may fold. CPython: the value itself."""
        return value
else:

    def dataclass_transform():
        """Stand in for typing's decorator, which only type checkers read."""
        return lambda cls: cls

    try:
        from micropython import const
    except ImportError:

        def const(value: int) -> int:
            """Mark an integer the MicroPython compiler may fold. CPython: the value itself."""
            return value
