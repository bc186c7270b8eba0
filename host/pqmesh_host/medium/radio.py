# SPDX-License-Identifier: MIT OR Apache-2.0
"""A host's radio on a medium: a link of transports.base whose ``send`` takes a frame's airtime.

async with open_radio(Path("air.sock"), LoraModulation(7)) as link, Endpoint.open(
    link, identity, profile=lora(LoraModulation(7))
) as endpoint:
    ...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from pqmesh.airtime.lora import LoraModulation
from pqmesh.links import lora

from ..transports.base import LinkInfo, LinkUnavailable
from ..transports.stream import StreamLink

MTU = 222
"""As LoRaWAN's largest frame."""


class RadioLink(StreamLink):
    """Use ``open_radio``."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        modulation: LoraModulation,
        speed: float,
    ) -> None:
        rate = lora(modulation, MTU).bits_per_second
        info = LinkInfo(name="radio", mtu=MTU, bits_per_second=rate, broadcast=True)
        super().__init__(reader, writer, info, paced=False)
        self._modulation = modulation
        self._speed = speed

    async def send(self, frame: bytes) -> None:
        """As Link.send, and wait until the frame has left, if the channel was free."""
        await super().send(frame)
        await asyncio.sleep(self._modulation.time_on_air_us(len(frame)) / 1e6 / self._speed)


@contextlib.asynccontextmanager
async def open_radio(
    socket_path: Path, modulation: LoraModulation, *, speed: float = 1.0
) -> AsyncIterator[RadioLink]:
    """Join the medium that is served at ``socket_path``.

    :param speed: the medium's
    :raises LinkUnavailable: no medium is there
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
    except OSError as error:
        raise LinkUnavailable(
            f"No medium is at {socket_path}: {error.strerror or error}.",
            f"Start one: `pqmesh medium run --socket {socket_path}`.",
        ) from error
    link = RadioLink(reader, writer, modulation, speed)
    try:
        yield link
    finally:
        await link.aclose()
