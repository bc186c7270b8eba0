# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frozen into every image as ``main.py``: what the board does at power-up.

Its names are those of the prompt afterwards, so ``pqmesh_node`` is there without an import.
"""

import pqmesh_node.boot

pqmesh_node.boot.main()
