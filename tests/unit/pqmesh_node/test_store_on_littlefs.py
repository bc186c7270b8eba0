# SPDX-License-Identifier: MIT OR Apache-2.0
"""The same promise on a real LittleFS whose flash loses power inside any erase or program.

The flash operations of one save are recorded, then replayed onto the flash as it was before,
stopping in the middle of every one of them. What is left is mounted and read.
"""

from collections.abc import Iterator

import pytest

from pqmesh_node.store import Store

littlefs = pytest.importorskip("littlefs", reason="pip install littlefs-python")

BLOCK_BYTES, BLOCKS = 512, 16


class Flash(littlefs.UserContext):
    """NOR flash: an erase sets every bit of a block, a program only clears bits."""

    def __init__(self, image: bytes | None = None) -> None:
        super().__init__(BLOCK_BYTES * BLOCKS)
        if image is not None:
            self.buffer[:] = image
        self.log: list[tuple[str, int, bytes]] = []

    def apply(self, kind: str, at: int, data: bytes) -> None:
        if kind == "prog":
            before = self.buffer[at : at + len(data)]
            data = bytes(a & b for a, b in zip(before, data, strict=True))
        self.buffer[at : at + len(data)] = data

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        self.log.append(("prog", block * BLOCK_BYTES + off, bytes(data)))
        self.apply(*self.log[-1])
        return 0

    def erase(self, cfg: object, block: int) -> int:
        self.log.append(("erase", block * BLOCK_BYTES, b"\xff" * BLOCK_BYTES))
        self.apply(*self.log[-1])
        return 0


class LittleFsFiles:
    """What Directory is on a board, over littlefs-python."""

    def __init__(self, flash: Flash, format_first: bool = False) -> None:
        self._fs = littlefs.LittleFS(
            context=flash, block_size=BLOCK_BYTES, block_count=BLOCKS, mount=False
        )
        if format_first:
            self._fs.format()
        self._fs.mount()

    def read(self, name: str) -> bytes | None:
        try:
            with self._fs.open(name, "rb") as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        with self._fs.open(name, "wb") as file:
            file.write(data)
            file.flush()


def cuts(flash: Flash, image: bytes) -> Iterator[Flash]:
    """The flash after each way of losing power while ``flash.log`` was carried out."""
    for stopped, (kind, at, data) in enumerate(flash.log):
        for done in (0, 1, len(data) // 2, len(data) - 1):
            left = Flash(image)
            for operation in flash.log[:stopped]:
                left.apply(*operation)
            left.apply(kind, at, data[:done])
            yield left


@pytest.mark.parametrize("size", [24, 700], ids=["one-block", "two-blocks"])
@pytest.mark.parametrize("saves", [1, 2, 3, 7])
def test_power_lost_in_any_flash_operation_leaves_old_or_new(saves: int, size: int):
    flash = Flash()
    store = Store(LittleFsFiles(flash, format_first=True))
    for number in range(saves):
        store.save("r", b"%d" % number * size)
    old, new = store.load("r"), b"n" * size
    image = bytes(flash.buffer)
    flash.log.clear()
    store.save("r", new)

    found = []
    for left in cuts(flash, image):
        after = Store(LittleFsFiles(left))
        found.append(after.load("r"))
        after.save("r", b"life goes on")
        assert after.load("r") == b"life goes on"
    assert len(flash.log) >= 2
    assert set(found) <= {old, new}
    assert old in found
