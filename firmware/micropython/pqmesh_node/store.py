# SPDX-License-Identifier: MIT OR Apache-2.0
"""Durable records that survive a power cut at any octet of a write.

Each record has two slots, the files ``<name>.0`` and ``<name>.1``. A write goes to the slot
that does not hold the current value, so the current value is never touched:

    0   4  magic     "PQR1"
    4   4  sequence  one more than the current value's, modulo 2**32 (RFC 1982 order)
    8   4  length    octets of payload
    12  4  crc       CRC-32 (IEEE 802.3) of name, magic, sequence, length and payload
    16  n  payload

All integers are big-endian. A reader takes the valid slot with the later sequence. A cut
write leaves a slot whose CRC fails (or no file at all), and the reader takes the other one.
Why two slots although LittleFS is copy-on-write: docs/decisions/0010-two-slot-records.md.
"""

import binascii
import os

from .compat import TYPE_CHECKING, make_durable

if TYPE_CHECKING:
    from typing import Any, Protocol

    class Files(Protocol):
        def read(self, name: str) -> "bytes | None": ...
        def write(self, name: str, data: bytes) -> None: ...
        def remove(self, name: str) -> None: ...
        def names(self) -> "list[str]": ...


MAX_RECORD_BYTES = 4096  # payload; a record is held in RAM while it is written and checked

_MAGIC = b"PQR1"
HEADER_BYTES = 16
_HALF = 0x80000000
MASK = 0xFFFFFFFF
_ENOENT = 2


class StoreError(Exception):
    """The medium refused a write, or gave back something else than was written."""


class RecordDamaged(StoreError):
    """Both slots of a record exist and neither is valid: not a power cut, worn-out flash."""


class Directory:
    """Files in one directory of any filesystem (LittleFS, FAT, the host's)."""

    def __init__(self, path: str) -> None:
        self._path = path.rstrip("/")
        _make_directory(self._path)

    def read(self, name: str) -> "bytes | None":
        """The file's octets, at most one record's worth; None when there is no such file."""
        path = self._path + "/" + name
        try:
            size = os.stat(path)[6]
        except OSError as error:
            if error.args[0] == _ENOENT:
                return None
            raise
        # read(n) allocates n octets at once on a board: ask for no more than there are.
        with open(path, "rb") as file:
            return file.read(min(size, HEADER_BYTES + MAX_RECORD_BYTES))

    def write(self, name: str, data: bytes) -> None:
        """Replace the file's octets; they are on the medium when this returns."""
        with open(self._path + "/" + name, "wb") as file:
            file.write(data)
            make_durable(file)

    def remove(self, name: str) -> None:
        """Delete the file; harmless when it is missing."""
        try:
            os.remove(self._path + "/" + name)
        except OSError as error:
            if error.args[0] != _ENOENT:
                raise

    def names(self) -> "list[str]":
        """The files' names, in no order."""
        return os.listdir(self._path or "/")

    def wipe(self, name: str) -> None:
        """Write over the file's octets in place, then empty it. Harmless when it is missing.

        A file system that copies on write (LittleFS) or a flash that levels its wear keeps the
        old octets all the same, until it needs the space: see slots.BlockSlots.
        """
        path = self._path + "/" + name
        try:
            size = os.stat(path)[6]
        except OSError as error:
            if error.args[0] == _ENOENT:
                return
            raise
        with open(path, "r+b") as file:
            file.write(bytes(size))
            make_durable(file)
        self.write(name, b"")


