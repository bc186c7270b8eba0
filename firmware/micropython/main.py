# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frozen into every image as ``main.py``: what the board does at power-up."""

from pqmesh_node.boot import main

main()
