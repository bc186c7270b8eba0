# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keeps one session with the neighbour on a link. Pure: time and randomness come in.

    ABSENT --due--> CONNECTING --Established--> PRESENT
      ^                 |  Refused                 |  Closed, Lost
      +--- back-off ----+                          |
      +--- shortest back-off ----------------------+

The neighbour may connect to us as well: whichever handshake proves a peer first makes us
PRESENT, and a newer session takes the place of an older one (the neighbour restarted).
"""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.engine.events import Closed, Established, Lost, Refused
from pqmesh.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FIRST_RETRY_MS = const(1_000)
LAST_RETRY_MS = const(30_000)
RADIO_FIRST_RETRY_MS = const(60_000)  # a call that nobody answers is seconds of airtime
RADIO_LAST_RETRY_MS = const(1_800_000)


class Connection:
    """``session`` is the engine's handle of the present session, or None.

    :param radio: calls cost airtime: they are repeated ever less often, to twice in an hour
    """

    def __init__(
        self,
        engine: "Any",
        expect: "bytes | None",
        entropy: "Callable[[int], bytes]",
        radio: bool = False,
    ) -> None:
        self.session: "int | None" = None
        self.peer_id: "bytes | None" = None
        self.attempts = 0
        self.expect = expect
        self._peers: "dict[int, bytes]" = {}  # every session's peer, older ones included
        self._engine = engine
        self._entropy = entropy
        self.attempt: "int | None" = None  # the handshake we have begun
        self._due = 0
        self._first = RADIO_FIRST_RETRY_MS if radio else FIRST_RETRY_MS
        self._last = RADIO_LAST_RETRY_MS if radio else LAST_RETRY_MS
        self._delay = self._first

    def handle_timeout(self, now: int) -> None:
        """Start a handshake when one is due."""
        if self.session is not None or self.attempt is not None or now < self._due:
            return
        try:
            self.attempt = self._engine.connect(now, self.expect)
            self.attempts += 1
        except Busy:  # the neighbour's own handshake fills the table; let it finish
            self._postpone(now)

    def next_deadline(self) -> "int | None":
        if self.session is not None or self.attempt is not None:
            return None
        return self._due

    def peer_of(self, session: int) -> bytes:
        """Who is at the other end of an established session. Raises KeyError otherwise."""
        return self._peers[session]

    def handle_event(self, event: "Any", now: int) -> bool:
        """Whether the event began or ended the present session."""
        if isinstance(event, Established):
            self.session = event.session
            self.peer_id = self._peers[event.session] = event.peer_id
            self.attempt = None
            self._delay = self._first
            return True
        if not isinstance(event, (Closed, Lost, Refused)):
            return False
        self._peers.pop(event.session, None)
        ended = event.session == self.session
        if ended:
            self.session = self.peer_id = None
        if event.session == self.attempt:
            self.attempt = None
        elif not ended:
            return False  # an older session, or a stranger's failed handshake
        self._postpone(now)
        return ended

    def _postpone(self, now: int) -> None:
        # Half of the delay is random, so that two nodes do not keep colliding.
        octets = 2 if self._delay <= LAST_RETRY_MS else 3
        spread = int.from_bytes(self._entropy(octets), "big") % (self._delay // 2)
        self._due = now + self._delay - spread
        self._delay = min(2 * self._delay, self._last)
