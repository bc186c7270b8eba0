# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shares a board's flash between the file system and the vault. Called by a port's ``_boot.py``.

    0 .. n-3    LittleFS, mounted at "/"
    n-2, n-1    the vault's two blocks, which no file system moves or keeps (pqmesh_node.vault)

A flash that was formatted whole, by another firmware, is mounted as it is; the vault then has no
blocks of its own and keeps files. A flash that holds neither a blank start nor LittleFS is left
alone: the node's identity may still be saved from it.
"""

VAULT_BLOCKS = 2
_MAGIC = b"littlefs"  # LittleFS SPEC.md, "Superblock": at byte 8 of one of the first two blocks
_COUNT = 4  # of MicroPython's vfs.AbstractBlockDev.ioctl

_vault = None


def mount(flash, part, **options):
    """Mount the file system at "/"; a flash without one is formatted.

    :param flash: the block device of the whole flash
    :param part: ``part(count)`` gives the device of its first ``count`` blocks
    :param options: for vfs.VfsLfs2, say ``progsize``
    Raises OSError when what is there cannot be mounted.
    """
    global _vault
    import vfs

    count = flash.ioctl(_COUNT, 0) - VAULT_BLOCKS
    device = part(count)
    if not _formatted(flash):
        vfs.VfsLfs2.mkfs(device, **options)
    try:
        mounted = vfs.VfsLfs2(device, **options)
        _vault = (flash, count)
    except OSError:
        mounted = vfs.VfsLfs2(flash, **options)
    vfs.mount(mounted, "/")


def vault():
    """(device, number of the first block) of the vault's two blocks; None without them."""
    return _vault


def _formatted(flash):
    found = bytearray(len(_MAGIC))
    for block in (0, 1):
        flash.readblocks(block, found, 8)
        if found == _MAGIC:
            return True
    return False
