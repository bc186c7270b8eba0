# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an endpoint's peers ask of it, and what it does for them beside messages.

Each service is a switch: what is not installed is refused, as a plain peer would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .bytestream import ByteStream
    from .peer import Peer


class Port(Protocol):
    """What a peer asks of the endpoint that owns it."""

    def touch(self, peer: Peer) -> None:
        """Transmit for this peer once the current callbacks have run."""

    def transmit(self, peer: Peer) -> None:
        """Transmit for this peer now."""

    def forget(self, peer: Peer) -> None:
        """Drop this peer, its connection and its timer, without a word."""


@dataclass
class Services:
    """Called from the event loop while a datagram is handled: nothing here may block."""

    coordination: Callable[[Peer, bytes], None] | None = None
    """Takes the body of an AQCC message; without it ``Peer.coordination`` keeps the latest."""

    relay: Callable[[Peer, ByteStream], None] | None = None
    """Takes a stream that begins as a relay request; without it the answer is 501."""

    admitted: Callable[[Peer], bool] | None = None
    """Told of the peer that lives on, whenever a connection has been confirmed; says whether
    it takes it, so that ``accept`` need not deliver it."""
