# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a peer says about addresses: where it sees us, and where else it may be reached.

All of it is hearsay from one authenticated peer: nothing here is dialled or probed. Pure.
"""

from __future__ import annotations

import ipaddress

from . import frames
from .frames import Address

MAX_CANDIDATES = 20
"""Addresses one peer may announce; ant-quic refuses more than 20 a minute itself."""


class AddressBook:
    """The addresses one peer told us. Old or surplus announcements are dropped, counted."""

    def __init__(self) -> None:
        self.observed: Address | None = None
        """Our address as the peer sees it."""

        self.candidates: dict[int, Address] = {}
        """The peer's further addresses, by its sequence numbers."""

        self.punches = 0
        self.dropped = 0
        self._last_observation = -1

    def take(self, frame: frames.Frame) -> None:
        """Learn from one received frame."""
        if isinstance(frame, frames.ObservedAddress):
            self._observe(frame)
        elif isinstance(frame, frames.AddAddress):
            self._add(frame)
        elif isinstance(frame, frames.RemoveAddress):
            self.candidates.pop(frame.sequence, None)
        elif isinstance(frame, frames.PunchMeNow):
            self.punches += 1
        else:
            self.dropped += 1

    def _observe(self, frame: frames.ObservedAddress) -> None:
        # Frames are retransmitted, so an older one may come later (ant-quic-wire §2.6).
        if frame.sequence <= self._last_observation:
            self.dropped += 1
            return
        self._last_observation = frame.sequence
        self.observed = plain(frame.address)

    def _add(self, frame: frames.AddAddress) -> None:
        known = frame.sequence in self.candidates
        full = len(self.candidates) >= MAX_CANDIDATES
        if not is_usable(frame.address) or (full and not known):
            self.dropped += 1
            return
        self.candidates[frame.sequence] = plain(frame.address)


def is_usable(address: Address) -> bool:
    """Whether an announced address could be a peer's: no multicast, no unspecified, no port 0."""
    host = ipaddress.ip_address(address[0])
    return address[1] != 0 and not (host.is_multicast or host.is_unspecified)


def plain(address: Address) -> Address:
    """An IPv4-mapped address in its IPv4 form; ant-quic reports those it sees on ``::``."""
    host = ipaddress.ip_address(address[0])
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    return (str(mapped) if mapped is not None else address[0]), address[1]