class Store:
    """Named records over a Directory (or anything with its two methods)."""

    def __init__(self, files: "Files") -> None:
        self.files: "Any" = files

    def load(self, name: str) -> "bytes | None":
        """The newest whole value of the record, or None when it was never written.

        One torn slot alone counts as never written: it is what a power cut during the very
        first write leaves. Raises RecordDamaged when both slots exist and neither is valid.
        """
        newest = self._newest(name)
        if newest is None:
            return None
        # Read again: a board has no room for both slots and what is made of them at once.
        parsed = unpack(name, self.files.read(_file_of(name, newest[0])) or b"")
        if parsed is None:
            raise RecordDamaged("record %s: its copy cannot be read twice" % name)
        return parsed[1]

    def save(self, name: str, payload: bytes) -> None:
        """Replace the record's value. After a cut at any point, load() gives old or new.

        Raises ValueError when the payload is over MAX_RECORD_BYTES, StoreError when the
        medium fails; the old value is then still there.
        """
        if len(payload) > MAX_RECORD_BYTES:
            raise ValueError(
                "record %s: %d bytes is over %d" % (name, len(payload), MAX_RECORD_BYTES)
            )
        newest = self._newest(name)
        slot, sequence = (0, 0) if newest is None else (1 - newest[0], (newest[1] + 1) & MASK)
        file_name, head = _file_of(name, slot), _head(name, sequence, payload)
        try:
            self.files.write(file_name, head + payload)  # not kept: it is as long as the payload
            back = self.files.read(file_name) or b""
        except OSError as error:
            raise StoreError("record %s: the medium failed (%r); free some space" % (name, error))
        if back[:HEADER_BYTES] != head or memoryview(back)[HEADER_BYTES:] != payload:
            raise StoreError("record %s: read back differs from what was written" % name)

    def save_both(self, name: str, payload: bytes) -> None:
        """Write the value into both slots, so that one worn-out slot loses nothing."""
        self.save(name, payload)
        self.save(name, payload)

    def erase(self, name: str) -> None:
        """Delete the record; harmless without one. Not for secrets: the medium may keep them.

        Raises StoreError when the medium fails.
        """
        try:
            for slot in (0, 1):
                self.files.remove(_file_of(name, slot))
        except OSError as error:
            raise StoreError("record %s: cannot be deleted (%r)" % (name, error))

    def names(self, prefix: str) -> "list[str]":
        """The records, damaged ones included, whose name begins with ``prefix``, sorted."""
        found = [name[:-2] for name in self.files.names() if name[-2:] in (".0", ".1")]
        return sorted({name for name in found if name.startswith(prefix)})

    def slots(self, name: str) -> int:
        """How many of the two slots hold a valid value: 0, 1 or 2."""
        return len(self._valid(name)[0])

    def _newest(self, name: str) -> "tuple[int, int] | None":
        valid, present = self._valid(name)
        if not valid:
            if present == 2:
                raise RecordDamaged(
                    "record %s: both copies are damaged; erase it to start anew" % name
                )
            return None
        if len(valid) == 2 and later(valid[1][1], valid[0][1]):
            return valid[1]
        return valid[0]

    def _valid(self, name: str) -> "tuple[list[tuple[int, int]], int]":
        """The valid slots as (slot, sequence), and how many slots have a file."""
        found: "list[tuple[int, int]]" = []
        present = 0
        for slot in (0, 1):
            image = self.files.read(_file_of(name, slot))
            if image is None:
                continue
            present += 1
            sequence = _sequence_of(name, image)
            if sequence is not None:
                found.append((slot, sequence))
        return found, present


def later(a: int, b: int) -> bool:
    """RFC 1982 section 3.2 serial number order."""
    return a != b and (a - b) & MASK < _HALF


def _checksum(name: str, head: bytes, payload: "bytes | memoryview") -> int:
    # The name is covered so that a file copied or renamed to another record is refused.
    return binascii.crc32(payload, binascii.crc32(head, binascii.crc32(name.encode()))) & MASK


def pack(name: str, sequence: int, payload: bytes) -> bytes:
    """The octets of one slot."""
    return _head(name, sequence, payload) + payload


def _head(name: str, sequence: int, payload: bytes) -> bytes:
    head = _MAGIC + sequence.to_bytes(4, "big") + len(payload).to_bytes(4, "big")
    return head + _checksum(name, head, payload).to_bytes(4, "big")


def unpack(name: str, image: bytes) -> "tuple[int, bytes] | None":
    """(sequence, payload) of a whole slot, None for a torn or foreign one."""
    sequence = _sequence_of(name, image)
    return None if sequence is None else (sequence, image[HEADER_BYTES:])


def _sequence_of(name: str, image: bytes) -> "int | None":
    view = memoryview(image)
    if len(view) < HEADER_BYTES or bytes(view[:4]) != _MAGIC:
        return None
    length = int.from_bytes(view[8:12], "big")
    if length != len(view) - HEADER_BYTES:
        return None
    payload = view[HEADER_BYTES:]
    if _checksum(name, bytes(view[:12]), payload) != int.from_bytes(view[12:16], "big"):
        return None
    return int.from_bytes(view[4:8], "big")


def _file_of(name: str, slot: int) -> str:
    return "%s.%d" % (name, slot)


def _make_directory(path: str) -> None:
    try:
        os.stat(path or "/")
    except OSError as error:
        if error.args[0] != _ENOENT:
            raise
        os.mkdir(path)
