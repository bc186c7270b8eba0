# SPDX-License-Identifier: MIT OR Apache-2.0
"""An open session with a board on one of our links."""

from __future__ import annotations

import itertools
from typing import Protocol

from ..driver import now_ms
from .mailbox import Mailbox
from .router import Hop

serials = itertools.count(1)
"""Numbers the sessions of this process, over all links and peers (Mailbox needs them apart)."""


class Runner(Protocol):
    """The part of link_runner.LinkRunner used here."""

    name: str

    def pump_soon(self) -> None: ...
    def say(self, session: int, payload: bytes, priority: int, deadline_ms: int | None) -> int: ...


class BoardSession:
    """A switchboard.Neighbour, and a conversations.Talker.

    :param session: the engine's handle of it
    """

    def __init__(self, runner: Runner, session: int, peer_id: bytes) -> None:
        self.session = session
        self.serial = next(serials)
        self.hop = Hop(peer_id, on_link=True)
        self.over = runner.name
        self.opened_ms = now_ms()
        self.mailbox: Mailbox
        self.sent_marks: dict[int, int] = {}
        """The driver's octet count when each message in flight was handed to the engine."""

        self._runner = runner

    def wake(self) -> None:
        self._runner.pump_soon()

    def say(self, payload: bytes, priority: int, deadline_ms: int | None) -> int:
        return self._runner.say(self.session, payload, priority, deadline_ms)
