# SPDX-License-Identifier: MIT OR Apache-2.0
"""First script after a reset: mounts the flash at "/". A blank flash is formatted.

A flash that holds anything else is left alone: it may be a damaged file system with the node's
identity in it, and formatting would destroy what can still be saved.
"""

import qemu

import pqmesh_flash

try:
    pqmesh_flash.mount(qemu.Flash(), lambda count: qemu.Flash(count))
except (OSError, ValueError) as problem:
    print("flash not mounted:", problem)
