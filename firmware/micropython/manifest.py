# SPDX-License-Identifier: MIT OR Apache-2.0
# What every board freezes: asyncio and our two packages. Boards include this file in their own.
# opt=3 drops asserts, docstrings and line numbers: no check may rest on `assert`.
include("$(MPY_DIR)/extmod/asyncio")
package("pqmesh", opt=3)
package("pqmesh_node", opt=3)
