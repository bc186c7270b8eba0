# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a node tells its operator while it runs, and how that reaches whoever listens.

An event is one fact with the same few fields everywhere: who (a PeerId), over what (a link's
name, or quic), how many octets went over the wire, how long it took. The command line prints
them, the control socket streams them as JSON, tests wait for them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

QUEUE_EVENTS = 1024
"""Events a slow listener may have waiting; then its oldest are dropped, and it is told."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One fact about the running node. ``kind`` is a word of KINDS."""

    kind: str
    peer: bytes | None = None
    """The 32-byte PeerId this is about."""

    over: str = ""
    """A link's name, or ``quic host:port``."""

    wire_bytes: int | None = None
    """What it cost. A handshake: all its frames, or UDP payloads, both ways. A message on a link:
    the frames since the message before it, or those sent until it was acknowledged; line framing
    not counted. A message over QUIC: its stream; packet headers, which messages share, not."""

    ms: int | None = None
    """How long it took, in milliseconds; the meaning per kind stands in KINDS."""

    text: str = ""
    """A sentence for people; never needed to understand the other fields."""

    details: dict[str, Any] = field(default_factory=dict)
    """Whatever else the kind has, as JSON values."""

    at_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    """Milliseconds since 1970, by this machine's clock."""

    def as_json(self) -> dict[str, Any]:
        """The event as the control socket and ``--json`` show it; empty fields are left out."""
        found: dict[str, Any] = {"event": self.kind, "at_ms": self.at_ms}
        if self.peer is not None:
            found["peer"] = self.peer.hex()
        for name in ("over", "wire_bytes", "ms", "text"):
            value = getattr(self, name)
            if value not in (None, ""):
                found[name] = value
        return {**{name: plain(value) for name, value in self.details.items()}, **found}


def plain(value: Any) -> Any:
    """A CBOR value as JSON can say it: octets as hexadecimal digits, keys as text."""
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(plain(key)): plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


KINDS: dict[str, str] = {
    "started": "the node is up; details: what it listens on",
    "stopped": "the node is down, everything closed",
    "link-open": "a link's medium was opened",
    "link-lost": "a link's medium failed; details: retry_in_ms",
    "link-waiting": "a link's medium cannot be opened yet; details: retry_in_ms",
    "session-open": "handshake done; its ms and wire_bytes; details: initiator, resumed",
    "session-lost": "the board ended its session, went silent, or the link is gone",
    "session-closed": "we ended a session, as this node stops",
    "session-refused": "a handshake failed; details: retry_in_ms",
    "wrong-key": "not the pinned PeerId, and so refused; details: expected",
    "peer-open": "a QUIC peer is connected; the handshake's ms and wire_bytes; details: initiator",
    "peer-lost": "a QUIC peer's connection ended; details: retry_in_ms when we dial it again",
    "peer-closed": "a QUIC peer's connection was ended on purpose, by us or by it",
    "peer-refused": "a QUIC handshake failed; details: retry_in_ms",
    "reading": "a reading arrived; peer is its origin; details: name, value, unit, via",
    "forwarded": "a message was acknowledged by its next hop; ms since it was handed over",
    "command": "a command arrived or was sent; details: command, args, id, to",
    "reply": "a reply arrived; ms since the command left, on the node that sent it; details: re",
    "airtime": "a radio's frames wait for airtime; details: next_possible_ms, retry_in_ms",
    "credential": "a board's credential came by broadcast; details: epoch, killed",
    "dropped": "something was thrown away; text says what and why",
}


class Subscription:
    """One listener's bounded queue of events."""

    def __init__(self, limit: int) -> None:
        self.lost = 0
        """Events this listener was too slow for."""

        self._waiting: deque[Event] = deque()
        self._limit = limit
        self._arrived = asyncio.Event()
        self._closed = False

    def put(self, event: Event) -> None:
        if self._closed:
            return
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(event)
        self._arrived.set()

    async def next(self) -> Event:
        """Wait for the next event. Cancelling loses nothing.

        :raises StopAsyncIteration: closed, and everything that came before was taken
        """
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def drain(self) -> list[Event]:
        """Take everything that is waiting, without waiting for more."""
        found = list(self._waiting)
        self._waiting.clear()
        return found

    def close(self) -> None:
        """Take no more events; what is waiting can still be taken."""
        self._closed = True
        self._arrived.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        return await self.next()


class EventBus:
    """Hands every event to every listener; publishing never waits."""

    def __init__(self, limit: int = QUEUE_EVENTS) -> None:
        self.counts: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._limit = limit
        self._listeners: list[Callable[[Event], None]] = []

    def publish(self, event: Event) -> None:
        """Tell every listener.

        :raises KeyError: a kind that KINDS does not explain
        """
        self.counts[event.kind] += 1
        for listener in tuple(self._listeners):
            listener(event)

    def subscribe(self) -> Subscription:
        """Start collecting events; end it with ``unsubscribe``."""
        subscription = Subscription(self._limit)
        self._listeners.append(subscription.put)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._listeners.remove(subscription.put)
