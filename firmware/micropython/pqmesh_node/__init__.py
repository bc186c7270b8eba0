# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh on a board: serial link, storage, clock and the application loop.

    import pqmesh_node
    pqmesh_node.setup(name="greenhouse", expect="<gateway's PeerId>")
    pqmesh_node.run()

A program of your own makes its node with ``make_node()``, adds sensors and commands, and
calls ``run()``; docs/board-guide.md shows how.
"""

from .board import counters, make_node, peer_id, run, setup, status
from .compat import TYPE_CHECKING
from .settings import Settings

if TYPE_CHECKING:
    from typing import Any

    from .app import Node

__all__ = ("Node", "Settings", "counters", "make_node", "peer_id", "run", "setup", "status")


def __getattr__(name: str) -> "Any":
    """``Node`` comes when it is asked for: it brings the engine with it, 50 KB of heap.

    MicroPython asks here before it looks for a submodule, and takes no for an answer: so no
    module says ``from . import x`` of one that is not imported above.
    """
    if name != "Node":
        raise AttributeError(name)
    from .app import Node

    return Node
