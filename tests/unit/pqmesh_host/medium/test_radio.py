# SPDX-License-Identifier: MIT OR Apache-2.0
"""A host's radio on a medium: joined by path, slow as the air."""

import asyncio
from pathlib import Path

import pytest

from pqmesh.airtime.lora import LoraModulation
from pqmesh_host.medium.radio import MTU, open_radio
from pqmesh_host.medium.server import MediumServer
from pqmesh_host.medium.settings import MediumSettings
from pqmesh_host.transports.base import LinkUnavailable

SF7 = LoraModulation(7)


async def test_frames_go_and_take_their_airtime(tmp_path: Path) -> None:
    speed = 20.0
    async with (
        MediumServer.open(tmp_path / "air", MediumSettings(), speed=speed) as server,
        open_radio(tmp_path / "air", SF7, speed=speed) as one,
        open_radio(tmp_path / "air", SF7, speed=speed) as two,
    ):
        async with asyncio.timeout(5):
            while server.joined < 2:
                await asyncio.sleep(0.001)
        assert one.info.mtu == MTU
        assert one.info.broadcast
        started = asyncio.get_running_loop().time()
        await one.send(bytes(200))
        took = asyncio.get_running_loop().time() - started
        assert took >= SF7.time_on_air_us(200) / 1e6 / speed
        async with asyncio.timeout(5):
            assert await two.receive() == bytes(200)
        with pytest.raises(ValueError):
            await one.send(bytes(MTU + 1))


async def test_no_medium_is_said_with_advice(tmp_path: Path) -> None:
    with pytest.raises(LinkUnavailable, match="pqmesh medium run"):
        async with open_radio(tmp_path / "air", SF7):
            pass
