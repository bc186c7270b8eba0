# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every board freezes: asyncio, our two packages, the flash's layout and the boot program.

Boards include this file in their own manifest. opt=3 drops asserts, docstrings and line numbers,
so no check may rest on `assert`.
"""

include("$(MPY_DIR)/extmod/asyncio")
package("pqmesh", opt=3)
package("pqmesh_node", opt=3)
module("pqmesh_flash.py", opt=3)
module("main.py", opt=3)
