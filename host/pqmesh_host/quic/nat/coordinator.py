# SPDX-License-Identifier: MIT OR Apache-2.0
"""The coordinator's part: two peers that cannot reach each other meet through one that both can.

    initiator -- Request --> us -- Offer --> target
    target    -- Ready   --> us -- Accepted --> both, who now dial each other at the same moment

Pure: a message and who sent it go in, messages and whom to send them to come out. Any node
coordinates for peers it has live, authenticated connections with; what it adds is where it sees
them, which is the one thing a peer behind a NAT cannot know by itself. A coordinator proves
nothing: the two authenticate each other when they connect.

Bounded: 256 requests under way, each at most 10 s; one request per pair in 2 s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from ..frames import Address
from .aqcc import MAX_ADDRESSES, Coordination
from .candidates import is_private

MAX_PENDING = 256
MAX_LIFETIME_MS = 10_000
PAIR_INTERVAL_MS = 2_000
MAX_PAIRS = 1_024

Out = list[tuple[bytes, Coordination]]
"""(PeerId to send to, message), in order."""


@dataclass
class _Pending:
    request: Coordination
    expires_at_ms: int


class Coordinator:
    """One node's coordination service. Times are Unix milliseconds, as the messages carry them.

    :param seen_at: the address a peer is connected from, or None when it is not connected
    """

    def __init__(self, seen_at: Callable[[bytes], Address | None]) -> None:
        self._seen_at = seen_at
        self._pending: dict[tuple[bytes, bytes, int], _Pending] = {}
        self._last: dict[tuple[bytes, bytes], int] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def handle(self, sender: bytes, message: Coordination, now_ms: int) -> Out:
        """Take a message of a peer whose PeerId TLS has proved.

        Only Request and Ready concern a coordinator; for anything else the answer is nothing.
        """
        self._expire(now_ms)
        if message.kind == "Request":
            return self._on_request(sender, message, now_ms)
        if message.kind == "Ready":
            return self._on_ready(sender, message)
        return []

    def _on_request(self, sender: bytes, message: Coordination, now_ms: int) -> Out:
        fault = self._fault(sender, message, now_ms)
        if fault is not None:
            return [(sender, _rejected(message, fault))]
        where, other = self._seen_at(sender), self._seen_at(message.target)
        if where is None or other is None:
            return []  # it hung up meanwhile; there is nobody to answer
        self._note_pair(message, now_ms)
        lifetime = min(message.expires_at_unix_ms - now_ms, MAX_LIFETIME_MS)
        addresses = message.initiator_addresses
        if message.round <= 1:
            # Later rounds are about relays: where the peer itself is seen was of no use.
            addresses = _told(where, addresses, other)
        request = dataclasses.replace(message, initiator_addresses=addresses)
        self._pending[_key(message)] = _Pending(request, now_ms + lifetime)
        return [(message.target, dataclasses.replace(request, kind="Offer"))]

    def _fault(self, sender: bytes, message: Coordination, now_ms: int) -> str | None:
        if message.initiator != sender:
            return "Unauthenticated"
        if message.target == sender:
            return "SelfTarget"
        if message.expires_at_unix_ms <= now_ms:
            return "Expired"
        if self._seen_at(message.target) is None:
            return "UnknownTarget"
        last = self._last.get((sender, message.target))
        too_soon = last is not None and now_ms - last < PAIR_INTERVAL_MS
        if too_soon or len(self._pending) >= MAX_PENDING:
            return "RateLimited"
        return None

    def _on_ready(self, sender: bytes, message: Coordination) -> Out:
        pending = self._pending.get(_key(message))
        where, other = self._seen_at(sender), self._seen_at(message.initiator)
        if pending is None or message.target != sender or where is None or other is None:
            return []  # late, or for a request that never was
        del self._pending[_key(message)]
        accepted = dataclasses.replace(
            pending.request,
            kind="Accepted",
            target_addresses=_told(where, message.target_addresses, other),
        )
        return [(message.initiator, accepted), (message.target, accepted)]

    def _note_pair(self, message: Coordination, now_ms: int) -> None:
        if len(self._last) >= MAX_PAIRS:
            # Whoever is older than the interval limits nothing any more.
            self._last = {
                pair: at for pair, at in self._last.items() if now_ms - at < PAIR_INTERVAL_MS
            }
        self._last[message.initiator, message.target] = now_ms

    def _expire(self, now_ms: int) -> None:
        late = [key for key, entry in self._pending.items() if entry.expires_at_ms <= now_ms]
        for key in late:
            del self._pending[key]


def _key(message: Coordination) -> tuple[bytes, bytes, int]:
    return message.initiator, message.target, message.request_id


def _told(seen: Address, claimed: tuple[Address, ...], other_seen: Address) -> tuple[Address, ...]:
    """Where we see a peer, then what it claims, without repeats, as many as a message lists.

    Its private addresses go only to one that is seen at the same host, or is as private: to
    anybody else they mean nothing, and ant-quic 0.27 dials one candidate, a private one first.
    """
    near = seen[0] == other_seen[0] or (is_private(seen[0]) and is_private(other_seen[0]))
    useful = [address for address in claimed if near or not is_private(address[0])]
    return tuple(dict.fromkeys((seen, *useful)))[:MAX_ADDRESSES]


def _rejected(message: Coordination, reason: str) -> Coordination:
    return dataclasses.replace(message, kind="Rejected", initiator_addresses=(), reason=reason)
