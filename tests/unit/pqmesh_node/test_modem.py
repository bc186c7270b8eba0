# SPDX-License-Identifier: MIT OR Apache-2.0
"""A modem on a serial line: whoever sends waits until the frame has left."""

import asyncio

import pytest

from pqmesh.airtime.lora import LoraModulation
from pqmesh.framing.hdlc import enframe
from pqmesh.links import lora
from pqmesh_node.modem import ModemLink

PROFILE = lora(LoraModulation(7, 500_000))


class Port:
    def __init__(self) -> None:
        self.written: list[bytes] = []

    async def write(self, data: bytes) -> None:
        self.written.append(data)


async def test_a_frame_takes_its_airtime():
    port = Port()
    link = ModemLink(port, PROFILE)
    started = asyncio.get_running_loop().time()
    await link.send(bytes(100))
    assert asyncio.get_running_loop().time() - started >= PROFILE.airtime_ms(100) / 1000
    assert port.written == [enframe(bytes(100))]
    assert link.mtu == PROFILE.mtu
    with pytest.raises(ValueError):
        await link.send(bytes(PROFILE.mtu + 1))
