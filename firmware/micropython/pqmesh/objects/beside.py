# SPDX-License-Identifier: MIT OR Apache-2.0
"""An engine with broadcasts beside its sessions, for drivers that know engines only.

Whatever the sessions have to send goes first; while they listen for an answer broadcasts are
silent too. Their frames count as a stranger's: where airtime is short they take from the fifth
that is a stranger's, and nothing waits for them.
"""

from ..compat import TYPE_CHECKING
from ..engine.engine import Engine
from ..engine.timers import earliest
from ..errors import ProtocolError

if TYPE_CHECKING:
    from typing import Any

    from ..record import Record
    from .carrier import Carrier


class BroadcastEngine(Engine):
    """An Engine, and what a Carrier does on the same link.

    :param carrier: whose exchange is for this link
    :param engine: what an Engine takes; events are its own, and those of Carrier.next_event
    """

    def __init__(self, carrier: "Carrier", *engine: "Any", **named: "Any") -> None:
        super().__init__(*engine, **named)
        self.carrier = carrier
        self._now = 0  # of the last input
        self._broadcasting = False  # the frame pulled last is one
        self._quiet_at: "int | None" = None  # when the sessions will have listened enough

    def receive(self, frame: bytes, now: int, source: bytes = b"") -> None:
        """Take one whole frame from the link.

        :raises ProtocolError: the frame was dropped, and state is as it was before
        """
        self._now = now
        if not self.carrier.exchange.takes(frame):
            super().receive(frame, now, source)
            return
        stats = self._context.stats
        stats.frames_received += 1
        stats.bytes_received += len(frame)
        try:
            self.carrier.exchange.receive(bytes(frame), now)
        except ProtocolError as error:
            stats.drop(error)
            raise

    def handle_timeout(self, now: int) -> None:
        """Do what has fallen due. Harmless when called early or often."""
        self._now = now
        self._quiet_at = None
        super().handle_timeout(now)
        self.carrier.exchange.handle_timeout(now)

    def next_transmit(self, now: "int | None" = None) -> "bytes | None":
        """Return the next frame for the link, None when there is none."""
        self._now = self._now if now is None else max(self._now, now)
        frame = super().next_transmit(now)
        self._broadcasting = False
        if frame is None and self._is_quiet():
            frame = self.carrier.exchange.next_transmit(self._now)
            if frame is not None:
                self._broadcasting = True
                self._context.stats.frames_sent += 1
                self._context.stats.bytes_sent += len(frame)
        return frame

    def waits(self) -> bool:
        """Whether ``next_transmit`` has a frame."""
        return super().waits() or (self._is_quiet() and self.carrier.exchange.waits(self._now))

    @property
    def destination(self) -> bytes:
        """The link address of the last frame; a broadcast has none."""
        return b"" if self._broadcasting else self._context.tx.destination

    @property
    def for_stranger(self) -> bool:
        """Whether that frame may only use a stranger's airtime."""
        return self._broadcasting or self._context.tx.for_stranger

    def next_event(self) -> "Record | None":
        """Return the next event, None when there is none."""
        event = super().next_event()
        return self.carrier.next_event(self._now) if event is None else event

    def next_deadline(self) -> "int | None":
        """Return when ``handle_timeout`` is wanted, in ms on the caller's clock, or None."""
        broadcast = self.carrier.exchange.next_deadline()
        return earliest((super().next_deadline(), broadcast, self._quiet_at))

    def _is_quiet(self) -> bool:
        """Whether the link is free for what can wait; else notes when it will be."""
        quiet = self._context.tx.quiet_from(self._now)
        self._quiet_at = quiet if quiet is not None and quiet > self._now else None
        return quiet is not None and self._quiet_at is None
