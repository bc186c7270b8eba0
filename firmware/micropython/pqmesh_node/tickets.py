# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumption tickets that outlive the power: the port of pqmesh.engine.tickets over the vault.

One value of the vault per peer. A ticket that cannot be read, or was written by another version,
is as good as none: the pair does a full handshake and writes a new one.
"""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.engine.tickets import Ticket
from pqmesh.errors import ProtocolError

from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .vault import Vault

TICKETS = const(4)  # a board has one gateway, and may know a neighbour or two
_PREFIX = "t"


class TicketStore:
    """At most TICKETS tickets; a further one displaces the one saved least recently.

    ``counts``: ``unreadable`` tickets at the start, ``displaced`` ones since, ``failed`` saves.
    A flash that fails costs the resumption after the next restart (the peers then do a full
    handshake), not the session that is being opened: so ``save`` counts it and does not raise.

    :param clock: whole seconds that survive restarts and never go back; None: not known
    """

    def __init__(self, vault: "Vault", clock: "Callable[[], int] | None" = None) -> None:
        self.counts = {"unreadable": 0, "displaced": 0, "failed": 0}
        self.last_error = ""
        self._vault = vault
        self._clock = clock or _no_clock
        self._tickets: "list[tuple[str, Ticket]]" = []  # (name in the vault, ticket), oldest first
        for name in vault.names():
            if name.startswith(_PREFIX):
                self._take(name)

    def __len__(self) -> int:
        return len(self._tickets)

    def find(self, name: bytes) -> "bytes | None":
        """The PeerId of the ticket one of whose names on the wire is ``name``, or None."""
        for _, ticket in self._tickets:
            if name in ticket.names():
                return ticket.peer_id
        return None

    def load(self, peer_id: bytes) -> "Ticket | None":
        """The ticket of a peer, or None."""
        entry = self._entry(peer_id)
        return None if entry is None else entry[1]

    def save(self, ticket: Ticket) -> None:
        """Replace the ticket of ``ticket.peer_id``; the one before is erased on return."""
        entry = self._entry(ticket.peer_id)
        name = self._free_name() if entry is None else entry[0]
        try:
            self._vault.save(name, ticket.encode())
        except StoreError as error:
            self.counts["failed"] += 1
            self.last_error = str(error)
        self._tickets = [other for other in self._tickets if other[0] != name]
        self._tickets.append((name, ticket))

    def now_s(self) -> int:
        """The board's time in seconds; 0 while it is not known."""
        return self._clock()

    def forget(self, peer_id: bytes) -> None:
        """Erase the ticket of a peer; harmless without one. Raises StoreError."""
        entry = self._entry(peer_id)
        if entry is not None:
            self._vault.forget(entry[0])
            self._tickets.remove(entry)

    def _entry(self, peer_id: bytes) -> "tuple[str, Ticket] | None":
        for entry in self._tickets:
            if entry[1].peer_id == peer_id:
                return entry
        return None

    def _take(self, name: str) -> None:
        try:
            ticket = Ticket.decode(self._vault.load(name) or b"")
        except ProtocolError:
            self.counts["unreadable"] += 1
            self._vault.forget(name)
            return
        self._tickets.append((name, ticket))

    def _free_name(self) -> str:
        """A name for one more ticket; that of the oldest when all are taken."""
        taken = [entry[0] for entry in self._tickets]
        for number in range(TICKETS):
            name = "%s%d" % (_PREFIX, number)
            if name not in taken:
                return name
        self.counts["displaced"] += 1
        return taken[0]


def _no_clock() -> int:
    return 0
