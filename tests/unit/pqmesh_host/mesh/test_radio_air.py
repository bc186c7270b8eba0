# SPDX-License-Identifier: MIT OR Apache-2.0
"""A gateway's radio link in virtual time: never over the budget, and honest about when."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pqmesh.airtime.budget import AirtimeExhausted
from pqmesh.identity import Identity
from pqmesh_host.config import FloorsConfig, RadioConfig
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.driver import now_us
from pqmesh_host.events import Event, EventBus
from pqmesh_host.mesh.link_runner import LinkRunner
from pqmesh_host.mesh.radio_air import SHORT_COMMAND_BYTES, RadioAir
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.node_links import Links
from pqmesh_host.node_snapshot import link_snapshot
from pqmesh_host.store import Store
from pqmesh_host.transports.base import LinkBroken, LinkUnavailable
from pqmesh_host.transports.memory import MemoryCable
from support.airtime import HOUR_US, Listener
from support.mesh_nodes import any_link, make_config
from support.virtual_loop import run_virtual

OWN, BOARD = b"\x00" * 32, b"\xb0" * 32
FLOORS = FloorsConfig(strangers="always")
NARROW = RadioConfig(region="EU868", frequency_hz=864_100_000)  # 3.6 s in any hour


class Site:
    """A gateway that calls for a board that does not answer, and a listener beside it."""

    def __init__(
        self, folder: Path, store: Store, radio: RadioConfig, floors: FloorsConfig = FLOORS
    ) -> None:
        link = any_link(kind="radio", name="mast")
        config = make_config(folder, radio=radio, link=(link,), floors=floors)
        crypto, bus = HostCrypto(), EventBus()
        self.events: list[tuple[int, Event]] = []
        bus._listeners.append(lambda event: self.events.append((now_us(), event)))
        board = Switchboard(OWN, store, bus, bytes)
        self.cable = MemoryCable(name="mast", mtu=255)
        links = Links(Identity(bytes(32), crypto), crypto, store, board, bus, config)
        (self.runner,) = links.runners([self.cable.left])
        self.listener = Listener(radio.plan().modulation(), now_us)

    async def run(self, hours: float) -> None:
        async def listen() -> None:
            while True:
                with contextlib.suppress(LinkBroken, LinkUnavailable):
                    async with self.cable.right.open() as link:
                        while True:
                            self.listener.hear(await link.receive())
                await asyncio.sleep(0.1)

        tasks = [asyncio.create_task(listen()), asyncio.create_task(self.runner.run())]
        await asyncio.sleep(hours * 3600)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def of(self, kind: str) -> list[tuple[int, Event]]:
        return [(at, event) for at, event in self.events if event.kind == kind]


def visited(folder: Path, radio: RadioConfig, hours: float) -> Site:
    async def main() -> Site:
        with Store.open(folder / "state.sqlite") as store:
            site = Site(folder, store, radio)
            await site.run(hours)
            return site

    return run_virtual(main())


def test_a_gateway_never_exceeds_its_hour_and_says_when_it_may_go_on(tmp_path: Path) -> None:
    site = visited(tmp_path, NARROW, 5)
    heard = site.listener
    assert not heard.overlaps()
    assert 3_000_000 < heard.fullest_us() <= 3_600_000
    waits = site.of("airtime")
    assert len(waits) > 3
    for at, event in waits[:-1]:
        promised = at + event.details["retry_in_ms"] * 1000
        after = next(begin for begin, _ in heard.sent if begin >= at)
        assert 0 <= promised - after < 2_000  # not before, and at once then
    text = waits[0][1].text
    assert text.startswith("EU868 863-865: 3.")
    assert "s of 3.6 s in the last 3,600 s are used; next possible" in text


def test_a_board_that_is_not_there_does_not_cost_the_hour(tmp_path: Path) -> None:
    radio = RadioConfig(region="EU868", frequency_hz=868_100_000)
    late = visited(tmp_path, radio, 4).listener.sent
    spent = sum(end - begin for begin, end in late if begin > 2 * HOUR_US)
    assert 0 < spent / 2 < 12_000_000  # a third


def test_where_strangers_are_off_nobody_is_called_who_is_not_known(tmp_path: Path) -> None:
    async def main() -> Site:
        with Store.open(tmp_path / "state.sqlite") as store:
            site = Site(tmp_path, store, NARROW, FloorsConfig())
            running = asyncio.create_task(site.run(1))
            await asyncio.sleep(600)
            link = site.cable.links["right"]
            for number in range(1_000):  # frames of sessions that are not ours: anyone can send
                await link.send(bytes((0, number >> 8, number & 255, 0, 0)) + bytes(24))
                await asyncio.sleep(2)
            await running
            return site

    site = run_virtual(main())
    assert site.runner.drops["UnknownSession"] > 900
    assert not site.listener.sent
    assert not site.of("session-refused")


def test_frames_of_unknown_sessions_do_not_make_a_gateway_call_more_often(tmp_path: Path) -> None:
    async def main() -> Site:
        with Store.open(tmp_path / "state.sqlite") as store:
            radio = RadioConfig(frequency_hz=868_100_000, duty_permille=1000)
            site = Site(tmp_path, store, radio, FLOORS)
            running = asyncio.create_task(site.run(4))
            for number in range(4 * 1_800 - 10):
                await asyncio.sleep(2)
                link = site.cable.links["right"]
                await link.send(bytes((0, number >> 8 & 255, number & 255, 0, 0)) + bytes(24))
            await running
            return site

    late = run_virtual(main()).listener.sent
    assert 0 < sum(end - begin for begin, end in late if begin > 2 * HOUR_US) / 2 < 12_000_000


def test_an_operator_s_share_is_kept_as_well(tmp_path: Path) -> None:
    radio = RadioConfig(region="EU868", frequency_hz=868_100_000, duty_permille=1)
    assert 3_000_000 < visited(tmp_path, radio, 3).listener.fullest_us() <= 3_600_000


def test_a_dwell_time_is_kept(tmp_path: Path) -> None:
    radio = RadioConfig(region="US915", frequency_hz=915_000_000, spreading_factor=7)
    site = visited(tmp_path, radio, 0.5)
    assert site.listener.fullest_us(20_000_000) <= 400_000


def test_without_a_region_a_hundredth_of_any_hour_is_the_limit(tmp_path: Path) -> None:
    site = visited(tmp_path, RadioConfig(frequency_hz=868_100_000, spreading_factor=12), 2)
    assert 30_000_000 < site.listener.fullest_us() <= HOUR_US // 100


def test_the_snapshot_shows_what_was_sent_and_what_waits(tmp_path: Path) -> None:
    async def main() -> tuple[Any, Any]:
        with Store.open(tmp_path / "state.sqlite") as store:
            site = Site(tmp_path, store, NARROW)
            before = link_snapshot(site.runner).airtime
            await site.run(0.9)
            return before, link_snapshot(site.runner).airtime

    before, after = run_virtual(main())
    assert before == {
        "where": "EU868 863-865",
        "used_ms": 0,
        "budget_ms": 3_600,
        "window_ms": 3_600_000,
        "next_in_ms": 0,
        "held_ms": 0,
        "dropped": 0,
    }
    assert 3_000 < after["used_ms"] <= 3_600
    assert 0 < after["next_in_ms"] < 3_600_000


def test_what_was_sent_counts_after_the_link_was_opened_again(tmp_path: Path) -> None:
    async def main() -> Site:
        with Store.open(tmp_path / "state.sqlite") as store:
            site = Site(tmp_path, store, NARROW)
            running = asyncio.create_task(site.run(2))
            for _ in range(20):
                await asyncio.sleep(300)
                site.cable.pull()
                await asyncio.sleep(1)
                site.cable.plug()
            await running
            return site

    site = run_virtual(main())
    assert len(site.of("link-lost")) > 5
    assert site.runner.air is not None
    assert 3_000_000 < site.listener.fullest_us() <= 3_600_000


def test_how_long_a_short_frame_would_wait() -> None:
    async def main() -> None:
        air = RadioAir(NARROW.plan())
        assert air.wait_ms() == 0
        while air.budget.next_possible_us(SHORT_COMMAND_BYTES, now_us()) == now_us():
            duration = air.budget.spend(SHORT_COMMAND_BYTES, now_us())
            await asyncio.sleep(duration / 1_000_000 + 0.001)
        with pytest.raises(AirtimeExhausted) as refusal:
            air.budget.spend(SHORT_COMMAND_BYTES, now_us())
        expected = refusal.value.next_possible_us - now_us()
        assert air.wait_ms() == (expected + 999) // 1000
        await asyncio.sleep(expected / 1_000_000 + 0.001)
        assert air.wait_ms() == 0

    run_virtual(main())


def test_a_cable_has_no_airtime(tmp_path: Path) -> None:
    async def main() -> LinkRunner:
        with Store.open(tmp_path / "state.sqlite") as store:
            config = make_config(tmp_path, radio=NARROW, link=(any_link(name="bench"),))
            crypto, bus = HostCrypto(), EventBus()
            board = Switchboard(OWN, store, bus, bytes)
            links = Links(Identity(bytes(32), crypto), crypto, store, board, bus, config)
            return links.runners([MemoryCable(name="bench").left])[0]

    runner = run_virtual(main())
    assert runner.air is None
    assert link_snapshot(runner).airtime == {}
    assert dataclasses.asdict(link_snapshot(runner))["airtime"] == {}
