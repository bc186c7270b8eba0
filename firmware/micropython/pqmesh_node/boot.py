# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a board does at power-up. The frozen ``main.py`` calls ``main()``; nothing else here.

/main.py on the board's filesystem?    the user's program owns the board: run it
no settings record, or autostart off?  print how to set the board up, give the REPL
otherwise                              be a node; Ctrl-C gives the REPL
"""

import time

from .board import run, store
from .compat import TYPE_CHECKING, print_exception, restart
from .entropy import EntropyFailure
from .settings import SettingsError, load
from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

USER_PROGRAM = "/main.py"
HELP = "pqmesh: Ctrl-C gives the REPL; then: import pqmesh_node; help(pqmesh_node)"
SET_UP = (
    "pqmesh: not set up yet. import pqmesh_node;"
    " pqmesh_node.setup(name=..., expect=<gateway PeerId>); pqmesh_node.run()"
)
_RESTART_S = 5


def main(user_program: str = USER_PROGRAM, start: "Callable[[], None]" = run) -> None:
    program = _compiled(user_program)
    if program is not None:
        exec(program, {"__name__": "__main__"})  # noqa: S102 (the user's own program)
        return
    try:
        settings = load(store())
        if settings is None or not settings.autostart:
            print(SET_UP)
            return
        print(HELP)
        start()
    except (SettingsError, StoreError, EntropyFailure) as error:
        # Trying again cannot help; an operator can.
        print("pqmesh: not started: %s" % error)
    except Exception as error:  # noqa: BLE001 (the top of the program)
        print_exception(error)
        print("pqmesh: a bug; restarting in %d s, Ctrl-C gives the REPL" % _RESTART_S)
        time.sleep(_RESTART_S)
        restart()


def _compiled(path: str) -> "Any":
    """The program at ``path``, None without one. Its text does not stay on the heap."""
    try:
        with open(path) as file:
            return compile(file.read(), path, "exec")
    except OSError:
        return None
