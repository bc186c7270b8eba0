# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node tells its program besides the engine's own events (pqmesh.engine.events)."""

from pqmesh.compat import TYPE_CHECKING
from pqmesh.record import Record

if TYPE_CHECKING:
    from typing import Any


class Published(Record):
    """A reading was taken and queued for the mesh."""

    FIELDS = ("id", "name", "value", "unit")
    if TYPE_CHECKING:
        id: bytes
        name: str
        value: int
        unit: str


class Executed(Record):
    """A command was carried out, or refused: what the asker is told."""

    FIELDS = ("id", "origin", "name", "ok", "value")
    if TYPE_CHECKING:
        id: bytes
        origin: bytes
        name: str
        ok: bool
        value: "Any"


class AirtimeWait(Record):
    """Frames wait for the radio's airtime; they may go in ``wait_ms``."""

    FIELDS = ("wait_ms",)
    if TYPE_CHECKING:
        wait_ms: int


class LinkFailed(Record):
    """The link raised an error; the node tries again in ``retry_ms``."""

    FIELDS = ("reason", "retry_ms")
    if TYPE_CHECKING:
        reason: str
        retry_ms: int
