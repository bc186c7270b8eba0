# SPDX-License-Identifier: MIT OR Apache-2.0
"""What waits to be sent: replies first, then readings; each kept until it is Delivered."""

from pqmesh.compat import TYPE_CHECKING, const
from pqmesh.delivery import Outbox
from pqmesh.errors import Busy, NoSuchSession

from .journal import REPLY_LIMIT

if TYPE_CHECKING:
    from typing import Any

REPLIES = REPLY_LIMIT
REFUSALS = const(8)  # answers to commands that were not taken; not kept on flash
READINGS = const(16)


class Mailbox:
    """Three bounded outboxes over one session at a time.

    Full of readings and no session: the oldest reading gives way to the newest. Full and in
    a session: the newest is refused, for the older ones may already be on the wire. Refusals
    beyond REFUSALS are dropped too. ``dropped`` counts all three. Replies always fit: the
    command journal finishes no command whose reply would not.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self.delivered_count = 0
        self._replies = Outbox(REPLIES)
        self._refusals = Outbox(REFUSALS)
        self._readings = Outbox(READINGS)
        self._session: "int | None" = None

    def __len__(self) -> int:
        return sum([len(box) for box in self._boxes()])

    def has_room(self) -> bool:
        """Whether a reading would be taken without dropping one."""
        return len(self._readings) < READINGS

    def add_reply(self, ident: bytes, payload: bytes) -> None:
        """Raises Busy beyond REPLIES."""
        self._replies.add(ident, payload)

    def add_refusal(self, ident: bytes, payload: bytes) -> bool:
        """False when it was dropped: whoever asks faster than we can refuse is not told."""
        try:
            self._refusals.add(ident, payload)
        except Busy:
            self.dropped += 1
            return False
        return True

    def add_reading(self, ident: bytes, payload: bytes) -> bool:
        """False when this reading was dropped."""
        if len(self._readings) >= READINGS:
            self.dropped += 1
            if self._session is not None:
                return False
            self._forget_oldest()
        self._readings.add(ident, payload)
        return True

    def session_began(self, session: int) -> None:
        """What an older session carried goes into this one."""
        self.session_ended()
        self._session = session

    def session_ended(self) -> None:
        if self._session is not None:
            for box in self._boxes():
                box.session_ended(self._session)
            self._session = None

    def pump(self, engine: "Any", now: int) -> None:
        """Hand the engine as much as it takes."""
        for box in self._boxes():
            while self._session is not None:
                waiting = box.waiting()
                if waiting is None:
                    break
                try:
                    number = engine.send(self._session, waiting[1], now)
                except (Busy, NoSuchSession):  # full, or its end is the next event
                    return
                box.sent(waiting[0], self._session, number)

    def delivered(self, session: int, message: int) -> "bytes | None":
        """The id of what was delivered, None when it was not ours."""
        for box in self._boxes():
            ident = box.delivered(session, message)
            if ident is not None:
                self.delivered_count += 1
                return ident
        return None

    def _boxes(self) -> "tuple[Outbox, Outbox, Outbox]":
        return self._replies, self._refusals, self._readings

    def _forget_oldest(self) -> None:
        # Only without a session: nothing is in flight, so rebuilding loses no numbering.
        kept = list(self._readings)[1:]
        self._readings = Outbox(READINGS)
        for ident, payload in kept:
            self._readings.add(ident, payload)
