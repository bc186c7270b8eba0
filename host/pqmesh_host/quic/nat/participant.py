# SPDX-License-Identifier: MIT OR Apache-2.0
"""The two ends' part of a coordinated connection: ask, agree, and dial at the same moment.

    initiator   request() -> Request ... Accepted -> Punch         Rejected -> Denied
    target                    Offer  -> Ready ... Accepted -> Punch

Round 1 is for punching: the addresses are each side's own. Round 2 follows when that failed: the
initiator gives addresses at a relay, which the target dials; only at hosts it has a connection to
itself, for a relay is a third party.

Pure: messages in, messages and instructions out. An Accepted counts only for a request of ours or
an Offer we answered through the same coordinator: without that rule a coordinator could make us
send to addresses of its choice whenever it liked (ant-quic-wire §4.6). Which of the addresses may
be sent to at all is the CandidatePolicy's word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..frames import Address
from .aqcc import MAX_ADDRESSES, Coordination
from .candidates import AddressRefused, CandidatePolicy

LIFETIME_MS = 10_000
MAX_OPEN = 64


@dataclass(frozen=True)
class Send:
    """Hand ``message`` to the peer ``to``, the coordinator."""

    to: bytes
    message: Coordination


@dataclass(frozen=True)
class Punch:
    """Dial ``peer_id`` at all of ``addresses`` now; the peer does the same towards us."""

    peer_id: bytes
    addresses: tuple[Address, ...]
    request_id: int
    initiator: bool
    relayed: bool = False
    """Round 2: the addresses are at a relay, or, at the initiator, there are none to dial."""


@dataclass(frozen=True)
class Denied:
    """The coordinator refused a request of ours, for ``reason`` (aqcc.REASONS)."""

    peer_id: bytes
    request_id: int
    reason: str


Output = Send | Punch | Denied


@dataclass
class _Open:
    coordinator: bytes
    initiator: bool
    expires_at_ms: int
    relayed: bool


class Participant:
    """One node's own coordinated dials, begun here or by others.

    :param own: our 32-byte PeerId
    :param policy: which addresses may be sent to; its clock is monotonic seconds
    """

    def __init__(self, own: bytes, policy: CandidatePolicy) -> None:
        self._own = own
        self._policy = policy
        self._open: dict[tuple[bytes, int], _Open] = {}
        self._next_id = 1
        self.refused_addresses = 0
        self.unasked = 0

    def request(
        self,
        coordinator: bytes,
        target: bytes,
        addresses: Sequence[Address],
        now_ms: int,
        *,
        relayed: bool = False,
    ) -> tuple[int, Send]:
        """Begin: returns the request's id and what to send.

        :param relayed: begin round 2; ``addresses`` are at a relay and lead to us

        :raises RuntimeError: 64 are under way already
        """
        self._expire(now_ms)
        if len(self._open) >= MAX_OPEN:
            raise RuntimeError(f"{MAX_OPEN} coordinated dials are under way")
        request_id = self._next_id
        self._next_id += 1
        self._open[target, request_id] = _Open(coordinator, True, now_ms + LIFETIME_MS, relayed)
        message = Coordination(
            kind="Request",
            request_id=request_id,
            expires_at_unix_ms=now_ms + LIFETIME_MS,
            initiator=self._own,
            target=target,
            round=2 if relayed else 1,
            initiator_addresses=tuple(addresses)[:MAX_ADDRESSES],
        )
        return request_id, Send(coordinator, message)

    def handle(
        self,
        coordinator: bytes,
        message: Coordination,
        own_addresses: Sequence[Address],
        now_ms: int,
        now_s: float,
        relay_hosts: Collection[str] = (),
    ) -> list[Output]:
        """Take a message from a peer that acts as coordinator.

        :param own_addresses: where we believe we can be reached, told to the initiator
        :param relay_hosts: hosts we have connections to; in round 2 these may be dialled
        """
        self._expire(now_ms)
        if message.kind == "Offer" and message.target == self._own:
            return self._on_offer(coordinator, message, own_addresses, now_ms)
        if message.kind == "Accepted":
            return self._on_accepted(coordinator, message, now_s, relay_hosts)
        if message.kind == "Rejected" and message.initiator == self._own:
            return self._on_rejected(coordinator, message)
        return []

    def _on_offer(
        self,
        coordinator: bytes,
        message: Coordination,
        own_addresses: Sequence[Address],
        now_ms: int,
    ) -> list[Output]:
        other = message.initiator
        expired = message.expires_at_unix_ms <= now_ms
        if other in (self._own, coordinator) or expired or len(self._open) >= MAX_OPEN:
            return []
        key = (other, message.request_id)
        if key in self._open:
            return []  # answered already, or our own number by chance: once is enough
        self._open[key] = _Open(coordinator, False, now_ms + LIFETIME_MS, message.round > 1)
        ready = dataclasses.replace(
            message,
            kind="Ready",
            initiator_addresses=(),
            target_addresses=tuple(own_addresses)[:MAX_ADDRESSES],
        )
        return [Send(coordinator, ready)]

    def _on_accepted(
        self,
        coordinator: bytes,
        message: Coordination,
        now_s: float,
        relay_hosts: Collection[str],
    ) -> list[Output]:
        ours = message.initiator == self._own
        other = message.target if ours else message.initiator
        entry = self._open.get((other, message.request_id))
        if entry is None or entry.coordinator != coordinator or entry.initiator != ours:
            self.unasked += 1
            return []
        del self._open[other, message.request_id]
        offered = message.target_addresses if ours else message.initiator_addresses
        # The first address is where the coordinator sees the peer: that host may be dialled, and
        # it is the coordinator's allowance that is used up, not a name's anybody can make.
        seen_at: Collection[str] = [address[0] for address in offered[:1]]
        if entry.relayed:
            offered, seen_at = (() if ours else offered), relay_hosts
        addresses = self._admitted(coordinator, offered, seen_at, now_s)
        if not addresses and not (ours and entry.relayed):
            return []
        return [Punch(other, addresses, message.request_id, ours, entry.relayed)]

    def _admitted(
        self,
        coordinator: bytes,
        offered: Sequence[Address],
        seen_at: Collection[str],
        now_s: float,
    ) -> tuple[Address, ...]:
        admitted = []
        for address in dict.fromkeys(offered):
            try:
                admitted.append(self._policy.admit(coordinator, address, seen_at, now_s))
            except AddressRefused:
                self.refused_addresses += 1
        return tuple(dict.fromkeys(admitted))

    def _on_rejected(self, coordinator: bytes, message: Coordination) -> list[Output]:
        entry = self._open.get((message.target, message.request_id))
        if entry is None or entry.coordinator != coordinator or not entry.initiator:
            return []
        del self._open[message.target, message.request_id]
        return [Denied(message.target, message.request_id, message.reason or "InternalError")]

    def _expire(self, now_ms: int) -> None:
        late = [key for key, entry in self._open.items() if entry.expires_at_ms <= now_ms]
        for key in late:
            del self._open[key]
