# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a transport provider must be. Everything above sees only this module.

Errors are told apart by who ended it:

LinkClosed         we did, with ``aclose``
LinkBroken         the medium did: cable pulled, port gone, socket reset
LinkUnavailable    it could not be opened at all; carries advice for the operator
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ..errors import OperatorError


class LinkClosed(Exception):
    """This side closed the link."""


class LinkBroken(Exception):
    """The medium failed: port unplugged, socket reset, radio silent."""


class LinkUnavailable(OperatorError):
    """The medium cannot be opened now: missing, busy, not permitted, or not what it should be."""

    exit_code = 5


@dataclass(frozen=True, kw_only=True)
class LinkInfo:
    """Facts about a link that routing and pacing may rely on."""

    name: str
    mtu: int
    """Largest frame ``send`` accepts, in bytes."""

    bits_per_second: int
    """Nominal rate; an upper bound for pacing, not a promise."""

    broadcast: bool = False
    """Whether one ``send`` may reach several neighbours."""


@dataclass(kw_only=True)
class LinkCounters:
    """What a link has carried and refused since it was opened. Only the link writes it."""

    octets_in: int = 0
    """Octets read from the medium, framing and noise included."""

    octets_out: int = 0
    """Octets given to the medium, framing included."""

    frames_in: int = 0
    frames_out: int = 0
    frames_bad: int = 0
    """Frames that failed their check sequence, were cut short or too long."""

    frames_dropped: int = 0
    """Good frames thrown away because nobody fetched them in time; the oldest goes first."""


class Link(Protocol):
    """A datagram pipe to one neighbour, or to a shared medium.

    Frames arrive whole or not at all; they may be lost, repeated or reordered, but
    never split, merged or altered. One task may receive while others send.
    """

    @property
    def info(self) -> LinkInfo: ...

    @property
    def counters(self) -> LinkCounters: ...

    async def send(self, frame: bytes) -> None:
        """Hand one frame to the medium. Waits while the medium's queue is full.

        Cancelling may leave the frame sent or unsent, never half of it.

        :raises ValueError: the frame is empty or exceeds ``info.mtu``
        :raises LinkClosed: after ``aclose``
        :raises LinkBroken: the medium failed
        """

    async def receive(self) -> bytes:
        """Wait for the next frame. Cancelling loses nothing.

        :raises LinkClosed: after ``aclose``, also if it happens while waiting
        :raises LinkBroken: the medium failed
        """

    async def aclose(self) -> None:
        """Release the medium. Idempotent, and does not raise."""


class Provider(Protocol):
    """Opens links of one kind from one section of the configuration file."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """What the operator calls this link; unique within a node."""

    def open(self) -> AbstractAsyncContextManager[Link]:
        """Open the medium; leaving the context closes it.

        :raises LinkUnavailable: on entering, with advice
        """
