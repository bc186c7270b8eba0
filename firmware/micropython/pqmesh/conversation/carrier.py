# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Carrier of an engine whose only owner is the program: it dials, and it hangs up."""

from ..compat import TYPE_CHECKING
from ..errors import NoSuchSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.engine import Engine
    from .line import Waits


class EngineCarrier:
    """
    :param waits: the clock and the events of this runtime
    :param wake: tells the engine's driver that it was given an input; must not drain its events
    """

    def __init__(self, engine: "Engine", waits: "Waits", wake: "Callable[[], None]") -> None:
        self.now = waits.now
        self.event = waits.event
        self.within = waits.within
        self._engine = engine
        self._wake = wake

    def dial(self, peer: "bytes | None") -> "int | None":
        """Begin a handshake. :raises Busy: no room for another"""
        self._wake()
        return self._engine.connect(self.now(), peer)

    def send(self, session: int, payload: bytes, priority: int, deadline: "int | None") -> int:
        """As Engine.send."""
        self._wake()
        return self._engine.send(session, payload, self.now(), priority, deadline)

    def hang_up(self, session: int) -> bool:
        """End a session or give up an attempt; False: it has ended already."""
        self._wake()
        try:
            self._engine.close(session, self.now())
        except NoSuchSession:
            return False
        return True
