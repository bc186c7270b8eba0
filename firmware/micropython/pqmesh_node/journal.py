# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which commands this board has taken, across power cuts. One record, ``commands``.

    command arrives ---> accept(): id and name on flash ---> acknowledged on the wire
                              |
                              v
                         the handler runs (at most once)
                              |
                              v
                         finish(): reply on flash ---> sent until Delivered ---> delivered()

What is promised, whatever moment the power fails:

- a command runs **at most once**, as long as its asker sent fewer than IDS_PER_ASKER others
  after it, and fewer than ASKERS others asked since;
- a command that was acknowledged is answered **exactly once** (the reply may be sent twice,
  with one id, which its receiver drops): with its result, or with ok=False and INTERRUPTED
  when the power failed between accept and finish. Whether the handler had run by then cannot
  be known, so the asker is told that much and decides.

Exactly-once effects would need the effect and the record to change in one step, which no
journal beside a relay or a motor can give.
"""

from pqmesh import cbor
from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.delivery import Inbox
from pqmesh.errors import Malformed
from pqmesh.record import Record
from pqmesh.wire.mesh import ID_BYTES

from .store import RecordDamaged

if TYPE_CHECKING:
    from .store import Store

RECORD = "commands"
INTERRUPTED = "interrupted by a restart"

ASKERS = const(4)  # whose ids are remembered; the one silent longest is forgotten first
IDS_PER_ASKER = const(16)  # the oldest is forgotten first
OPEN_LIMIT = const(16)  # commands accepted and not finished; a further one is not accepted
REPLY_LIMIT = const(4)  # replies not delivered; commands wait their turn until one is
REPLY_BYTES = const(448)  # of one encoded reply, so that everything fits one record

ACCEPTED, SEEN, FULL = "accepted", "seen", "full"


class Command(Record):
    """An accepted command. ``origin`` is the 32-byte PeerId of whoever asked."""

    FIELDS = ("id", "origin", "name")
    id: bytes
    origin: bytes
    name: str


class CommandJournal:
    """The durable half of command handling. Every method writes before it returns."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._inbox = Inbox(ASKERS, IDS_PER_ASKER)
        self._open: "list[Command]" = []
        self._replies: "list[tuple[bytes, bytes]]" = []
        image = store.load(RECORD)
        if image is not None:
            self._parse(image)

    def accept(self, command: Command) -> str:
        """ACCEPTED: new, and on flash. SEEN: had it before. FULL: not taken, nothing changed.

        Raises StoreError when the flash refuses. The command must then not run; in this life
        a repeat of it counts as SEEN.
        """
        if (command.origin, command.id) in list(self._inbox):
            return SEEN
        if len(self._open) >= OPEN_LIMIT:
            return FULL
        self._inbox.accept(command.origin, command.id)
        self._open.append(command)
        try:
            self._save()
        except Exception:
            self._open.pop()
            raise
        return ACCEPTED

    def finish(self, command: Command, reply_id: bytes, reply: bytes) -> None:
        """The command is done; keep its encoded reply until delivered(reply_id).

        Raises ValueError when ``reply`` is over REPLY_BYTES or there is no reply_room().
        """
        if len(reply) > REPLY_BYTES:
            raise ValueError("reply of %d bytes, at most %d" % (len(reply), REPLY_BYTES))
        if not self.reply_room():
            raise ValueError("at most %d replies" % REPLY_LIMIT)
        self._open = [
            entry
            for entry in self._open
            if entry.id != command.id or entry.origin != command.origin
        ]
        self._replies.append((reply_id, reply))
        self._save()

    def reply_room(self) -> bool:
        """Whether a command may be finished now."""
        return len(self._replies) < REPLY_LIMIT

    def delivered(self, reply_id: bytes) -> None:
        """Forget a reply. Written with the next change: sending it again does no harm."""
        self._replies = [entry for entry in self._replies if entry[0] != reply_id]

    def open_commands(self) -> "list[Command]":
        """Accepted and unfinished. After a restart: those the power cut interrupted."""
        return list(self._open)

    def replies(self) -> "list[tuple[bytes, bytes]]":
        """(message id, encoded reply) of what is not known to be delivered, oldest first."""
        return list(self._replies)

    def _save(self) -> None:
        seen: "list[list[bytes]]" = []
        for origin, ident in self._inbox:
            if not seen or seen[-1][0] != origin:
                seen.append([origin, b""])
            seen[-1][1] += ident
        rows = [[entry.id, entry.origin, entry.name] for entry in self._open]
        replies = [[reply_id, reply] for reply_id, reply in self._replies]
        self._store.save(RECORD, cbor.encode({"s": seen, "o": rows, "r": replies}))

    def _parse(self, image: bytes) -> None:
        try:
            values = cbor.decode(image)
            for origin, idents in values["s"]:
                for at in range(0, len(idents), ID_BYTES):
                    self._inbox.accept(origin, idents[at : at + ID_BYTES])
            self._open = [Command(*row) for row in values["o"]]
            self._replies = [(reply_id, reply) for reply_id, reply in values["r"]]
        except (Malformed, KeyError, TypeError, ValueError):
            # The CRC held, so this was written by a firmware with another format.
            raise RecordDamaged("record commands has an unknown format; erase it to go on")
