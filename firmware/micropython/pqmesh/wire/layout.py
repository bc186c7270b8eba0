# SPDX-License-Identifier: MIT OR Apache-2.0
"""A wire object is a class with a LAYOUT; encoder and decoder are one loop over it.

docs/wire.md is generated from the same tables (tools/wire_doc.py). The docstring of each
object ends with three paragraphs that the generator copies: ``Sender:`` (who may send it
and how that is authenticated), ``Replay:`` (what makes a replay harmless) and ``Rate:``
(what limits how much of it is taken).
"""

from ..compat import TYPE_CHECKING
from ..errors import Malformed
from ..record import Record

if TYPE_CHECKING:
    from typing import ClassVar, TypeVar

    from ..compat import Buffer
    from .fields import Field

    W = TypeVar("W", bound="WireObject")


class WireObject(Record):
    """A record with a fixed sequence of fields. Subclasses set FIELDS to the LAYOUT's names."""

    LAYOUT: "ClassVar[tuple[tuple[str, Field], ...]]" = ()

    def encode(self) -> bytes:
        """Return the octets. :raises UsageError: a field is out of range."""
        out = bytearray()
        for name, field in self.LAYOUT:
            field.put(out, getattr(self, name))
        return bytes(out)


def names(layout: "tuple[tuple[str, Field], ...]") -> "tuple[str, ...]":
    """Return the FIELDS of a LAYOUT."""
    return tuple([name for name, _ in layout])


def decode_at(cls: "type[W]", view: memoryview, at: int) -> "tuple[W, int]":
    """Parse one object in the middle of ``view``; return it and where it ends.

    :raises Malformed: the view ends first, or a field is out of range
    """
    values = []
    for _, field in cls.LAYOUT:
        value, at = field.take(view, at)
        values.append(value)
    return cls(*values), at


def decode(cls: "type[W]", data: "Buffer") -> "W":
    """Parse one object that is the whole of ``data``.

    :raises Malformed: truncated, or bytes are left over
    """
    view = memoryview(data)
    value, at = decode_at(cls, view, 0)
    if at != len(view):
        raise Malformed("%d trailing bytes" % (len(view) - at))
    return value
