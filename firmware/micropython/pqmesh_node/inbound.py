# SPDX-License-Identifier: MIT OR Apache-2.0
"""Takes commands in, one at a time, and answers each exactly once (see journal.py)."""

import asyncio

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.errors import UsageError
from pqmesh.wire import mesh

from .commands import NAME_BYTES, After
from .compat import wait_for_ms
from .events import Executed
from .journal import ACCEPTED, FULL, INTERRUPTED, REPLY_BYTES, Command
from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.wire.mesh import MeshMessage

    from .commands import Commands
    from .journal import CommandJournal
    from .mailbox import Mailbox

NOT_PINNED = "no gateway is pinned on this board: set expect"
BUSY = "busy: ask again later"
NO_STORAGE = "the board's storage failed; the command was not carried out"
_AFTER_MS = const(5_000)  # how long an After waits for its reply to be delivered


class CommandDesk:
    """From a COMMAND message to its REPLY.

    :param pinned: whether the neighbour's identity was checked against ``expect``; commands
        of a neighbour that could be anybody are refused
    """

    def __init__(
        self,
        own_id: bytes,
        pinned: bool,
        commands: "Commands",
        journal: "CommandJournal",
        mailbox: "Mailbox",
        entropy: "Callable[[int], bytes]",
        on_event: "Callable[[Any], None]",
    ) -> None:
        self.counts = {
            "run": 0,
            "failed": 0,
            "interrupted": 0,
            "refused": 0,
            "repeated": 0,
            "misdirected": 0,
            "storage_failures": 0,
        }
        self._own_id = own_id
        self.pinned = pinned
        self._commands = commands
        self._journal = journal
        self._mailbox = mailbox
        self._entropy = entropy
        self._on_event = on_event
        self._queue: "list[tuple[Command, dict[str, Any] | None]]" = []  # None: interrupted
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._awaited: "bytes | None" = None
        self._settled = asyncio.Event()

    def recover(self) -> None:
        """After a restart: answer what the power cut interrupted, send again what waits."""
        for ident, reply in self._journal.replies():
            self._mailbox.add_reply(ident, reply)
        for command in self._journal.open_commands():
            self._queue.append((command, None))
            self._work.set()

    def take(self, message: "MeshMessage", peer_id: bytes) -> None:
        """Decide about one COMMAND. On return its acknowledgement may leave."""
        if message.destination is not None and message.destination != self._own_id:
            self.counts["misdirected"] += 1
            return
        origin = peer_id if message.origin is None else message.origin
        name = message.body["c"]
        command = Command(message.id, origin, name)
        if not self.pinned:
            self._refuse(command, NOT_PINNED)
            return
        if len(name.encode()) > NAME_BYTES:
            self._refuse(command, "unknown command")
            return
        try:
            verdict = self._journal.accept(command)
        except StoreError:
            self._refuse(command, NO_STORAGE)
            return
        if verdict == ACCEPTED:
            self._queue.append((command, message.body["a"]))
            self._work.set()
        elif verdict == FULL:
            self._refuse(command, BUSY)
        else:
            self.counts["repeated"] += 1

    def delivered(self, ident: bytes) -> None:
        """A message of ours arrived; if it was a reply, it need not be kept."""
        self._journal.delivered(ident)
        self._room.set()
        if ident == self._awaited:
            self._settled.set()

    async def run(self) -> None:
        """Carry out what was taken, in order, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._queue:
                while not self._journal.reply_room():
                    self._room.clear()
                    await self._room.wait()
                await self._carry_out(*self._queue.pop(0))

    async def _carry_out(self, command: Command, args: "dict[str, Any] | None") -> None:
        if args is None:
            self.counts["interrupted"] += 1
            self._finish(command, False, INTERRUPTED)
            return
        ok, value = await self._commands.run(command.name, args)
        self.counts["run" if ok else "failed"] += 1
        if not isinstance(value, After):
            self._finish(command, ok, value)
            return
        ident = self._finish(command, ok, value.value)
        await self._until_delivered(ident)
        value.action()

    def _finish(self, command: Command, ok: bool, value: "Any") -> bytes:
        ident = self._entropy(mesh.ID_BYTES)
        try:
            reply = _encode(ident, command, ok, value)
        except UsageError:
            ok, value = False, "the reply of %s does not fit a message" % command.name
            reply = _encode(ident, command, ok, value)
        try:
            self._journal.finish(command, ident, reply)
        except StoreError:
            # The answer still goes out from RAM. Should the power fail before it is delivered,
            # the asker will be told INTERRUPTED instead: the record says no more than that.
            self.counts["storage_failures"] += 1
        self._mailbox.add_reply(ident, reply)
        self._on_event(Executed(command.id, command.origin, command.name, ok, value))
        return ident

    def _refuse(self, command: Command, reason: str) -> None:
        """Answer without taking the command: nothing is remembered, it may be sent again."""
        self.counts["refused"] += 1
        ident = self._entropy(mesh.ID_BYTES)
        self._mailbox.add_refusal(ident, _encode(ident, command, False, reason))
        self._on_event(Executed(command.id, command.origin, command.name, False, reason))

    async def _until_delivered(self, ident: bytes) -> None:
        self._awaited = ident
        self._settled.clear()
        try:
            await wait_for_ms(self._settled.wait(), _AFTER_MS)
        except asyncio.TimeoutError:
            pass  # the reply is on flash: it is sent after the restart
        self._awaited = None


def _encode(ident: bytes, command: Command, ok: bool, value: "Any") -> bytes:
    """The REPLY's octets. Raises UsageError when it is not CBOR or too long for the journal."""
    reply = mesh.reply(ident, command.id, ok, value, command.origin).encode()
    if len(reply) > REPLY_BYTES:
        raise UsageError("reply of %d bytes" % len(reply))
    return reply
