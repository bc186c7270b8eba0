# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a board measures: a bounded, ordered registry of named readings.

The built-in ones (builtin.py) say only what every board truly knows about itself. A probe is
registered by the program that has one: ``node.sensors.add("soil", read_soil, "mV")``.
"""

from pqmesh.record import Record

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

MAX_SENSORS = 16
NAME_BYTES = 32  # UTF-8 octets of a name or a unit
_INT_LIMIT = 1 << 63


class Reading(Record):
    """One value as it goes on the wire: a whole number of at most 64 bits.

    Boards have 32-bit floats or none: scale instead (millivolts, hundredths of a degree).
    """

    FIELDS = ("name", "value", "unit")
    if TYPE_CHECKING:
        name: str
        value: int
        unit: str


class Sensors:
    """Named readings, taken in the order they were added."""

    def __init__(self) -> None:
        self.failures = 0
        self._sensors: "list[tuple[str, Callable[[], Any], str]]" = []

    def add(self, name: str, read: "Callable[[], Any]", unit: str = "") -> None:
        """Register ``read``, a function without arguments that returns an int (or a bool: 0, 1).

        It is called once a round on the application loop, so it must be quick. Raises
        ValueError for a name that is empty, too long or taken, and when the table is full.
        """
        for text in (name, unit):
            if len(text.encode()) > NAME_BYTES:
                raise ValueError("%r is over %d bytes" % (text, NAME_BYTES))
        if not name or name in [sensor[0] for sensor in self._sensors]:
            raise ValueError("sensor name %r is empty or taken" % name)
        if len(self._sensors) >= MAX_SENSORS:
            raise ValueError("at most %d sensors; remove one first" % MAX_SENSORS)
        self._sensors.append((name, read, unit))

    def remove(self, name: str) -> None:
        """Forget a sensor; no error when there is none of that name."""
        self._sensors = [sensor for sensor in self._sensors if sensor[0] != name]

    def names(self) -> "list[str]":
        return [sensor[0] for sensor in self._sensors]

    def read_all(self) -> "Iterator[Reading]":
        """One round. A sensor that fails is left out and counted; the others still report."""
        for name, read, unit in list(self._sensors):
            try:
                value = read()
            except (OSError, ValueError):  # what drivers raise for a bus or a range error
                self.failures += 1
                continue
            if not isinstance(value, (int, bool)) or not -_INT_LIMIT <= value < _INT_LIMIT:
                self.failures += 1
                continue
            yield Reading(name, int(value), unit)
