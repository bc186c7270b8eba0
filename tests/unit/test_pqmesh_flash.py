# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a board's flash is shared: what is blank is formatted, what is not is never destroyed."""

import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import pqmesh_flash
from support.nor_flash import BLOCK_BYTES, NorFlash

BLOCKS = 8


class FakeLfs2:
    """Notes what is done to it; mounts a device only if it is as long as its superblock says."""

    log: ClassVar[list[tuple[str, int]]] = []

    def __init__(self, device: Any, **options: Any) -> None:
        self.device = device
        size = bytearray(1)
        device.readblocks(0, size, 16)
        if size[0] != device.ioctl(4, 0):
            raise OSError(22)
        self.log.append(("open", device.ioctl(4, 0)))

    @classmethod
    def mkfs(cls, device: Any, **options: Any) -> None:
        cls.log.append(("mkfs", device.ioctl(4, 0)))
        device.writeblocks(0, b"....\0\0\0\0littlefs" + bytes([device.ioctl(4, 0)]), 0)


@pytest.fixture(autouse=True)
def vfs(monkeypatch: pytest.MonkeyPatch) -> Any:
    mounts: list[tuple[Any, str]] = []
    fake = SimpleNamespace(VfsLfs2=FakeLfs2, mount=lambda *args: mounts.append(args), at=mounts)
    monkeypatch.setitem(sys.modules, "vfs", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(pqmesh_flash, "_vault", None)
    FakeLfs2.log = []
    return fake


def part_of(flash: NorFlash) -> Any:
    class Part:
        readblocks, writeblocks = flash.readblocks, flash.writeblocks

        def __init__(self, count: int) -> None:
            self.count = count

        def ioctl(self, operation: int, argument: int) -> int:
            return self.count if operation == 4 else flash.ioctl(operation, argument)

    return Part


def test_a_blank_flash_is_formatted_but_for_the_vaults_blocks(vfs):
    flash = NorFlash(BLOCKS)
    pqmesh_flash.mount(flash, part_of(flash), progsize=256)
    assert FakeLfs2.log == [("mkfs", BLOCKS - 2), ("open", BLOCKS - 2)]
    assert pqmesh_flash.vault() == (flash, BLOCKS - 2)
    assert [where for _, where in vfs.at] == ["/"]


def test_one_that_was_formatted_so_before_is_only_mounted():
    flash = NorFlash(BLOCKS)
    pqmesh_flash.mount(flash, part_of(flash))
    FakeLfs2.log = []
    pqmesh_flash.mount(flash, part_of(flash))
    assert FakeLfs2.log == [("open", BLOCKS - 2)]


def test_one_that_was_formatted_whole_is_mounted_whole_and_gives_no_vault():
    flash = NorFlash(BLOCKS)
    FakeLfs2.mkfs(flash)
    FakeLfs2.log = []
    pqmesh_flash.mount(flash, part_of(flash))
    assert FakeLfs2.log == [("open", BLOCKS)]
    assert pqmesh_flash.vault() is None


@pytest.mark.parametrize("block", [0, 1])
def test_a_damaged_file_system_is_neither_formatted_nor_mounted(vfs, block):
    flash = NorFlash(BLOCKS)
    flash.octets[block * BLOCK_BYTES + 8 : block * BLOCK_BYTES + 16] = b"littlefs"
    before = bytes(flash.octets)
    with pytest.raises(OSError, match="22"):
        pqmesh_flash.mount(flash, part_of(flash))
    assert bytes(flash.octets) == before
    assert vfs.at == []
    assert pqmesh_flash.vault() is None
