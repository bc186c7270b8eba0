# SPDX-License-Identifier: MIT OR Apache-2.0
"""The medium as a process: firmware and simulated nodes join it by unix socket, in real time.

A client's connection is its radio's serial cable: frames both ways in RFC 1662 octet stuffing with
a CRC (pqmesh.framing.hdlc), one radio frame each, at most 255 bytes. The modem paces them: it
reads no further while its queue is full, so a sender feels the airtime as back-pressure.

Inputs and the fate of every frame go to a record, if there is one: record.py works it out again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from pqmesh.airtime.lora import MAX_PAYLOAD
from pqmesh.framing.hdlc import Deframer, enframe

from .model import Reception
from .modem import Air, Modem, ModemConfig, QueueFull
from .record import Writer
from .settings import MediumSettings

log = logging.getLogger(__name__)

_READ_BYTES = 4096
_FULL_PAUSE_S = 0.01


class MediumServer:
    """Use ``MediumServer.open``. Clients may come and go; a radio that left stays silent."""

    def __init__(self, air: Air, speed: float, record: Writer | None) -> None:
        self.fates: Counter[str] = Counter()
        """Receptions so far, by outcome."""

        self.joined = 0
        """Radios that ever joined; they are numbered from 0 on."""

        self._air = air
        self._speed = speed
        self._record = record
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
        settings: MediumSettings,
        modem: ModemConfig | None = None,
        *,
        speed: float = 1.0,
        record: Writer | None = None,
    ) -> AsyncIterator[MediumServer]:
        """Serve on ``socket_path`` until the block is left.

        :param modem: other than the default only without a record, which does not keep it
        :param speed: how much faster than life the medium runs; 1 is real time
        :raises ValueError: ``speed`` is not positive, or the settings make no medium
        :raises pqmesh.errors.UsageError: there is no such modulation, region or band
        :raises OSError: the socket cannot be made there
        """
        if speed <= 0:
            raise ValueError("speed is a positive factor; 1 is real time")
        server = cls(Air(settings.config(), modem), speed, record)
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

    async def plug_in(self, cable: Path) -> None:
        """Join a board whose serial cable is the unix socket ``cable``: an emulator's, say.

        :raises OSError: nobody listens there
        """
        self._accept(*await asyncio.open_unix_connection(cable))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        modem = self._join()
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

    def _join(self) -> Modem:
        now = self._advance()
        modem = self._air.join(f"client {self.joined}")
        self.joined += 1
        if self._record is not None:
            self._record.joined(now, modem.number)
        return modem

    async def _offer(self, modem: Modem, frame: bytes) -> None:
        while True:
            now = self._advance()
            try:
                modem.offer(frame, now)
            except QueueFull:
                await asyncio.sleep(_FULL_PAUSE_S / self._speed)
            else:
                break
        if self._record is not None:
            self._record.sent(now, modem.number, frame)
        self._changed.set()

    def _advance(self) -> int:
        """Let everything happen that is due, before anything new does; returns the time."""
        now = self._now_us()
        for reception in self._air.advance(now):
            self._deliver(reception)
        return now

    async def _run(self) -> None:
        while True:
            self._advance()
            self._changed.clear()
            deadline = self._air.next_deadline_us()
            wait = None if deadline is None else max(0, deadline - self._now_us())
            seconds = None if wait is None else wait / 1e6 / self._speed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    def _deliver(self, reception: Reception) -> None:
        self.fates[reception.outcome] += 1
        if self._record is not None:
            self._record.ended(reception)
        writer = self._writers.get(reception.receiver)
        if reception.outcome == "received" and writer is not None and not writer.is_closing():
            writer.write(enframe(reception.frame))

    def _now_us(self) -> int:
        elapsed = asyncio.get_running_loop().time() - self._started
        return int(elapsed * 1e6 * self._speed)
