# SPDX-License-Identifier: MIT OR Apache-2.0
"""The peers with whom a resumption is under way, at most ``limits.half_open`` at a time.

Whoever is not here is described by its ticket alone. Full: an answer that the peer has had often
enough without going on gives way.
"""

from ..compat import TYPE_CHECKING
from ..errors import Unexpected
from .peering import Peering
from .session import ENDED

if TYPE_CHECKING:
    from .context import Context
    from .tickets import Tickets


class Peerings:
    """``all``: those under way, in no order. Some may be unconfirmed sessions and nothing else."""

    def __init__(self, context: "Context", tickets: "Tickets") -> None:
        self.all: "list[Peering]" = []
        self._context = context
        self._tickets = tickets

    def find(self, peer_id: bytes) -> "Peering | None":
        """Return what is under way with a peer, or None."""
        for peering in self.all:
            if peering.peer_id == peer_id:
                return peering
        return None

    def of(self, peer_id: bytes) -> "Peering | None":
        """Return what is under way with a peer, or what its ticket allows to begin, or None."""
        peering = self.find(peer_id)
        if peering is not None:
            return peering
        ticket = self._tickets.load(peer_id)
        return None if ticket is None else Peering(self._context, self._tickets, ticket)

    def holder(self, name: bytes) -> "tuple[Peering, bytes]":
        """Return whose ticket has this ``name``, and the generation that it names.

        :raises Unexpected: nobody's
        """
        peer_id = self._tickets.find(name)
        peering = None if peer_id is None else self.of(peer_id)
        base = None if peering is None else peering.generation(name)
        if peering is None or base is None:
            raise Unexpected("a ticket that is not known here")
        return peering, base

    def keep(self, peering: Peering) -> None:
        """Something is under way with this peer from now on."""
        if peering not in self.all:
            self.all.append(peering)

    def make_room(self, peering: Peering) -> bool:
        """Whether one more may be under way; an answer the peer ignores gives way to it."""
        others = [other for other in self.all if other is not peering and other.busy()]
        if len(others) < self._context.limits.half_open:
            return True
        for other in others:
            if not other.handle and other.answer is not None and other.answer.settled():
                other.drop_answer()
                self.sweep()
                return True
        return False

    def sweep(self) -> None:
        """Forget the peers with whom nothing is under way."""
        for peering in self.all:
            if peering.unconfirmed is not None and peering.unconfirmed.state == ENDED:
                peering.unconfirmed = None
            if peering.answer is not None and peering.answer.session.state == ENDED:
                peering.drop_answer()
        self.all = [peering for peering in self.all if not peering.idle()]
