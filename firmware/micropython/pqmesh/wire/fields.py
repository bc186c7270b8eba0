# SPDX-License-Identifier: MIT OR Apache-2.0
"""The field kinds a wire layout is built from. All integers are big-endian.

Each kind has two methods:

    put(out, value)       append the encoding of value to the bytearray out
    take(view, at)        -> (value, next_at), or raise Malformed

``put`` checks ranges itself: MicroPython's struct.pack truncates silently.
"""

from ..compat import TYPE_CHECKING
from ..errors import Malformed, UsageError

if TYPE_CHECKING:
    from typing import Any, Protocol

    class Field(Protocol):
        """What a layout may hold."""

        def put(self, out: bytearray, value: "Any") -> None: ...

        def take(self, view: memoryview, at: int) -> "tuple[Any, int]": ...

        def describe(self) -> str: ...


class Uint:
    """An unsigned integer of ``size`` octets."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.limit = 1 << (8 * size)

    def put(self, out: bytearray, value: int) -> None:
        """Append ``value``. :raises UsageError: it does not fit."""
        if not 0 <= value < self.limit:
            raise UsageError("%d does not fit in %d bytes" % (value, self.size))
        out.extend(value.to_bytes(self.size, "big"))

    def take(self, view: memoryview, at: int) -> "tuple[int, int]":
        """Read one. :raises Malformed: the view ends first."""
        end = at + self.size
        if end > len(view):
            raise Malformed("truncated integer")
        return int.from_bytes(bytes(view[at:end]), "big"), end

    def describe(self) -> str:
        """Return the text of the field's size for docs/wire.md."""
        return "%d" % self.size


class Fixed:
    """Exactly ``size`` octets: hashes, nonces, keys."""

    def __init__(self, size: int) -> None:
        self.size = size

    def put(self, out: bytearray, value: bytes) -> None:
        """Append ``value``. :raises UsageError: it has another length."""
        if len(value) != self.size:
            raise UsageError("want %d bytes, got %d" % (self.size, len(value)))
        out.extend(value)

    def take(self, view: memoryview, at: int) -> "tuple[bytes, int]":
        """Read a copy. :raises Malformed: the view ends first."""
        end = at + self.size
        if end > len(view):
            raise Malformed("truncated field")
        return bytes(view[at:end]), end

    def describe(self) -> str:
        """Return the text of the field's size for docs/wire.md."""
        return "%d" % self.size


class Rest:
    """Everything up to the end of the message; only ever the last field."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def put(self, out: bytearray, value: bytes) -> None:
        """Append ``value``. :raises UsageError: it is over the limit."""
        if len(value) > self.limit:
            raise UsageError("over %d bytes" % self.limit)
        out.extend(value)

    def take(self, view: memoryview, at: int) -> "tuple[bytes, int]":
        """Read a copy of the rest. :raises Malformed: it is over the limit."""
        if len(view) - at > self.limit:
            raise Malformed("over %d bytes" % self.limit)
        return bytes(view[at:]), len(view)

    def describe(self) -> str:
        """Return the text of the field's size for docs/wire.md."""
        return "0..%d" % self.limit


U8, U16, U32 = Uint(1), Uint(2), Uint(4)
