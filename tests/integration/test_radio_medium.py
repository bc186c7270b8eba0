# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two whole nodes meet on a pretended radio channel, as their configurations say."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pqmesh_host.config import Config, FloorsConfig, LinkConfig, RadioConfig
from pqmesh_host.medium.server import MediumServer
from pqmesh_host.medium.settings import MediumSettings
from support.mesh_nodes import make_config, peer_id_in, running

pytestmark = pytest.mark.timeout(120)

SETTINGS = MediumSettings(bandwidth_hz=500_000, loss=0.05, seed=2)
RADIO = RadioConfig(
    frequency_hz=868_100_000, spreading_factor=7, bandwidth_khz=500, duty_permille=1000
)


def on_air(folder: Path, air: Path, expect: bytes) -> Config:
    link = LinkConfig(device=f"unix://{air}", kind="radio", name="air", expect=expect)
    return make_config(folder, link=(link,), radio=RADIO, floors=FloorsConfig(strangers="fast"))


async def test_programs_of_two_nodes_talk_over_the_air(tmp_path: Path) -> None:
    for side in ("one", "two"):
        make_config(tmp_path / side)
    first, second = peer_id_in(tmp_path / "one"), peer_id_in(tmp_path / "two")
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as short:
        air = Path(short) / "air"
        async with (
            MediumServer.open(air, SETTINGS) as server,
            running(on_air(tmp_path / "one", air, second)) as (one, _),
            running(on_air(tmp_path / "two", air, first)) as (two, _),
        ):
            one.session()
            async with two.session(first, 60_000) as there:
                message = await there.send(b"hello over the air", priority=1)
                await message.delivered(60_000)
                async with one.session(second, 60_000) as here:
                    assert await here.receive(60_000) == b"hello over the air"
            assert server.fates["received"] > 60  # a full handshake alone is more than that
