# SPDX-License-Identifier: MIT OR Apache-2.0
"""What programs say to one QUIC peer: by priority, until their deadline, one at a time.

Streams of QUIC may overtake each other; a session's messages of one priority must not. So the next
one leaves when the peer has accepted the one before. One that was not accepted in time is offered
again under the same request id, which the peer takes once (ACK-v2, ant-quic-wire section 4.3). A
peer that does not speak ACK-v2 gets each once, as it does with those of the mesh.
"""

from __future__ import annotations

import asyncio
import heapq
import secrets
from typing import NoReturn, Protocol

from pqmesh.errors import Busy, UsageError
from pqmesh.wire.application import MAX_DATA_BYTES

from ..driver import now_ms
from ..quic.errors import NotAcknowledged

QUEUE_MESSAGES = 64
ACCEPT_S = 10.0
OFFER_AGAIN_S = 1.0
_TAG_BYTES = 16


class QuicPeer(Protocol):
    """The part of quic.peer.Peer used here."""

    @property
    def takes_ack_requests(self) -> bool: ...

    async def send(self, payload: bytes) -> None: ...
    async def send_acknowledged(
        self, payload: bytes, timeout_s: float = ..., request_id: bytes | None = ...
    ) -> None: ...


class Listener(Protocol):
    """Who is told what became of a message, by its number."""

    def delivered(self, number: int, rtt_ms: int) -> None: ...
    def expired(self, number: int) -> None: ...


class Speech:
    """Use ``put`` while ``run`` runs."""

    def __init__(self, peer: QuicPeer, listener: Listener) -> None:
        self._peer = peer
        self._listener = listener
        self._waiting: list[tuple[int, int, int | None, bytes]] = []
        self._last = 0
        self._work = asyncio.Event()

    def put(self, payload: bytes, priority: int, deadline_ms: int | None) -> int:
        """Queue a message; returns its number.

        :raises Busy: QUEUE_MESSAGES are waiting
        :raises UsageError: longer than a message of a program may be
        """
        if len(payload) > MAX_DATA_BYTES + 1:
            raise UsageError(f"a message has at most {MAX_DATA_BYTES} bytes")
        if len(self._waiting) >= QUEUE_MESSAGES:
            raise Busy(f"{QUEUE_MESSAGES} messages are waiting")
        self._last += 1
        heapq.heappush(self._waiting, (-priority, self._last, deadline_ms, payload))
        self._work.set()
        return self._last

    async def run(self) -> NoReturn:
        """Hand over until cancelled.

        :raises PeerClosed: the connection has ended
        """
        while True:
            self._work.clear()
            while self._waiting:
                _, number, deadline_ms, payload = heapq.heappop(self._waiting)
                began_ms = now_ms()
                if deadline_ms is not None and began_ms >= deadline_ms:
                    self._listener.expired(number)
                    continue
                await self._hand_over(payload)
                self._listener.delivered(number, now_ms() - began_ms)
            await self._work.wait()

    async def _hand_over(self, payload: bytes) -> None:
        if not self._peer.takes_ack_requests:
            await self._peer.send(payload)
            return
        request_id = secrets.token_bytes(_TAG_BYTES)
        while True:
            try:
                await self._peer.send_acknowledged(payload, ACCEPT_S, request_id)
            except (TimeoutError, NotAcknowledged):
                await asyncio.sleep(OFFER_AGAIN_S)
            else:
                return
