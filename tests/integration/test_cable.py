# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pulled cables and restarts: the gateway says so, comes back, and loses or doubles nothing."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pqmesh.engine.events import Delivered
from pqmesh.limits import SERIAL_LINK
from pqmesh_host.config import Config
from pqmesh_host.errors import StoreError
from pqmesh_host.node import CommandTimeout, CommandUnreachable
from pqmesh_host.transports.memory import MemoryCable
from pqmesh_node.events import Published
from support.mesh_nodes import (
    SOON_S,
    Watched,
    any_link,
    board,
    joining,
    make_config,
    peer_id_in,
    running,
    trusting,
)


@pytest.fixture
def cable() -> MemoryCable:
    return MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")


@pytest.fixture
def gateway_config(tmp_path: Path) -> Config:
    make_config(tmp_path / "peer")
    trust = trusting(peer_id_in(tmp_path / "peer"))
    return make_config(tmp_path / "gateway", link=(any_link(),), quic=trust)


def ids(watched: Watched) -> Counter[str]:
    watched.drain()
    return Counter(event.details["id"] for event in watched.of("reading"))


async def until_all_arrived(watched: Watched, published: list[str]) -> None:
    async with asyncio.timeout(SOON_S):
        while set(published) - set(ids(watched)):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("frames", [1, 6, 14])
async def test_a_cable_pulled_in_mid_handshake(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config, frames: int
) -> None:
    async with (
        running(gateway_config, providers=[cable.left]) as (gateway, at_gateway),
        board(cable, tmp_path / "board", expect=gateway.peer_id),
    ):
        async with asyncio.timeout(SOON_S):
            while not cable.links or cable.links["left"].counters.frames_out < frames:
                await asyncio.sleep(0)
        cable.pull()
        lost = (await at_gateway.wait("link-lost"))[0]
        assert lost.details["retry_in_ms"] > 0
        assert not at_gateway.of("session-open")
        await at_gateway.wait("link-waiting")
        cable.plug()
        await at_gateway.wait("session-open")
        await at_gateway.wait("reading")


