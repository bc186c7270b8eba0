# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the vault's two images lie: in blocks of a flash chip, or in files where there is none.

Only blocks that no file system manages are really erased on demand: LittleFS writes every change
elsewhere and erases the old place when it needs it, perhaps never. A board image therefore sets
two blocks aside at the end of its flash (``pqmesh_flash.vault()``, frozen by the port); a board
that cannot keeps files, and docs/threat-model.md says what that costs.
"""

from pqmesh.compat import TYPE_CHECKING, const

if TYPE_CHECKING:
    from typing import Any

    from .store import Directory

FILE_SLOT_BYTES = const(4096)
_IOCTL_SIZE = const(5)  # operations of MicroPython's vfs.AbstractBlockDev.ioctl
_IOCTL_ERASE = const(6)
_PROGRAM_BYTES = const(256)  # what NOR flash programs at once; smaller units take it as well
_ERASED = b"\xff"


class BlockSlots:
    """Two erase blocks of a block device, whose erased octets are 0xFF.

    :param device: MicroPython's extended block device (with offsets)
    :param first: the number of the first of the two blocks
    """

    def __init__(self, device: "Any", first: int) -> None:
        self.size: int = device.ioctl(_IOCTL_SIZE, 0)
        self._device = device
        self._first = first

    def read(self, slot: int, size: int) -> bytes:
        found = bytearray(min(size, self.size))
        self._device.readblocks(self._first + slot, found, 0)
        return bytes(found)

    def blank(self, slot: int) -> bool:
        chunk = bytearray(_PROGRAM_BYTES)
        erased = _ERASED * _PROGRAM_BYTES
        for offset in range(0, self.size, _PROGRAM_BYTES):
            self._device.readblocks(self._first + slot, chunk, offset)
            if chunk != erased:
                return False
        return True

    def program(self, slot: int, image: bytes) -> None:
        padding = -len(image) % _PROGRAM_BYTES
        self._device.writeblocks(self._first + slot, image + _ERASED * padding, 0)

    def erase(self, slot: int) -> None:
        self._device.ioctl(_IOCTL_ERASE, self._first + slot)


class FileSlots:
    """The files ``vault.0`` and ``vault.1`` of a directory; an empty or missing one is blank."""

    size = FILE_SLOT_BYTES

    def __init__(self, directory: "Directory") -> None:
        self._directory = directory

    def read(self, slot: int, size: int) -> bytes:
        return (self._directory.read(_file(slot)) or b"")[:size]

    def blank(self, slot: int) -> bool:
        return not self._directory.read(_file(slot))

    def program(self, slot: int, image: bytes) -> None:
        self._directory.write(_file(slot), image)

    def erase(self, slot: int) -> None:
        self._directory.wipe(_file(slot))


def _file(slot: int) -> str:
    return "vault.%d" % slot
