# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a connection tells its owner beyond aioquic's own events."""

from __future__ import annotations

from dataclasses import dataclass

from aioquic.quic import events

from .frames import Frame


@dataclass
class Confirmed(events.QuicEvent):
    """Both sides are authenticated and know it (RFC 9001 §4.1.2)."""


@dataclass
class Ending(events.QuicEvent):
    """A CONNECTION_CLOSE was sent or received; nothing more will arrive.

    aioquic's own ConnectionTerminated follows after the draining period.
    """

    code: int
    reason: str
    by_peer: bool


@dataclass
class FrameReceived(events.QuicEvent):
    """One of ant-quic's frames arrived."""

    frame: Frame
