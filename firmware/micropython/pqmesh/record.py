# SPDX-License-Identifier: MIT OR Apache-2.0
"""A few lines that stand in for dataclasses, which MicroPython lacks."""

from .compat import TYPE_CHECKING, dataclass_transform

if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar

    R = TypeVar("R", bound="Record")


@dataclass_transform()
class Record:
    """A plain value with named fields. Treat it as immutable.

    The runtimes read FIELDS; type checkers read the annotations.
    tests/unit/pqmesh/test_record.py keeps the two in step.

    :raises TypeError: a field is missing, unknown, or given twice
    """

    FIELDS: "ClassVar[tuple[str, ...]]" = ()

    def __init__(self, *values: "Any", **named: "Any") -> None:
        names = self.FIELDS
        for name, value in zip(names, values):
            setattr(self, name, value)
        for name in names[len(values) :]:
            if name not in named:
                raise TypeError("missing field " + name)
            setattr(self, name, named.pop(name))
        if named or len(values) > len(names):
            raise TypeError("unexpected field")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        return all([getattr(self, n) == getattr(other, n) for n in self.FIELDS])

    def __hash__(self) -> int:
        return hash(tuple([getattr(self, n) for n in self.FIELDS]))

    def __repr__(self) -> str:
        pairs = ["%s=%r" % (n, getattr(self, n)) for n in self.FIELDS]
        return "%s(%s)" % (type(self).__name__, ", ".join(pairs))


def replace(record: "R", **changes: "Any") -> "R":
    """Return a copy of ``record`` with some fields changed.

    :raises TypeError: ``changes`` names a field the record does not have
    """
    values = {name: getattr(record, name) for name in record.FIELDS}
    values.update(changes)
    return type(record)(**values)
