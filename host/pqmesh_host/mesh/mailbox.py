# SPDX-License-Identifier: MIT OR Apache-2.0
"""Messages for one neighbour, kept until it has acknowledged them, and across restarts.

A pqmesh.delivery.Outbox with the store beside it: stored before added, erased after delivered.
A message may have a last moment, by the wall clock, since it must hold across restarts too: a
command that nobody could take then must not surprise anyone hours later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from pqmesh.delivery import Outbox

from ..store import Store


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A message that has just been acknowledged by the neighbour."""

    ident: bytes
    payload: bytes
    waited_ms: int
    """From ``keep`` to the acknowledgement; from the start of the program at the earliest."""


class Mailbox:
    """At most ``capacity`` messages for ``target``. A full box refuses the newest.

    :param store: where the messages also live; None keeps them in memory only
    """

    def __init__(self, target: bytes, capacity: int, store: Store | None) -> None:
        self.target = target
        self.refused = 0
        """Messages not kept because the box was full."""

        self._capacity = capacity
        self._outbox = Outbox(capacity)
        self._store = store
        self._kept_at_ms: dict[bytes, int] = {}
        self._expires_ms: dict[bytes, int] = {}
        self._carried: dict[bytes, int] = {}  # what a session has taken, by its number
        if store is not None:
            for ident, payload, expires_ms in store.waiting(target)[:capacity]:
                self._add(ident, payload, expires_ms)

    def __len__(self) -> int:
        return len(self._outbox)

    def __contains__(self, ident: bytes) -> bool:
        return any(ident == held for held, _ in self._outbox)

    def keep(self, ident: bytes, payload: bytes, now_ms: int, keep_ms: int | None = None) -> bool:
        """Keep a message; True when it is now (or was already) in the box.

        :param keep_ms: how long it may wait for a session; None waits for ever
        :raises StoreError: it could not be written; it is not in the box
        """
        if ident in self:
            return True
        if len(self._outbox) >= self._capacity:
            self.refused += 1
            return False
        expires_ms = None if keep_ms is None else wall_ms() + keep_ms
        if self._store is not None:
            self._store.keep(self.target, ident, payload, expires_ms)
        self._add(ident, payload, expires_ms)
        self._kept_at_ms[ident] = now_ms
        return True

    def waiting(self) -> tuple[bytes, bytes] | None:
        """Return (id, payload) of the oldest message no session carries, or None."""
        return self._outbox.waiting()

    def drop_expired(self) -> list[bytes]:
        """Give up the messages whose time is over and that no session carries; return their ids.

        :raises StoreError: as ``delivered``
        """
        now = wall_ms()
        over = [ident for ident, expires_ms in self._expires_ms.items() if expires_ms <= now]
        carried = self._carried
        dropped = [ident for ident in over if ident not in carried]
        for ident in dropped:
            self.discard(ident)
        return dropped

    def sent(self, ident: bytes, session: int, number: int) -> None:
        """Note that a session took the message under ``number``."""
        self._outbox.sent(ident, session, number)
        self._carried[ident] = session

    def delivered(self, session: int, number: int, now_ms: int) -> Handed | None:
        """Forget the message a session has had acknowledged; None if it is not from here.

        :raises StoreError: it could not be erased; it will be sent again after a restart, and
            the neighbour drops it by its id
        """
        held = dict(self._outbox)
        ident = self._outbox.delivered(session, number)
        if ident is None:
            return None
        if self._store is not None:
            self._store.forget(self.target, ident)
        self._expires_ms.pop(ident, None)
        self._carried.pop(ident, None)
        waited_ms = now_ms - self._kept_at_ms.pop(ident, now_ms)
        return Handed(ident=ident, payload=held[ident], waited_ms=waited_ms)

    def discard(self, ident: bytes) -> None:
        """Give up on a message that the neighbour can never take (too long for it)."""
        self._outbox.sent(ident, 0, -2)
        self.delivered(0, -2, 0)

    def _add(self, ident: bytes, payload: bytes, expires_ms: int | None) -> None:
        self._outbox.add(ident, payload)
        if expires_ms is not None:
            self._expires_ms[ident] = expires_ms

    def session_ended(self, session: int) -> int:
        """Put back what ``session`` carried; returns how many messages wait again."""
        self._carried = {ident: one for ident, one in self._carried.items() if one != session}
        return self._outbox.session_ended(session)


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
