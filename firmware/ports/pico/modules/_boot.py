# SPDX-License-Identifier: MIT OR Apache-2.0
"""First script after a reset, in place of the rp2 port's: mounts the flash at "/".

Unlike that one it leaves two blocks to the vault, and formats only a flash without a file system.
"""

import rp2

import pqmesh_flash

_BLOCK_BYTES = 4096

try:
    pqmesh_flash.mount(
        rp2.Flash(),
        lambda count: rp2.Flash(start=0, len=count * _BLOCK_BYTES),
        progsize=256,  # what the flash controller programs at once
    )
except OSError as problem:
    print("flash not mounted:", problem)
