# SPDX-License-Identifier: MIT OR Apache-2.0
"""Messages to one destination, kept until the peer has acknowledged them.

    waiting --sent()--> sent --delivered()--> gone
       ^                 |
       +-- session_ended +        the next session gets it again, in the old order

A message may reach the peer and its acknowledgement be lost with the session: it is then
sent twice under the same id, and the peer's Inbox drops the second. An owner that must
survive a power cut stores each entry before ``add`` and erases it after ``delivered``.
"""

from ..compat import TYPE_CHECKING
from ..errors import Busy, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Entry:
    def __init__(self, ident: bytes, payload: bytes) -> None:
        self.ident = ident
        self.payload = payload
        self.session = -1  # the session and the message number it was sent as;
        self.message = -1  # -1 while it waits


class Outbox:
    """At most ``capacity`` messages; a full box refuses, it never forgets."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: "list[_Entry]" = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> "Iterator[tuple[bytes, bytes]]":
        """Yield (id, payload) of everything not yet delivered, oldest first."""
        for entry in self._entries:
            yield entry.ident, entry.payload

    def add(self, ident: bytes, payload: bytes) -> None:
        """Keep a message until it is delivered.

        :raises Busy: the box is full
        :raises UsageError: a message of this id is already in it
        """
        if self._find(ident) is not None:
            raise UsageError("a message of this id is already in the outbox")
        if len(self._entries) >= self._capacity:
            raise Busy("outbox full")
        self._entries.append(_Entry(ident, payload))

    def waiting(self) -> "tuple[bytes, bytes] | None":
        """Return (id, payload) of the oldest message that no session carries, or None."""
        for entry in self._entries:
            if entry.session < 0:
                return entry.ident, entry.payload
        return None

    def sent(self, ident: bytes, session: int, message: int) -> None:
        """Note that ``Engine.send`` took the message and numbered it.

        :raises UsageError: no such message in the box
        """
        entry = self._find(ident)
        if entry is None:
            raise UsageError("no message of this id in the outbox")
        entry.session = session
        entry.message = message

    def delivered(self, session: int, message: int) -> "bytes | None":
        """Forget a message on its Delivered event; returns its id, None if it was not ours."""
        for entry in self._entries:
            if entry.session == session and entry.message == message:
                self._entries.remove(entry)
                return entry.ident
        return None

    def session_ended(self, session: int) -> int:
        """Put what ``session`` carried back to waiting, in order; returns how many."""
        returned = 0
        for entry in self._entries:
            if entry.session == session:
                entry.session = entry.message = -1
                returned += 1
        return returned

    def _find(self, ident: bytes) -> "_Entry | None":
        for entry in self._entries:
            if entry.ident == ident:
                return entry
        return None
