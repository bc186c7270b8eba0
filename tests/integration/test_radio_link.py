# SPDX-License-Identifier: MIT OR Apache-2.0
"""A gateway and a node on one radio, both held to its airtime, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pqmesh.identity import Identity
from pqmesh_host.config import FloorsConfig, RadioConfig
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.driver import now_us
from pqmesh_host.events import Event, EventBus
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.node_links import Links
from pqmesh_host.provision import Plan
from pqmesh_host.store import Store
from pqmesh_host.transports.memory import MemoryCable, MemoryLink, MemoryProvider
from pqmesh_node import plan as plans
from pqmesh_node import settings as board_settings
from pqmesh_node.app import Node as BoardNode
from pqmesh_node.clock import Clock
from pqmesh_node.events import AirtimeWait
from pqmesh_node.radio import planned_profile
from pqmesh_node.slots import FileSlots
from pqmesh_node.store import Directory
from pqmesh_node.store import Store as BoardStore
from pqmesh_node.vault import Vault
from support.airtime import Listener
from support.mesh_nodes import BoardLink, any_link, make_config
from support.virtual_loop import run_virtual

RADIO = RadioConfig(region="EU868", frequency_hz=868_100_000, spreading_factor=7)
FLOORS = FloorsConfig(strangers="always")
CRYPTO = HostCrypto()


class Tapped:
    """A provider whose link is listened to."""

    kind = "memory"

    def __init__(self, provider: MemoryProvider, listener: Listener) -> None:
        self.name = provider.name
        self._provider = provider
        self._listener = listener

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[MemoryLink]:
        async with self._provider.open() as link:
            plain = link.send

            async def send(frame: bytes) -> None:
                self._listener.hear(frame)
                await plain(frame)

            link.send = send  # type: ignore[method-assign]
            yield link


class Place:
    """Both ends, provisioned from one configuration."""

    def __init__(self, folder: Path, store: Store, key: bytes | None) -> None:
        path = folder / "network.key"
        if key is not None:
            path.write_bytes(key)
            path.chmod(0o600)
        radio = RadioConfig(**{**vars(RADIO), "network_key": None if key is None else path})
        link = any_link(kind="radio", name="mast")
        config = make_config(folder, radio=radio, link=(link,), floors=FLOORS)
        modulation = radio.plan().modulation()
        self.gateway_air = Listener(modulation, now_us)
        self.board_air = Listener(modulation, now_us)
        cable = MemoryCable(name="mast", mtu=255)
        identity, bus = Identity(bytes(32), CRYPTO), EventBus()
        self.events: list[tuple[int, Event]] = []
        bus._listeners.append(lambda event: self.events.append((now_us() // 1_000_000, event)))
        switchboard = Switchboard(identity.peer_id, store, bus, bytes)
        links = Links(identity, CRYPTO, store, switchboard, bus, config)
        (self.runner,) = links.runners([Tapped(cable.left, self.gateway_air)])
        self.told: list[Any] = []
        self.board = self._board(folder, Plan.of(config, "shed", None), cable)

    def _board(self, folder: Path, plan: Plan, cable: MemoryCable) -> BoardNode:
        flash = BoardStore(Directory(str(folder / "flash")))
        vault = Vault(FileSlots(flash.files))
        plans.keep(plans.parse(plan.encode()), flash, vault)
        return BoardNode(
            BoardLink(Tapped(cable.right, self.board_air)),  # type: ignore[arg-type]
            *(flash, CRYPTO),
            settings=board_settings.changed(board_settings.default(), interval_ms=2_000),
            profile=planned_profile(flash),
            on_event=self.told.append,
            vault=vault,
            clock=Clock(ticks=lambda: now_us() // 1000),
        )

    async def run(self, seconds: float) -> None:
        tasks = [asyncio.create_task(one.run()) for one in (self.runner, self.board)]
        await asyncio.sleep(seconds)
        for task in tasks:
            assert not task.done(), task
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def of(self, kind: str) -> list[tuple[int, Event]]:
        return [(at, event) for at, event in self.events if event.kind == kind]


@contextlib.contextmanager
def place(folder: Path, key: bytes | None) -> Iterator[Place]:
    with Store.open(folder / "state.sqlite") as store:
        yield Place(folder, store, key)


def visited(folder: Path, key: bytes | None, seconds: float) -> Place:
    async def main() -> Place:
        with place(folder, key) as here:
            await here.run(seconds)
            return here

    return run_virtual(main())


def test_both_ends_keep_the_hour_whatever_they_have_to_say(tmp_path: Path) -> None:
    here = visited(tmp_path, bytes(range(32)), 3 * 3600)
    assert not here.gateway_air.overlaps()
    assert not here.board_air.overlaps(1_000)  # a board's clock has milliseconds
    for listener in (here.gateway_air, here.board_air):
        assert listener.fullest_us() <= 36_000_000
    assert here.board_air.fullest_us() > 35_000_000  # it had more to say
    opened = here.of("session-open")
    assert opened[0][0] < 120
    readings = [at for at, _ in here.of("reading")]
    assert len(readings) > 300
    assert max(readings) > 2 * 3600  # and it goes on
    assert [event for event in here.told if isinstance(event, AirtimeWait)]
    assert len(opened) <= 3  # who waits for airtime is not taken for dead


def test_a_stranger_does_not_get_the_airtime_of_a_full_handshake(tmp_path: Path) -> None:
    """Its answer takes 10 s of air, and a fifth of the hour is 7.2 s: not without the key."""
    here = visited(tmp_path, None, 1_800)
    assert not here.of("session-open")
    assert here.runner.air is not None
    with_key = visited(tmp_path / "keyed", bytes(range(32)), 1_800)
    assert with_key.of("session-open")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    (tmp_path / "keyed").mkdir()