async def test_a_cable_pulled_again_and_again_loses_and_doubles_nothing(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    published: list[str] = []
    delivered: list[Delivered] = []

    def note(event: Any) -> None:
        if isinstance(event, Published):
            published.append(event.id.hex())
        elif isinstance(event, Delivered):
            delivered.append(event)

    pauses = random.Random(7)
    async with (
        running(gateway_config, providers=[cable.left]) as (gateway, at_gateway),
        running(joining(gateway, tmp_path / "peer")) as (_, at_peer),
        board(cable, tmp_path / "board", interval_ms=100, on_event=note),
    ):
        for pull in range(4):
            await at_gateway.wait("session-open", count=pull + 1)
            await asyncio.sleep(pauses.uniform(0.05, 0.4))
            cable.pull()
            await at_gateway.wait("link-lost", count=pull + 1)
            cable.plug()
        await at_gateway.wait("session-open", count=5)
        so_far = list(published)
        await until_all_arrived(at_peer, so_far)
        await until_all_arrived(at_gateway, so_far)
        assert len(delivered) > 10
    assert max(ids(at_gateway).values()) == 1
    assert max(ids(at_peer).values()) == 1


async def test_a_gateway_that_restarts_takes_nothing_twice(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    published: list[str] = []

    def note(event: Any) -> None:
        if isinstance(event, Published):
            published.append(event.id.hex())

    total: Counter[str] = Counter()
    async with board(cable, tmp_path / "board", interval_ms=100, on_event=note):
        for run in range(3):
            async with running(gateway_config, providers=[cable.left]) as (_, at_gateway):
                await at_gateway.wait("reading", count=3)
                if run == 2:
                    async with asyncio.timeout(SOON_S):
                        while set(published[:6]) - set(total + ids(at_gateway)):
                            await asyncio.sleep(0.05)
            total += ids(at_gateway)
    assert max(total.values()) == 1


async def test_readings_wait_for_a_named_peer_that_is_away(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    async with (
        running(gateway_config, providers=[cable.left]) as (gateway, at_gateway),
        board(cable, tmp_path / "board"),
    ):
        await at_gateway.wait("reading", count=6)
        kept = set(ids(at_gateway))
        assert gateway.snapshot().waiting == {peer_id_in(tmp_path / "peer").hex(): len(kept)}
        async with running(joining(gateway, tmp_path / "peer")) as (_, at_peer):
            await until_all_arrived(at_peer, sorted(kept))
            await at_gateway.wait("forwarded", count=len(kept))
    assert max(ids(at_peer).values()) == 1


async def test_a_peer_that_restarts_is_dialled_again_and_misses_nothing(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    seen: Counter[str] = Counter()
    async with (
        running(gateway_config, providers=[cable.left]) as (gateway, at_gateway),
        board(cable, tmp_path / "board", interval_ms=100),
    ):
        for run in range(2):
            async with running(joining(gateway, tmp_path / "peer")) as (_, at_peer):
                await at_peer.wait("reading", count=4)
                if run == 1:
                    await until_all_arrived(at_peer, sorted(set(ids(at_gateway)) - set(seen)))
            seen += ids(at_peer)
            if run == 0:
                await at_gateway.wait("peer-closed")
    assert max(seen.values()) == 1


async def test_a_command_for_a_board_that_is_away_is_refused_at_once(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    async with (
        running(gateway_config, providers=[cable.left]) as (gateway, at_gateway),
        running(joining(gateway, tmp_path / "peer")) as (peer, at_peer),
    ):
        async with board(cable, tmp_path / "board", expect=gateway.peer_id) as node:
            name = node.peer_id.hex()
            await at_peer.wait("reading")
            cable.pull()
            await at_gateway.wait("session-lost")
        answer = await peer.command(name, "ping", {}, 5)
        assert not answer["ok"]
        assert answer["from"] == gateway.peer_id.hex()
        assert "not connected here" in answer["result"]


async def test_a_command_that_nobody_can_carry_is_not_sent(
    cable: MemoryCable, gateway_config: Config
) -> None:
    async with running(gateway_config, providers=[cable.left]) as (gateway, _):
        with pytest.raises(CommandUnreachable, match="no peer is"):
            await gateway.command("77" * 32, "ping", {}, 5)
        assert gateway.snapshot().waiting == {}


async def test_a_command_without_an_answer_times_out_with_advice(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    async with (
        running(gateway_config, providers=[cable.left]) as (gateway, at_gateway),
        board(cable, tmp_path / "board", expect=gateway.peer_id) as node,
    ):
        await at_gateway.wait("session-open")
        cable.links["right"]._inbox = type("Deaf", (list,), {"append": lambda *_: None})()
        with pytest.raises(CommandTimeout, match=r"No reply within 0\.3 s") as caught:
            await gateway.command(node.peer_id.hex(), "ping", {}, 0.3)
        assert "--timeout" in caught.value.advice


async def test_a_full_disk_stops_the_gateway_before_it_promises_anything(
    tmp_path: Path, cable: MemoryCable, gateway_config: Config
) -> None:
    delivered: list[Delivered] = []

    def note(event: Any) -> None:
        if isinstance(event, Delivered):
            delivered.append(event)

    async with board(cable, tmp_path / "board", interval_ms=100, on_event=note):
        with pytest.raises(StoreError, match="full"):
            await run_until_the_disk_is_full(gateway_config, cable)
        promised = len(delivered)
        async with running(gateway_config, providers=[cable.left]) as (gateway, at_gateway):
            stored = gateway.snapshot().waiting[peer_id_in(tmp_path / "peer").hex()]
            assert stored >= promised
            await at_gateway.wait("reading")
    assert max(ids(at_gateway).values()) == 1


async def run_until_the_disk_is_full(config: Config, cable: MemoryCable) -> None:
    async with running(config, providers=[cable.left]) as (gateway, at_gateway):
        await at_gateway.wait("reading")
        database = gateway._store._database
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages + 1}")
        await asyncio.sleep(SOON_S)
