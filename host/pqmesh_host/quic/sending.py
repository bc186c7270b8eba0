# SPDX-License-Identifier: MIT OR Apache-2.0
"""The sending half of a peer: callers in order, room before bytes, answers awaited."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from . import messages
from .connection import PqConnection
from .errors import NotAcknowledged
from .limits import QuicLimits
from .outbox import Outbox
from .streams import Streams


class Sender:
    """``check_open`` raises what ended the peer; ``touch`` has it transmitted soon."""

    def __init__(
        self,
        connection: PqConnection,
        streams: Streams,
        limits: QuicLimits,
        check_open: Callable[[], None],
        touch: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._streams = streams
        self._check_open = check_open
        self._touch = touch
        self._outbox = Outbox(connection, limits)
        self._turn = asyncio.Lock()
        self._progress = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether everything sent has been acknowledged."""
        return self._outbox.is_empty

    async def send(self, data: bytes) -> None:
        """Put one message on a uni stream, once there is room."""
        async with self._turn:
            self._put(await self._next_stream(len(data)), data)

    async def open_stream(self, head: bytes) -> int:
        """Open a bidi stream, once the peer's credit allows; ``head`` goes out at once."""
        async with self._turn:
            stream_id = await self._next_stream(len(head), bidi=True)
            self._connection.send_stream_data(stream_id, head)
            self._touch()
            return stream_id

    async def send_acknowledged(
        self, data: bytes, timeout_s: float, request_id: bytes | None
    ) -> None:
        """See ``Peer.send_acknowledged``."""
        if not self._connection.takes_ack_requests:
            raise NotAcknowledged(1, 3, "the peer does not speak ACK-v2")
        tag = secrets.token_bytes(messages.TAG_BYTES) if request_id is None else request_id
        if len(tag) != messages.TAG_BYTES:
            raise ValueError(f"a request id has {messages.TAG_BYTES} bytes")
        async with asyncio.timeout(timeout_s):
            async with self._turn:
                stream_id = await self._next_stream(len(data), bidi=True)
                answer = self._streams.expect_ack(stream_id)
                self._put(stream_id, messages.ACK_REQUEST + tag + data)
            kind, value = await answer
        if (kind, value) != messages.ACCEPTED:
            raise NotAcknowledged(kind, value, messages.describe_ack(kind, value))

    async def probe(self, timeout_s: float) -> float:
        """See ``Peer.probe``."""
        if not self._connection.takes_ack_requests:
            raise NotAcknowledged(1, 3, "the peer does not answer probes")
        self._check_open()
        loop = asyncio.get_running_loop()
        tag = secrets.token_bytes(messages.TAG_BYTES)
        begun = loop.time()
        async with asyncio.timeout(timeout_s), self._turn:
            stream_id = await self._next_stream(0)
            answer = self._streams.expect_probe_answer(tag)
            self._put(stream_id, messages.probe(tag))
            await answer
        return (loop.time() - begun) * 1000

    async def progressed(self) -> None:
        """Wait until packets arrived, or the peer ended."""
        self._progress.clear()
        await self._progress.wait()

    def wake(self) -> None:
        """Perhaps there is room again; or there never will be."""
        self._progress.set()

    def _put(self, stream_id: int, data: bytes) -> None:
        self._outbox.put(stream_id, data)
        self._touch()

    async def _next_stream(self, size: int, *, bidi: bool = False) -> int:
        """Wait for room for ``size`` more bytes; return the stream to put them on."""
        while True:
            self._check_open()
            stream_id = self._outbox.stream_for(size, bidi=bidi)
            if stream_id is not None:
                return stream_id
            await self.progressed()
