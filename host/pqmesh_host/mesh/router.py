# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where a mesh message goes next. Pure: no I/O, no clock; the switchboard acts on it.

READING   from a board: to every QUIC peer, with its origin added. From a QUIC peer: to us only.
COMMAND   for us: obeyed here. For a board on one of our links: down to it. Else: refused, with
          a REPLY that says so. Only peers who may command are heard at all.
REPLY     for us: to the call that waits. Else towards its destination, directly or back through
          the peer that last spoke for it.

An origin field says who a message is from on the word of the neighbour that handed it over; a
board on a link may only speak for itself. A forwarded message has one ttl less; 0 stays here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from pqmesh.identity import short
from pqmesh.record import replace
from pqmesh.wire.mesh import COMMAND, READING, MeshMessage, reply

MAX_ROUTES = 1024
"""Origins whose last neighbour is remembered; the least recently heard goes first."""


@dataclass(frozen=True)
class Hop:
    """The authenticated neighbour a message came from."""

    peer_id: bytes
    on_link: bool
    """True for a session on a constrained link, False for a QUIC peer."""


class Topology(Protocol):
    """Whom a message can be handed to now."""

    def boards(self) -> Collection[bytes]:
        """PeerIds with an open session on one of our links."""

    def peers(self) -> Collection[bytes]:
        """QUIC peers that are connected."""

    def absent(self) -> Collection[bytes]:
        """QUIC peers that are named in the configuration and away: messages wait for them."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do with one message."""

    forwards: tuple[tuple[bytes, MeshMessage], ...] = ()
    """(neighbour, message) pairs to keep and send."""

    deliver: bool = False
    """Whether it is (also) for this node."""

    dropped: str = ""
    """Why nothing at all is done with it, or why a command was refused."""


class Unreachable(Exception):
    """No neighbour could carry a message to its destination."""


class Router:
    """
    :param own: our PeerId
    :param may_command: whether this neighbour's commands are carried out
    :param new_id: draws the random id of a refusal this node writes itself
    """

    def __init__(
        self,
        own: bytes,
        topology: Topology,
        may_command: Callable[[bytes], bool],
        new_id: Callable[[], bytes],
    ) -> None:
        self._own = own
        self._topology = topology
        self._may_command = may_command
        self._new_id = new_id
        self._routes: OrderedDict[bytes, bytes] = OrderedDict()

    def decide(self, message: MeshMessage, hop: Hop) -> Decision:
        """Say what to do with ``message``, which ``hop`` handed over."""
        origin = message.origin or hop.peer_id
        if hop.on_link and origin != hop.peer_id:
            return Decision(dropped="a board may speak only for itself")
        if origin == self._own:
            return Decision(dropped="our own message came back")
        self._learn(origin, hop)
        known = replace(message, origin=origin)
        if message.kind == READING:
            return self._reading(known, hop)
        if message.kind == COMMAND:
            return self._command(known, hop)
        return self._reply(known)

    def first_hops(self, destination: bytes) -> list[bytes]:
        """Whom to hand a command of our own for ``destination``.

        The destination itself, or the peer that last spoke for it, or else every peer. A command
        does not wait for anyone who is away: who gave it could not know when it is obeyed.

        :raises Unreachable: nobody is there to carry it
        """
        here = {*self._topology.boards(), *self._topology.peers()}
        if destination in here:
            return [destination]
        route = self._routes.get(destination)
        if route is not None and route in here:
            return [route]
        everyone = sorted(self._topology.peers())
        if not everyone:
            raise Unreachable(f"{short(destination)} is not connected, and no peer is")
        return everyone

    def origins(self) -> list[bytes]:
        """Every PeerId heard of through a neighbour, the latest last."""
        return list(self._routes)

    def _reading(self, message: MeshMessage, hop: Hop) -> Decision:
        targets: list[bytes] = []
        if hop.on_link:
            targets = sorted({*self._topology.peers(), *self._topology.absent()})
        return Decision(forwards=_forwards(message, targets), deliver=True)

    def _command(self, message: MeshMessage, hop: Hop) -> Decision:
        if not self._may_command(hop.peer_id):
            return self._refusal(message, hop, f"{short(hop.peer_id)} may not command here")
        if message.destination in (None, self._own):
            return Decision(deliver=True)
        if message.destination not in self._topology.boards():
            name = short(message.destination or b"")
            return self._refusal(message, hop, f"{name} is not connected here")
        forwards = _forwards(message, [message.destination])
        return Decision(forwards=forwards) if forwards else Decision(dropped="ttl ran out")

    def _reply(self, message: MeshMessage) -> Decision:
        if message.destination in (None, self._own):
            return Decision(deliver=True)
        reachable = {
            *self._topology.boards(),
            *self._topology.peers(),
            *self._topology.absent(),
        }
        destination = message.destination or b""
        for target in (destination, self._routes.get(destination)):
            if target is not None and target in reachable:
                forwards = _forwards(message, [target])
                return Decision(forwards=forwards, dropped="" if forwards else "ttl ran out")
        return Decision(dropped=f"a reply for {short(destination)}, who is gone")

    def _refusal(self, message: MeshMessage, hop: Hop, why: str) -> Decision:
        answer = reply(self._new_id(), message.id, False, why, message.origin)
        return Decision(forwards=((hop.peer_id, answer),), dropped=f"command refused: {why}")

    def _learn(self, origin: bytes, hop: Hop) -> None:
        if origin == hop.peer_id:
            return
        self._routes[origin] = hop.peer_id
        self._routes.move_to_end(origin)
        if len(self._routes) > MAX_ROUTES:
            self._routes.popitem(last=False)


def _forwards(message: MeshMessage, targets: list[bytes]) -> tuple[tuple[bytes, MeshMessage], ...]:
    if not message.ttl:
        return ()
    onward = replace(message, ttl=message.ttl - 1)
    return tuple((target, onward) for target in targets)
