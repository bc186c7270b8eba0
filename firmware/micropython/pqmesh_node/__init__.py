# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh on a board: serial link, storage, clock and the application loop.

    import pqmesh_node
    pqmesh_node.setup(name="greenhouse", expect="<gateway's PeerId>")
    pqmesh_node.run()

A program of your own makes its node with ``make_node()``, adds sensors and commands, and
calls ``run()``; docs/board-guide.md shows how.
"""

import sys

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from .app import Node
    from .board import counters, make_node, peer_id, run, setup, status
    from .endpoint import Endpoint
    from .settings import Settings

__all__ = (
    "Endpoint",
    "Node",
    "Settings",
    "counters",
    "make_node",
    "peer_id",
    "run",
    "setup",
    "status",
)

_OF = {
    "Endpoint": "endpoint",
    "Node": "app",
    "Settings": "settings",
}  # where they are, if not in board.py


def __getattr__(name: str) -> "Any":
    """What is asked for is imported then: a program that wants the cryptography alone saves 11 KB.

    MicroPython asks here before it looks for a submodule, and takes no for an answer.
    """
    module = _OF.get(name, "board" if name in __all__ else name)
    path = "pqmesh_node." + module
    try:
        __import__(path)
    except ImportError:
        raise AttributeError(name)
    found = sys.modules[path]
    return found if module == name else getattr(found, name)
