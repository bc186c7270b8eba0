# SPDX-License-Identifier: MIT OR Apache-2.0
"""A link over any byte stream: HDLC-style framing around an asyncio reader and writer.

Serial ports, TCP sockets and unix sockets differ only in how they are opened (serial.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from pqmesh.framing.hdlc import Deframer, enframe

from .base import LinkBroken, LinkClosed, LinkCounters, LinkInfo

READ_BYTES = 4096
BITS_PER_OCTET = 10
"""On a serial line an octet is a start bit, eight data bits and a stop bit."""

CLOSE_S = 2.0
"""How long ``aclose`` lets octets already handed over drain before it cuts them off."""


class StreamLink:
    """Frames over a byte stream; implements ``base.Link``.

    Nothing is read ahead of ``receive`` but one chunk, so a flood stays in the medium's own
    buffers and slows its sender, where the medium can do that at all.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        info: LinkInfo,
        *,
        paced: bool,
    ) -> None:
        """
        :param paced: spend as long on each frame as a line of ``info.bits_per_second`` would.
            For sockets that stand in for a cable; a real port is paced by its own hardware.
        """
        self.info = info
        self.counters = LinkCounters()
        self._reader = reader
        self._writer = writer
        self._deframer = Deframer(info.mtu)
        self._arrived: deque[bytes] = deque()  # at most what one chunk holds
        self._paced = paced
        self._turn = asyncio.Lock()
        self._line_free_at = 0.0
        self._closed = False

    async def send(self, frame: bytes) -> None:
        if not 0 < len(frame) <= self.info.mtu:
            raise ValueError(f"a frame has 1 to {self.info.mtu} bytes, not {len(frame)}")
        octets = enframe(frame)
        async with self._turn:
            self._check_open()
            if self._paced:
                await self._occupy_line(len(octets))
                self._check_open()
            self._writer.write(octets)
            self.counters.octets_out += len(octets)
            self.counters.frames_out += 1
            try:
                await self._writer.drain()
            except OSError as error:
                raise self._ended(error) from error

    async def receive(self) -> bytes:
        while not self._arrived:
            if self._closed:
                raise LinkClosed
            try:
                chunk = await self._reader.read(READ_BYTES)
            except OSError as error:
                raise self._ended(error) from error
            if not chunk:
                raise self._ended(None)
            self._take(chunk)
        return self._arrived.popleft()

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._arrived.clear()
        self._writer.close()
        # What the medium says while closing no longer interests anyone.
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()
            return
        self._writer.transport.abort()

    def _take(self, chunk: bytes) -> None:
        self._arrived.extend(self._deframer.feed(chunk))
        self.counters.octets_in += len(chunk)
        self.counters.frames_in += len(self._arrived)
        self.counters.frames_bad = self._deframer.dropped

    async def _occupy_line(self, octets: int) -> None:
        now = asyncio.get_running_loop().time()
        seconds = octets * BITS_PER_OCTET / self.info.bits_per_second
        self._line_free_at = max(now, self._line_free_at) + seconds
        await asyncio.sleep(self._line_free_at - now)

    def _check_open(self) -> None:
        if self._closed:
            raise LinkClosed
        if self._writer.is_closing():
            raise LinkBroken("the other end hung up")

    def _ended(self, error: OSError | None) -> LinkClosed | LinkBroken:
        """Who ended the stream: we did, or the medium."""
        if self._closed:
            return LinkClosed()
        return LinkBroken("the other end hung up" if error is None else str(error))
