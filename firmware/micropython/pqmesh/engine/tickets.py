# SPDX-License-Identifier: MIT OR Apache-2.0
"""Resumption tickets: the port to whatever keeps them, and one that keeps them in memory.

A ticket is what a resumption needs of one peer: the two generations of the ratchet
(resumption.py), how much symmetric material has been made of them and since when, and what the
peer said it can take. It opens every session to come, so it is as secret as the identity's seed.

The port, as a duck type, has four methods; ``Tickets`` below spells them out. ``save`` must be
durable when it returns, and atomic: after a power cut ``load`` gives the ticket before or the
ticket after, never a mixture. It is called once per resume by the responder, and twice by the
initiator.
"""

from ..compat import TYPE_CHECKING, const
from ..errors import Malformed, UsageError
from ..identity import PEER_ID_BYTES, short
from ..limits import RESUMPTION_AGE_S, RESUMPTIONS
from ..record import Record
from ..wire.fields import U8, U16, U32, Fixed
from ..wire.handshake import PARAMS_BYTES
from .hs_r import ticket_of
from .resumption import SECRET_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ..wire.fields import Field

_FORM = const(1)  # of the stored ticket; another one is not read
_STORED: "tuple[Field, ...]" = (
    U8,  # form
    Fixed(PEER_ID_BYTES),
    Fixed(SECRET_BYTES),  # current
    U8,  # whether there is a candidate
    Fixed(SECRET_BYTES),  # candidate, or zeros
    U16,  # resumptions
    Fixed(PARAMS_BYTES),
    U32,  # healed_s
    U32,  # full_s
    U16,  # epoch
)
TICKET_STORED_BYTES = const(118)


class Ticket(Record):
    """What is kept for one peer. Moments are whole seconds on the owner's clock, 0: not known."""

    FIELDS = (
        "peer_id",
        "current",
        "candidate",
        "resumptions",
        "params",
        "healed_s",
        "full_s",
        "epoch",
    )

    peer_id: bytes
    current: bytes  # generations, 32 octets each
    candidate: "bytes | None"
    resumptions: int  # since the last KEM: a full handshake, HS-RK or HS-RP
    params: bytes  # the peer's Params of the last full handshake, encoded: 8 octets
    healed_s: int  # when that KEM was
    full_s: int  # when the last full handshake was
    epoch: int  # of the peer's credential in it, 1..65,535; 0: there was none

    def encode(self) -> bytes:
        """Return the ticket as TICKET_STORED_BYTES octets for a store, which adds the checksum.

        :raises UsageError: a field is out of range
        """
        out = bytearray()
        values = (
            _FORM,
            self.peer_id,
            self.current,
            int(self.candidate is not None),
            self.candidate or bytes(SECRET_BYTES),
            min(self.resumptions, 0xFFFF),
            self.params,
            self.healed_s,
            self.full_s,
            self.epoch,
        )
        for field, value in zip(_STORED, values):
            field.put(out, value)
        return bytes(out)

    @staticmethod
    def decode(octets: bytes) -> "Ticket":
        """Parse what encode() made.

        :raises Malformed: of another form, or spoilt; the pair then does a full handshake
        """
        view = memoryview(octets)
        at = 0
        values = []
        for field in _STORED:
            value, at = field.take(view, at)
            values.append(value)
        form, peer_id, current, twofold, candidate = values[:5]
        if form != _FORM or twofold > 1 or at != len(view):
            raise Malformed("not a ticket of form %d" % _FORM)
        return Ticket(peer_id, current, candidate if twofold else None, *values[5:])

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

        def now_s(self) -> int:
            """Return the time in whole seconds on a clock that restarts do not set back.

            0 from an owner that cannot tell: then counts alone are the bound.
            """


def age_s(since: int, now_s: int) -> int:
    """Return the seconds between two moments of a ticket's clock; 0 when one is not known."""
    return max(now_s - since, 0) if since and now_s else 0


def worn_out(ticket: Ticket, now_s: int) -> bool:
    """Whether the pair has gone on symmetric material for so long that HS-R is over."""
    age = age_s(ticket.healed_s, now_s)
    return ticket.resumptions >= RESUMPTIONS or age >= RESUMPTION_AGE_S


class MemoryTickets:
    """Keeps tickets as long as the process lives. Full: the one saved least recently goes.

    Whose ticket went does a full handshake next time.

    :param capacity: at least 1
    :param clock: returns whole seconds that never go back; None: the time is not known
    :raises UsageError: no room for a single ticket
    """

    def __init__(self, capacity: int, clock: "Callable[[], int] | None" = None) -> None:
        if capacity < 1:
            raise UsageError("tickets need room for one at least")
        self._capacity = capacity
        self._clock = clock
        self._tickets: "list[Ticket]" = []  # least recently saved first
        self._names: "dict[bytes, bytes]" = {}

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
        self.forget(ticket.peer_id)
        if len(self._tickets) >= self._capacity:
            self.forget(self._tickets[0].peer_id)
        self._tickets.append(ticket)
        for name in ticket.names():
            self._names[name] = ticket.peer_id

    def now_s(self) -> int:
        """Return the clock's time; 0 without a clock."""
        return 0 if self._clock is None else self._clock()

    def forget(self, peer_id: bytes) -> None:
        """Drop the ticket of a peer, as when it is no longer trusted. Harmless without one."""
        ticket = self.load(peer_id)
        if ticket is None:
            return
        self._tickets.remove(ticket)
        for name in ticket.names():
            self._names.pop(name, None)
