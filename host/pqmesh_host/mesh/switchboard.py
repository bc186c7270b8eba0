# SPDX-License-Identifier: MIT OR Apache-2.0
"""Takes messages from neighbours and hands them on: the one place links and QUIC meet.

``take`` is synchronous and durable: when it returns, the message's id is remembered and every
copy it causes is in a mailbox, in one transaction of the store. Only then may the neighbour's
acknowledgement leave (driver.py). A message is therefore taken once, and never lost, whichever
cable is pulled or process killed in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Protocol

from pqmesh.delivery import Inbox
from pqmesh.errors import ProtocolError
from pqmesh.record import replace
from pqmesh.wire.mesh import COMMAND, ID_BYTES, READING, MeshMessage, command, reply

from ..driver import now_ms
from ..events import Event, EventBus
from ..store import Store
from .calls import CallResult, Calls
from .conversations import Conversations, Talker, is_for_program
from .mailbox import Handed, Mailbox
from .router import Decision, Router, Unreachable

INBOX_ORIGINS = 256
INBOX_IDS = 1024
"""Ids remembered per origin: more than any mailbox can send again."""

MAILBOX_MESSAGES = 1024
"""Messages that wait for one neighbour; a further one is refused and reported."""

COMMAND_KEEP_MS = 60_000
"""How long a command that was taken for an open session outlives it; then it is given up."""

Draw = Callable[[int], bytes]


class Neighbour(Talker, Protocol):
    """An open, authenticated session: a board on a link, or a QUIC peer."""

    @property
    def over(self) -> str:
        """The link's name, or ``quic host:port``."""

    @property
    def opened_ms(self) -> int:
        """When the session opened, on the event loop's clock."""

    def wake(self) -> None:
        """Its mailbox has something to send. Must not wait."""


