# SPDX-License-Identifier: MIT OR Apache-2.0
"""Remembers which message ids have been taken, so that a repeat is taken only once.

Bounded both ways: the ids of ``origins`` senders, the last ``ids_per_origin`` of each. A sender
that is pushed out, or an id that is, could be taken again; so size it for more messages than
a peer's Outbox can hold.
"""

from collections import deque

from ..compat import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inbox:
    """Answers one question: has this origin's message been taken before?"""

    def __init__(self, origins: int, ids_per_origin: int) -> None:
        self._origins = origins
        self._ids = ids_per_origin
        self._seen: "dict[bytes, deque[bytes]]" = {}
        self._recent: "list[bytes]" = []  # origins, least recently heard first

    def accept(self, origin: bytes, ident: bytes) -> bool:
        """Return True the first time a message is seen, and remember it.

        Also the way to seed the box from stored (origin, id) pairs, oldest first.
        """
        seen = self._touch(origin)
        if ident in list(seen):
            return False
        if len(seen) == self._ids:
            seen.popleft()
        seen.append(ident)
        return True

    def __iter__(self) -> "Iterator[tuple[bytes, bytes]]":
        """Yield every remembered (origin, id), in an order that ``accept`` can replay."""
        for origin in self._recent:
            for ident in self._seen[origin]:
                yield origin, ident

    def _touch(self, origin: bytes) -> "deque[bytes]":
        if origin in self._seen:
            self._recent.remove(origin)
        else:
            if len(self._recent) == self._origins:
                del self._seen[self._recent.pop(0)]
            self._seen[origin] = deque((), self._ids)
        self._recent.append(origin)
        return self._seen[origin]
