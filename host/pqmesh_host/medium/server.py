# SPDX-License-Identifier: MIT OR Apache-2.0
"""The medium as a process: firmware and simulated nodes join it by unix socket, in real time.

A client's connection is its radio's serial cable: frames both ways in RFC 1662 octet stuffing with
a CRC (pqmesh.framing.hdlc), one radio frame each, at most 255 bytes. The modem paces them: it
reads no further while its queue is full, so a sender feels the airtime as back-pressure.

Every frame's fate is reported to ``on_fate`` and, as one JSON line each, to a trace; the same
seed and the same inputs at the same times give the same trace.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TextIO

from pqmesh.airtime.lora import MAX_PAYLOAD
from pqmesh.framing.hdlc import Deframer, enframe

from .model import MediumConfig, Reception
from .modem import Air, Modem, ModemConfig, QueueFull

log = logging.getLogger(__name__)

_READ_BYTES = 4096
_FULL_PAUSE_S = 0.01


class MediumServer:
    """Use ``MediumServer.open``. Clients may come and go; a radio that left stays silent."""

    def __init__(self, air: Air, speed: float, trace: TextIO | None) -> None:
        self._air = air
        self._speed = speed
        self._trace = trace
        self._started = asyncio.get_running_loop().time()
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.dropped = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        socket_path: Path,
        config: MediumConfig,
        modem: ModemConfig | None = None,
        *,
        speed: float = 1.0,
        trace: TextIO | None = None,
    ) -> AsyncIterator[MediumServer]:
        """Serve on ``socket_path`` until the block is left.

        :param speed: how much faster than life the medium runs; 1 is real time
        :raises ValueError: ``speed`` is not positive
        :raises OSError: the socket cannot be made there
        """
        if speed <= 0:
            raise ValueError("speed is a positive factor; 1 is real time")
        server = cls(Air(config, modem), speed, trace)
        listener = await asyncio.start_unix_server(server._accept, socket_path)
        clock = asyncio.create_task(server._run())
        try:
            yield server
        finally:
            listener.close()
            clock.cancel()
            for writer in list(server._writers.values()):
                writer.close()
            await asyncio.gather(clock, *server._serving, return_exceptions=True)
            await asyncio.to_thread(socket_path.unlink, missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        modem = self._air.join(f"client {len(self._writers)}")
        self._writers[modem.number] = writer
        deframer = Deframer(MAX_PAYLOAD)
        try:
            while chunk := await reader.read(_READ_BYTES):
                for frame in deframer.feed(chunk):
                    await self._offer(modem, frame)
        except ConnectionError as error:
            log.info("client %d: %s", modem.number, error)
        finally:
            self.dropped += deframer.dropped
            del self._writers[modem.number]
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _offer(self, modem: Modem, frame: bytes) -> None:
        while True:
            try:
                modem.offer(frame, self._now_us())
            except QueueFull:
                await asyncio.sleep(_FULL_PAUSE_S / self._speed)
            else:
                self._changed.set()
                return

    async def _run(self) -> None:
        while True:
            for reception in self._air.advance(self._now_us()):
                self._deliver(reception)
            self._changed.clear()
            deadline = self._air.next_deadline_us()
            wait = None if deadline is None else max(0, deadline - self._now_us())
            seconds = None if wait is None else wait / 1e6 / self._speed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    def _deliver(self, reception: Reception) -> None:
        if self._trace is not None:
            fate = {
                "at_us": reception.at_us,
                "from": reception.sender,
                "to": reception.receiver,
                "fate": reception.outcome,
                "frame": reception.frame.hex(),
            }
            self._trace.write(json.dumps(fate) + "\n")
        writer = self._writers.get(reception.receiver)
        if reception.outcome == "received" and writer is not None and not writer.is_closing():
            writer.write(enframe(reception.frame))

    def _now_us(self) -> int:
        elapsed = asyncio.get_running_loop().time() - self._started
        return int(elapsed * 1e6 * self._speed)
