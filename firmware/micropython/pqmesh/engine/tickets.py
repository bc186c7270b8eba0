# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumption tickets: the port to whatever keeps them, and one that keeps them in memory.

A ticket is what HS-R needs of one peer: the two generations of the ratchet (resumption.py), how
many resumptions they rest on, and what the peer said it can take. It opens every session to come,
so it is as secret as the identity's seed.

The port, as a duck type, has four methods; ``Tickets`` below spells them out. ``save`` must be
durable when it returns, and atomic: after a power cut ``load`` gives the ticket before or the
ticket after, never a mixture. It is called once per resume by the responder, and twice by the
initiator.
"""

from ..compat import TYPE_CHECKING
from ..errors import UsageError
from ..identity import short
from ..limits import RESUMPTION_AGE_S, RESUMPTIONS
from ..record import Record
from .hs_r import ticket_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol


class Ticket(Record):
    """What is kept for one peer."""

    FIELDS = ("peer_id", "current", "candidate", "resumptions", "params")

    peer_id: bytes
    current: bytes  # generations, 32 octets each
    candidate: "bytes | None"
    resumptions: int  # since the last full handshake
    params: bytes  # the peer's Params of that handshake, encoded: 8 octets

    def names(self) -> "tuple[bytes, ...]":
        """Return the names on the wire of the generations it holds, 8 octets each."""
        if self.candidate is None:
            return (ticket_of(self.current),)
        return (ticket_of(self.current), ticket_of(self.candidate))

    def __repr__(self) -> str:
        """Name the peer and no secret: a ticket may end up in a log."""
        return "Ticket(%s, %d resumptions)" % (short(self.peer_id), self.resumptions)


if TYPE_CHECKING:

    class Tickets(Protocol):
        """The port."""

        def find(self, name: bytes) -> "bytes | None":
            """Return the PeerId of the ticket one of whose names is ``name``, or None.

            Asked for every Resume that arrives: have the names at hand.
            """

        def load(self, peer_id: bytes) -> "Ticket | None":
            """Return the ticket of a peer, or None."""

        def save(self, ticket: Ticket) -> None:
            """Replace the ticket of ``ticket.peer_id``, durably."""

        def age_s(self, peer_id: bytes) -> int:
            """Return the seconds since save() was last given ``resumptions`` = 0 for this peer.

            0 from an owner that cannot tell: then the count alone is the bound.
            """


def worn_out(ticket: Ticket, age_s: int) -> bool:
    """Whether the pair has gone on symmetric material for so long that a full handshake is due."""
    return ticket.resumptions >= RESUMPTIONS or age_s >= RESUMPTION_AGE_S


class MemoryTickets:
    """Keeps tickets as long as the process lives. Full: the one saved least recently goes.

    Whose ticket went does a full handshake next time.

    :param capacity: at least 1
    :param clock: returns whole seconds that never go back; None: ages are not known
    :raises UsageError: no room for a single ticket
    """

    def __init__(self, capacity: int, clock: "Callable[[], int] | None" = None) -> None:
        if capacity < 1:
            raise UsageError("tickets need room for one at least")
        self._capacity = capacity
        self._clock = clock
        self._tickets: "list[Ticket]" = []  # least recently saved first
        self._names: "dict[bytes, bytes]" = {}
        self._full_at: "dict[bytes, int]" = {}

    def find(self, name: bytes) -> "bytes | None":
        """Return the PeerId of the ticket one of whose names is ``name``, or None."""
        return self._names.get(name)

    def load(self, peer_id: bytes) -> "Ticket | None":
        """Return the ticket of a peer, or None."""
        for ticket in self._tickets:
            if ticket.peer_id == peer_id:
                return ticket
        return None

    def save(self, ticket: Ticket) -> None:
        """Replace the ticket of ``ticket.peer_id``."""
        full_at = self._full_at.get(ticket.peer_id, 0)
        self.forget(ticket.peer_id)
        if len(self._tickets) >= self._capacity:
            self.forget(self._tickets[0].peer_id)
        self._tickets.append(ticket)
        for name in ticket.names():
            self._names[name] = ticket.peer_id
        if not ticket.resumptions and self._clock is not None:
            full_at = self._clock()
        self._full_at[ticket.peer_id] = full_at

    def age_s(self, peer_id: bytes) -> int:
        """Return the seconds since the last full handshake with a peer; 0 without a clock."""
        if self._clock is None or peer_id not in self._full_at:
            return 0
        return self._clock() - self._full_at[peer_id]

    def forget(self, peer_id: bytes) -> None:
        """Drop the ticket of a peer, as when it is no longer trusted. Harmless without one."""
        ticket = self.load(peer_id)
        if ticket is None:
            return
        self._tickets.remove(ticket)
        for name in ticket.names():
            self._names.pop(name, None)
        del self._full_at[peer_id]
