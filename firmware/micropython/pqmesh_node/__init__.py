# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh on a board: serial link, storage, clock and the application loop.

    import pqmesh_node
    pqmesh_node.setup(name="greenhouse", expect="<gateway's PeerId>")
    pqmesh_node.run()

A program of your own makes its node with ``make_node()``, adds sensors and commands, and
calls ``run()``; docs/board-guide.md shows how.
"""

from .app import Node
from .board import counters, make_node, peer_id, run, setup, status
from .settings import Settings

__all__ = ("Node", "Settings", "counters", "make_node", "peer_id", "run", "setup", "status")