class Switchboard:
    """
    :param own: our PeerId
    :param named: QUIC peers whose messages are kept while they are away
    :param commanders: neighbours whose commands are obeyed; None obeys everyone
    :param draw: ``draw(n)`` returns n random bytes
    """

    def __init__(
        self,
        own: bytes,
        store: Store,
        bus: EventBus,
        draw: Draw,
        *,
        named: Collection[bytes] = (),
        commanders: Collection[bytes] | None = (),
    ) -> None:
        self.own = own
        self.duplicates = 0
        """Messages taken before and therefore dropped."""

        self.programs = Conversations(own)
        self.router = Router(own, self, self._may_command, lambda: draw(ID_BYTES))
        self._store = store
        self._bus = bus
        self._draw = draw
        self._named = frozenset(named)
        self._commanders = commanders
        self._calls = Calls()
        self._started_ms = now_ms()
        self._neighbours: dict[bytes, Neighbour] = {}
        self._mailboxes: dict[bytes, Mailbox] = {}
        self._inbox = Inbox(INBOX_ORIGINS, INBOX_IDS)
        for origin, ident in store.seen():
            self._inbox.accept(origin, ident)
        for target in {*self._named, *store.targets()}:
            self._mailboxes[target] = Mailbox(target, MAILBOX_MESSAGES, store)

    # Who is there

    def attach(self, neighbour: Neighbour) -> Mailbox:
        """A session is open: send it what its mailbox holds. A newer session takes over."""
        hop = neighbour.hop
        self._neighbours[hop.peer_id] = neighbour
        if hop.peer_id not in self._mailboxes:
            durable = hop.on_link or hop.peer_id in self._named
            store = self._store if durable else None
            self._mailboxes[hop.peer_id] = Mailbox(hop.peer_id, MAILBOX_MESSAGES, store)
        self._store.note_peer(hop.peer_id, neighbour.over if hop.on_link else "quic")
        box = self._mailboxes[hop.peer_id]
        for ident in box.drop_expired():
            text = f"a command for it waited longer than {COMMAND_KEEP_MS // 1000} s"
            details = {"id": ident.hex()}
            self._bus.publish(Event(kind="dropped", peer=hop.peer_id, text=text, details=details))
        return box

    def detach(self, neighbour: Neighbour) -> None:
        """A session has ended; ignored when a newer one has taken over."""
        peer_id = neighbour.hop.peer_id
        if self._neighbours.get(peer_id) is not neighbour:
            return
        del self._neighbours[peer_id]
        if peer_id not in self._named and not neighbour.hop.on_link:
            del self._mailboxes[peer_id]  # a stranger gets what comes while it is here

    def neighbours(self) -> list[Neighbour]:
        return list(self._neighbours.values())

    def waiting(self) -> dict[bytes, int]:
        """How many messages each mailbox holds; empty ones are left out."""
        return {target: len(box) for target, box in self._mailboxes.items() if len(box)}

    def boards(self) -> Collection[bytes]:
        return {peer for peer, one in self._neighbours.items() if one.hop.on_link}

    def peers(self) -> Collection[bytes]:
        return {peer for peer, one in self._neighbours.items() if not one.hop.on_link}

    def absent(self) -> Collection[bytes]:
        return self._named.difference(self._neighbours)

    def wake(self, target: bytes) -> None:
        """Tell the session with ``target``, if any, that its mailbox has something to send."""
        neighbour = self._neighbours.get(target)
        if neighbour is not None:
            neighbour.wake()

    # What comes in

    def take(self, payload: bytes, neighbour: Neighbour, wire_bytes: int) -> None:
        """Take one message from ``neighbour``; if it is of the mesh, durable when it returns.

        :raises ProtocolError: it is no mesh message, nor a program's; nothing happened
        :raises StoreError: it could not be stored; it must not be acknowledged
        """
        if is_for_program(payload):
            objection = self.programs.heard(neighbour, payload)
            if objection:
                self._report_drop(objection, neighbour, wire_bytes)
            return
        message = MeshMessage.decode(payload)
        hop = neighbour.hop
        origin = message.origin or hop.peer_id
        with self._store.transaction():
            decision = self.router.decide(message, hop)
            if not decision.deliver and not decision.forwards:
                self._report_drop(decision.dropped, neighbour, wire_bytes)
                return
            if not self._inbox.accept(origin, message.id):
                self.duplicates += 1
                return
            self._store.remember_seen(origin, message.id, INBOX_IDS)
            self._keep(decision.forwards)
            if decision.deliver and message.kind == COMMAND:
                self._keep(((hop.peer_id, self._obey(message, origin)),))
        self._report(message, origin, decision, neighbour, wire_bytes)
        for target, _ in decision.forwards:
            self.wake(target)
        self.wake(hop.peer_id)

    def handed_over(self, neighbour: Neighbour, handed: Handed, wire_bytes: int) -> None:
        """Report that ``neighbour`` has acknowledged a message from its mailbox."""
        self._bus.publish(
            Event(
                kind="forwarded",
                peer=neighbour.hop.peer_id,
                over=neighbour.over,
                wire_bytes=wire_bytes,
                ms=handed.waited_ms,
                details={"id": handed.ident.hex(), "kind": _kind_of(handed.payload)},
            )
        )

    # What our operator sends

    async def call(
        self, destination: bytes, name: str, arguments: dict[str, Any], timeout_s: float
    ) -> CallResult:
        """Send a command and wait for its reply. Cancelling stops the wait, not the command.

        :raises Unreachable: nobody is there to carry it; nothing was sent
        :raises OverflowError: too many commands are waiting
        :raises TimeoutError: no reply in time; the command may still be carried out
        :raises pqmesh.errors.UsageError: the arguments do not fit a message
        """
        if destination == self.own:
            raise Unreachable("that is this node itself")
        message = command(self._draw(ID_BYTES), name, arguments, destination)
        message = replace(message, origin=self.own)
        targets = self.router.first_hops(destination)
        payload = message.encode()
        answer = self._calls.start(message.id, destination, targets)
        try:
            for target in targets:
                self._mailboxes[target].keep(message.id, payload, now_ms(), COMMAND_KEEP_MS)
                self.wake(target)
            details = {"command": name, "args": arguments, "id": message.id.hex()}
            self._bus.publish(
                Event(kind="command", peer=self.own, details={**details, "to": destination.hex()})
            )
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            answer.cancel()

    def _may_command(self, neighbour: bytes) -> bool:
        return self._commanders is None or neighbour in self._commanders

    def _keep(self, forwards: tuple[tuple[bytes, MeshMessage], ...]) -> None:
        for target, message in forwards:
            box = self._mailboxes.get(target)
            keep_ms = COMMAND_KEEP_MS if message.kind == COMMAND else None
            if box is None or not box.keep(message.id, message.encode(), now_ms(), keep_ms):
                text = "it is gone" if box is None else "its mailbox is full"
                self._bus.publish(
                    Event(kind="dropped", peer=target, text=f"message for it: {text}")
                )

    def _obey(self, message: MeshMessage, origin: bytes) -> MeshMessage:
        """Carry out a command for this node itself, and write the reply."""
        name = message.body["c"]
        ok, result = (
            (True, now_ms() - self._started_ms)
            if name == "ping"
            else (False, f"unknown command {name}")
        )
        return reply(self._draw(ID_BYTES), message.id, ok, result, origin)

    def _report(
        self,
        message: MeshMessage,
        origin: bytes,
        decision: Decision,
        neighbour: Neighbour,
        wire_bytes: int,
    ) -> None:
        if decision.dropped:
            self._report_drop(decision.dropped, neighbour, wire_bytes)
            return
        details: dict[str, Any] = {"id": message.id.hex(), "via": neighbour.hop.peer_id.hex()}
        if message.destination is not None:
            details["to"] = message.destination.hex()
        body = message.body
        if message.kind == READING:
            kind = "reading"
            details |= {"name": body["n"], "value": body["v"], "unit": body["u"], "t": body["t"]}
        elif message.kind == COMMAND:
            kind = "command"
            details |= {"command": body["c"], "args": body["a"]}
        else:
            kind = "reply"
            details |= {"re": body["re"].hex(), "ok": body["ok"], "result": body["r"]}
        self._bus.publish(
            Event(
                kind=kind, peer=origin, over=neighbour.over, wire_bytes=wire_bytes, details=details
            )
        )
        if message.kind not in (READING, COMMAND) and decision.deliver:
            self._calls.answer(body["re"], origin, neighbour.hop, body["ok"], body["r"])

    def _report_drop(self, why: str, neighbour: Neighbour, wire_bytes: int) -> None:
        self._bus.publish(
            Event(
                kind="dropped",
                peer=neighbour.hop.peer_id,
                over=neighbour.over,
                wire_bytes=wire_bytes,
                text=why,
            )
        )


def _kind_of(payload: bytes) -> str:
    """The word for the kind of an encoded message."""
    try:
        kind = MeshMessage.decode(payload).kind
    except ProtocolError:  # written by a later version and kept in the store
        return "unknown"
    return {READING: "reading", COMMAND: "command"}.get(kind, "reply")
