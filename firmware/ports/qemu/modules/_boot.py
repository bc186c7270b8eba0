# SPDX-License-Identifier: MIT OR Apache-2.0
"""First script after a reset: mounts the flash at "/". A blank flash is formatted.

A flash that holds anything else is left alone: it may be a damaged file system with the node's
identity in it, and formatting would destroy what can still be saved.
"""

import qemu
import vfs

_MAGIC = b"littlefs"  # LittleFS SPEC.md, "Superblock": at byte 8 of one of the first two blocks


def _formatted(flash):
    found = bytearray(len(_MAGIC))
    for block in (0, 1):
        flash.readblocks(block, found, 8)
        if found == _MAGIC:
            return True
    return False


def _mount():
    flash = qemu.Flash()
    if not _formatted(flash):
        vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/")


try:
    _mount()
except (OSError, ValueError) as problem:
    print("flash not mounted:", problem)
