# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumption tickets that outlive the process: the port of pqmesh.engine.tickets over SQLite.

One table for all links of the node: a board that is moved to another cable resumes there. The
names on the wire are kept in memory, because the engine asks for one with every R1 that arrives.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pqmesh.engine.tickets import Ticket
from pqmesh.errors import ProtocolError

from .sqlite import Store

MAX_TICKETS = 1024
"""Tickets kept; the one saved least recently goes first, and its peer does a full handshake."""


def wall_clock_s() -> int:
    """Whole seconds since 1970."""
    return int(time.time())


class TicketStore:
    """A ticket that cannot be read is deleted, which costs one full handshake.

    ``unreadable`` counts them.

    :param clock: returns whole seconds since 1970; it may be set back
    :raises StoreError: the database cannot be read
    """

    def __init__(self, store: Store, clock: Callable[[], int] = wall_clock_s) -> None:
        self.unreadable = 0
        self._store = store
        self._clock = clock
        self._now_s = 0
        self._tickets: dict[bytes, Ticket] = {}
        self._names: dict[bytes, bytes] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._tickets)

    def find(self, name: bytes) -> bytes | None:
        """Return the PeerId of the ticket one of whose names on the wire is ``name``, or None."""
        return self._names.get(name)

    def load(self, peer_id: bytes) -> Ticket | None:
        """Return the ticket of a peer, or None."""
        return self._tickets.get(peer_id)

    def save(self, ticket: Ticket) -> None:
        """Replace the ticket of ``ticket.peer_id``, durably; the one before is overwritten.

        :raises StoreError: the disk is full or failing; the ticket before is still there
        """
        self._store.execute(
            "INSERT OR REPLACE INTO ticket (peer_id, body) VALUES (?, ?)",
            (ticket.peer_id, ticket.encode()),
        )
        self._keep(ticket)
        while len(self._tickets) > MAX_TICKETS:
            self.forget(next(iter(self._tickets)))
        self._store.scrub()

    def now_s(self) -> int:
        """Return this machine's time in seconds; never less than it was before."""
        self._now_s = max(self._now_s, self._clock())
        return self._now_s

    def forget(self, peer_id: bytes) -> None:
        """Delete the ticket of a peer, as when it is no longer trusted. Harmless without one.

        :raises StoreError: the disk is full or failing
        """
        self._store.execute("DELETE FROM ticket WHERE peer_id = ?", (peer_id,))
        self._drop(peer_id)
        self._store.scrub()

    def _read(self) -> None:
        rows = self._store.execute("SELECT peer_id, body FROM ticket ORDER BY seq")
        for peer_id, body in rows:
            try:
                ticket = Ticket.decode(body)
            except ProtocolError:  # of a later version, or damaged
                self.unreadable += 1
                self.forget(peer_id)
            else:
                self._keep(ticket)

    def _keep(self, ticket: Ticket) -> None:
        self._drop(ticket.peer_id)
        self._tickets[ticket.peer_id] = ticket
        for name in ticket.names():
            self._names[name] = ticket.peer_id

    def _drop(self, peer_id: bytes) -> None:
        ticket = self._tickets.pop(peer_id, None)
        if ticket is None:
            return
        for name in ticket.names():
            self._names.pop(name, None)
