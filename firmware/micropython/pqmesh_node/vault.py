# SPDX-License-Identifier: MIT OR Apache-2.0
"""Secrets that must survive a power cut, and must be gone once they are replaced.

The records of store.py keep the value before last in their other slot: for settings that is a
gain, for a resumption secret it would undo the ratchet. So secrets live here, all in one image:

    program the blank slot --> read back, compare --> erase the other slot

A cut before the program ends leaves the old value, a cut after it the new one, and whatever a
cut left half done is erased at the next start. One image holds every name, because a raw flash
erases 4 KiB at a time: two blocks are reserved (slots.BlockSlots), not two for each secret.

What is kept here: tickets (tickets.py). What is not: the identity's seed, which is never replaced.
"""

from pqmesh import cbor
from pqmesh.errors import Malformed

from .compat import TYPE_CHECKING
from .store import HEADER_BYTES, MASK, StoreError, later, pack, unpack

if TYPE_CHECKING:
    from typing import Any, Protocol

    class Slots(Protocol):
        """Two places for one image each; numbered 0 and 1."""

        @property
        def size(self) -> int:
            """Octets a slot holds."""

        def read(self, slot: int, size: int) -> bytes:
            """The first ``size`` octets; fewer when there are no more. Raises OSError."""

        def blank(self, slot: int) -> bool:
            """Whether nothing was programmed into the slot since it was erased."""

        def program(self, slot: int, image: bytes) -> None:
            """Fill a blank slot; it is on the medium on return. Raises OSError."""

        def erase(self, slot: int) -> None:
            """Make the slot blank, and its octets unreadable. Raises OSError."""


NAME = "vault"


class Vault:
    """Octet strings by name. Reads come from RAM, every change is durable when it returns.

    ``damaged``: what was kept is lost, for no slot is whole though both were written. No power
    cut does that. The vault is then empty and usable: whoever finds a secret missing makes a new
    one, as by a full handshake.
    """

    def __init__(self, slots: "Slots") -> None:
        self.damaged = False
        self._slots = slots
        self._values: "dict[str, bytes]" = {}
        self._current: "int | None" = None
        self._sequence = 0
        try:
            self._recover()
        except OSError as error:
            raise StoreError("the vault cannot be read (%r)" % error)

    def load(self, name: str) -> "bytes | None":
        """The value of ``name``, None when there is none."""
        return self._values.get(name)

    def names(self) -> "list[str]":
        """What is kept, in no order."""
        return list(self._values)

    def save(self, name: str, value: bytes) -> None:
        """Replace one value. After a cut at any point there is the old or the new one.

        Raises StoreError when the medium fails or everything together is too large for a slot;
        the old value is then still there, unless the error says that erasing it failed.
        """
        self.change({name: value})

    def forget(self, name: str) -> None:
        """Drop one value; harmless without one. Raises StoreError as ``save``."""
        if name in self._values:
            self.change({name: None})

    def change(self, changes: "dict[str, bytes | None]") -> None:
        """Replace, or drop (None), several values in one step. Raises StoreError as ``save``."""
        values = dict(self._values)
        for name, value in changes.items():
            if value is not None:
                values[name] = bytes(value)
            else:
                values.pop(name, None)
        sequence = (self._sequence + 1) & MASK
        image = pack(NAME, sequence, cbor.encode(values))
        if len(image) > self._slots.size:
            raise StoreError(
                "the vault is full: %d octets in %d; forget a peer"
                % (len(image), self._slots.size)
            )
        old = self._current
        new = 0 if old is None else 1 - old
        try:
            self._program(new, image)
        except OSError as error:
            raise StoreError("the vault: the medium failed (%r)" % error)
        self._values, self._current, self._sequence = values, new, sequence
        try:
            self._slots.erase(1 - new)
        except OSError as error:
            raise StoreError("the vault: stored, but the old value was not erased (%r)" % error)

    def _program(self, slot: int, image: bytes) -> None:
        if not self._slots.blank(slot):
            self._slots.erase(slot)
        self._slots.program(slot, image)
        if self._slots.read(slot, len(image)) != image:
            self._slots.erase(slot)
            raise StoreError("the vault: read back differs from what was written")

    def _recover(self) -> None:
        """Take the newest whole image; erase everything else, which a cut may have left."""
        used = [slot for slot in (0, 1) if not self._slots.blank(slot)]
        found = [(slot, self._image(slot)) for slot in used]
        for slot, parsed in found:
            if parsed is not None and (self._current is None or later(parsed[0], self._sequence)):
                self._current = slot
                self._sequence, self._values = parsed
        self.damaged = len(used) == 2 and self._current is None
        for slot in used:
            if slot != self._current:
                self._slots.erase(slot)

    def _image(self, slot: int) -> "tuple[int, dict[str, Any]] | None":
        """(sequence, values) of a slot, None when it is torn."""
        head = self._slots.read(slot, HEADER_BYTES)
        size = HEADER_BYTES + int.from_bytes(head[8:12], "big")
        if len(head) < HEADER_BYTES or size > self._slots.size:
            return None
        parsed = unpack(NAME, self._slots.read(slot, size))
        if parsed is None:
            return None
        try:
            values = cbor.decode(parsed[1])
        except Malformed:
            return None
        return (parsed[0], values) if isinstance(values, dict) else None
