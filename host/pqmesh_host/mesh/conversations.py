# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sessions of programs on this machine with the node's neighbours, on links and over QUIC.

    program --Session.send--> Conversations --say--> BoardSession or PeerSession
    program <-Session.receive-- Conversations <--heard, delivered, expired-- runners

The sessions are those that the node keeps anyway, for readings and commands: a program joins one
and leaves it again. They are numbered by the serial that sets apart those of all links and peers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pqmesh.conversation.session import Session
from pqmesh.conversation.sessions import Sessions
from pqmesh.engine.events import Closed, Delivered, Expired, Lost, Received
from pqmesh.errors import NoSuchSession, SessionRefused
from pqmesh.record import Record
from pqmesh.wire.application import APPLICATION, MAX_DATA_BYTES

from ..waits import Waits
from .router import Hop

INBOX_MESSAGES = 64
"""Messages per session that may wait for a program; then the oldest goes, counted."""


class Talker(Protocol):
    """A neighbour's open session."""

    @property
    def serial(self) -> int: ...
    @property
    def hop(self) -> Hop: ...

    def say(self, payload: bytes, priority: int, deadline_ms: int | None) -> int:
        """Queue a message and return its number; what becomes of it is told later.

        :param deadline_ms: by ``driver.now_ms``
        :raises pqmesh.errors.Busy: the queue is full
        :raises pqmesh.errors.NoSuchSession: it has ended
        :raises pqmesh.errors.UsageError: too long
        """


class Conversations(Waits):
    """The Carrier (pqmesh.conversation) of a node.

    :param own: our PeerId
    """

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._asked = False
        self._talkers: dict[int, Talker] = {}
        self._sessions = Sessions(self, INBOX_MESSAGES)

    def session(
        self,
        peer: bytes | None,
        timeout_ms: int | None,
        on_event: Callable[[Record], None] | None,
    ) -> Session:
        """See Node.session."""
        self._asked = True
        return self._sessions.session(peer, timeout_ms, on_event)

    # What Sessions asks

    def dial(self, peer: bytes | None) -> None:
        """The runners see to it that boards and peers are connected."""
        if peer == self._own:
            raise SessionRefused("that is this node itself", peer)

    def send(self, session: int, payload: bytes, priority: int, deadline: int | None) -> int:
        talker = self._talkers.get(session)
        if talker is None:
            raise NoSuchSession(f"session {session} has ended")
        return talker.say(payload, priority, deadline)

    def hang_up(self, session: int) -> bool:
        return False

    # What the runners tell

    def opened(self, talker: Talker) -> None:
        self._talkers[talker.serial] = talker
        self._sessions.established(talker.serial, talker.hop.peer_id)

    def heard(self, talker: Talker, payload: bytes) -> str:
        """Take a message for a program; returns why not, or nothing."""
        if not self._asked:
            return "no program here takes messages"
        if len(payload) > MAX_DATA_BYTES + 1:
            return f"a message for a program has at most {MAX_DATA_BYTES} bytes"
        self._sessions.handle_event(Received(talker.serial, payload))
        return ""

    def delivered(self, talker: Talker, number: int, rtt_ms: int) -> None:
        self._sessions.handle_event(Delivered(talker.serial, number, rtt_ms))

    def expired(self, talker: Talker, number: int) -> None:
        self._sessions.handle_event(Expired(talker.serial, number))

    def closed(self, talker: Talker, code: int, *, by_peer: bool) -> None:
        self._end(Closed(talker.serial, code, by_peer))

    def lost(self, talker: Talker, reason: str) -> None:
        """It is over, if nobody has said so yet."""
        self._end(Lost(talker.serial, reason))

    def _end(self, event: Closed | Lost) -> None:
        if self._talkers.pop(event.session, None) is not None:
            self._sessions.handle_event(event)


def is_for_program(payload: bytes) -> bool:
    """Whether a message is a program's, not the mesh's."""
    return payload[:1] == bytes((APPLICATION,))
