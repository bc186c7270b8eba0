# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a configured link becomes: rate, provider, and whom to try first."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pqmesh.airtime.plan import MTU
from pqmesh.engine.events import Refused
from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK
from pqmesh.wire.resumption import HS_R
from pqmesh_host.config import Config, FloorsConfig, RadioConfig
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.events import EventBus
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.network_key import NetworkKeyError
from pqmesh_host.node_links import Links, profile_of, provider_of
from pqmesh_host.store import Store
from pqmesh_host.transports.memory import MemoryCable
from support.mesh_nodes import any_link
from support.tickets import ticket

OWN, BOARD, OTHER = b"\x00" * 32, b"\xb0" * 32, b"\xb1" * 32


def test_a_link_brings_its_rate_into_the_engines_timers() -> None:
    link = any_link(baud=9600, name="slow", paced=False)
    assert profile_of(link).bits_per_second == 9600
    assert profile_of(None) == SERIAL_LINK
    assert provider_of(link).name == "slow"


async def test_the_likely_board_is_the_links_last_one_that_has_a_ticket(tmp_path: Path) -> None:
    crypto, bus = HostCrypto(), EventBus()
    with Store.open(tmp_path / "state.sqlite") as store:
        switchboard = Switchboard(OWN, store, bus, bytes)
        links = Links(Identity(bytes(32), crypto), crypto, store, switchboard, bus, Config())
        assert links._likely("bench", None) is None
        store.note_peer(BOARD, "bench")
        assert links._likely("bench", None) is None
        links.tickets.save(ticket(BOARD))
        assert links._likely("bench", None) == BOARD
        assert links._likely("elsewhere", None) is None
        assert links._likely("elsewhere", BOARD) == BOARD
        assert links._likely("bench", OTHER) is None


RADIO = RadioConfig(region="EU868", frequency_hz=868_100_000)


def engine_of(folder: Path, config: Config) -> Any:
    """The engine of the only link."""
    crypto, bus = HostCrypto(), EventBus()
    with Store.open(folder / "state.sqlite") as store:
        board = Switchboard(OWN, store, bus, bytes)
        links = Links(Identity(bytes(32), crypto), crypto, store, board, bus, config)
        (runner,) = links.runners([MemoryCable().left])
        return runner._make_engine(None)


def refusal(engine: Any) -> str | None:
    """Why a connect with anybody is refused at once; None: it is not."""
    engine.connect(0)
    event = engine.next_event()
    return event.reason if isinstance(event, Refused) else None


async def test_a_radio_link_has_the_radio_s_profile_and_the_network_s_floors(
    tmp_path: Path,
) -> None:
    link = any_link(kind="radio")
    assert profile_of(link, RADIO) == RADIO.plan().profile()
    assert provider_of(link, RADIO)._info.mtu == MTU  # type: ignore[attr-defined]
    engine = engine_of(tmp_path, Config(link=(link,), radio=RADIO))
    assert engine._context.link == RADIO.plan().profile()
    assert refusal(engine) == "HS-S with whoever is there is not for this link"
    floors = FloorsConfig(strangers="always")
    assert refusal(engine_of(tmp_path, Config(link=(link,), radio=RADIO, floors=floors))) is None


async def test_a_link_s_own_floor_binds_a_cable_too(tmp_path: Path) -> None:
    plain, strict = any_link(), any_link(floor="hs-k")
    assert engine_of(tmp_path, Config(link=(plain,)))._resumes._floors is None
    floors = engine_of(tmp_path, Config(link=(strict,)))._resumes._floors
    assert floors.objection(BOARD, HS_R) == "HS-R is below HS-K"
    radio = any_link(kind="radio", floor="hs-rk")
    whole = FloorsConfig(minimum="hs-k")
    config = Config(link=(radio,), radio=RADIO, floors=whole)
    floors = engine_of(tmp_path, config)._resumes._floors
    assert floors.objection(BOARD, HS_R) == "HS-R is below HS-RK"


async def test_the_network_s_key_is_shown_on_radios_only(tmp_path: Path) -> None:
    path = tmp_path / "network.key"
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    radio = dataclasses.replace(RADIO, network_key=path)
    shown = engine_of(tmp_path, Config(link=(any_link(kind="radio"),), radio=radio))
    assert shown._handshakes._entrances._key is not None
    path.unlink()
    engine_of(tmp_path, Config(link=(any_link(),), radio=radio))  # nobody needs it
    with pytest.raises(NetworkKeyError):
        engine_of(tmp_path, Config(link=(any_link(kind="radio"),), radio=radio))
