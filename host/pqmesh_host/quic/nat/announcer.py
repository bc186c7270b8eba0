# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tells peers at which further addresses we can be reached: ADD_ADDRESS and REMOVE_ADDRESS.

Each peer is told what is new since it was told last, and of what is gone. A private address is
told only to a peer that is itself at a private one, to which it may mean something; a peer behind
a relay is told nothing. Frames a peer has not negotiated are never sent (ant-quic-wire §2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol
from weakref import WeakKeyDictionary

from ..frames import AddAddress, Address, Frame, RemoveAddress
from .candidates import is_private
from .interfaces import is_near

MAX_TOLD = 8
"""Addresses a peer is told of at a time; ant-quic takes 20 a minute."""


class Told(Protocol):
    """The part of peer.Peer used here."""

    @property
    def address(self) -> Address: ...
    @property
    def relayed(self) -> bool: ...
    @property
    def is_open(self) -> bool: ...
    def takes_frame(self, frame: Frame) -> bool: ...
    def send_frame(self, frame: Frame) -> None: ...


class Announcer:
    """Call ``refresh`` from time to time, and soon after anything has changed."""

    def __init__(self, peers: Callable[[], Iterable[Told]], ours: Callable[[], Sequence[Address]]):
        """
        :param ours: our addresses now, the most useful first
        """
        self._peers = peers
        self._ours = ours
        self._told: WeakKeyDictionary[Told, dict[Address, int]] = WeakKeyDictionary()
        self._next = 1
        self._numbers: dict[Address, int] = {}

    def refresh(self) -> None:
        """Bring every peer up to date."""
        ours = self._ours()
        for gone in set(self._numbers) - set(ours):
            del self._numbers[gone]  # when it comes back, it comes under a new number
        for address in ours:
            if address not in self._numbers:
                self._numbers[address] = self._next
                self._next += 1
        for peer in self._peers():
            if peer.is_open and not peer.relayed and peer.takes_frame(RemoveAddress(0)):
                self._tell(peer, ours)

    def _tell(self, peer: Told, ours: Sequence[Address]) -> None:
        near = is_near(peer.address[0])
        wanted = [a for a in ours if near or not is_private(a[0])][:MAX_TOLD]
        told = self._told.setdefault(peer, {})
        try:
            for address, number in list(told.items()):
                if address not in wanted or self._numbers[address] != number:
                    peer.send_frame(RemoveAddress(number))
                    del told[address]
            for address in wanted:
                if address not in told:
                    peer.send_frame(AddAddress(self._numbers[address], address))
                    told[address] = self._numbers[address]
        except ValueError:
            return  # too many frames wait for this peer; the rest goes the next time
