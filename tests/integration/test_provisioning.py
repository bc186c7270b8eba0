# SPDX-License-Identifier: MIT OR Apache-2.0
"""Provisioning over a cable, both ends real: complete, resumable anywhere, refused if need be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK
from pqmesh_host.config import FloorsConfig, RadioConfig
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.provision import (
    Plan,
    Progress,
    ProvisionError,
    Result,
    provision,
    runner,
)
from pqmesh_host.store import Custody, Store
from pqmesh_host.transports.memory import MemoryCable
from pqmesh_node import plan as plans
from pqmesh_node.provisioning import ProvisioningDesk
from pqmesh_node.store import Directory
from pqmesh_node.store import Store as BoardStore
from support.mesh_nodes import board

CRYPTO = HostCrypto()
PLAN = Plan(
    name="greenhouse",
    interval_ms=60_000,
    radio=RadioConfig(frequency_hz=868_100_000, region="EU868"),
    floors=FloorsConfig(),
    network_key=bytes(range(100, 132)),
)


class Bench:
    """An operator's database and a board's flash, which outlive what runs over the cable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flash = folder / "flash"
        self.identity = Identity(bytes(range(32)), CRYPTO)
        self.seen: list[Progress] = []

    @contextlib.contextmanager
    def custody(self) -> Iterator[Custody]:
        with Store.open(self.folder / "state.sqlite") as store:
            yield Custody(store, self.identity, CRYPTO)

    @contextlib.asynccontextmanager
    async def node(self, cable: MemoryCable, **settings: Any) -> AsyncIterator[Any]:
        self.flash.mkdir(exist_ok=True)
        async with board(cable, self.flash, interval_ms=60_000, **settings) as node:
            yield node

    async def provision(self, cable: MemoryCable, **options: Any) -> Result:
        with self.custody() as custody:
            return await provision(cable.left, custody, PLAN, report=self.seen.append, **options)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def cable() -> MemoryCable:
    return MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")


async def test_a_new_node_is_provisioned_and_both_sides_have_everything(bench: Bench) -> None:
    line = cable()
    async with bench.node(line) as node:
        assert node.settings.expect is None
        result = await bench.provision(line)
        assert result.peer_id == node.peer_id
        assert (result.epoch, result.prekeys, result.stocked) == (1, 64, 16)
        assert node.settings.expect == bench.identity.peer_id
        assert (node.settings.name, node.settings.interval_ms) == ("greenhouse", 60_000)
        ours, theirs = node.custody.keys, bench.identity.peer_id
        with bench.custody() as custody:
            assert custody.keyring.peer(node.peer_id) is not None
            assert ours.keyring.peer(theirs).public == custody.keyring.current().public
            assert custody.keyring.peer(node.peer_id).public == ours.keyring.current().public
            index, public = custody.prekeys.take(node.peer_id)
            seed = ours.prekeys.seed(theirs, index)
            assert CRYPTO.kem_keypair(bytes(seed)) == public
            index, public = ours.prekeys.take(theirs)
            assert CRYPTO.kem_keypair(bytes(custody.prekeys.seed(node.peer_id, index))) == public
            assert (
                custody.tickets.load(node.peer_id).current
                == node.custody.tickets.load(theirs).current
            )
            assert [one.name for one in custody.nodes()] == ["greenhouse"]
        assert node.custody.vault.load(plans.NETWORK_KEY) == PLAN.network_key
    plan = plans.load(BoardStore(Directory(str(bench.flash))))
    assert (plan["radio"]["hz"], plan["radio"]["region"]) == (868_100_000, "EU868")
    assert "key" not in plan
    assert plan["floors"] == {"strangers": 0, "minimum": 2}
    assert bench.seen[0].stage == "connecting"
    last = bench.seen[-1]
    assert (last.stage, last.up, last.down) == ("done", last.up_total, last.down_total)
    assert (last.up_total, last.down_total) == (6703 + 64 * 1184, 6703 + 16 * 1184)


async def test_doing_it_again_moves_nothing_but_the_plan(bench: Bench) -> None:
    line = cable()
    async with bench.node(line) as node:
        await bench.provision(line)
        before = node.custody.keys.keyring.current()
        again = await bench.provision(line, expect=node.peer_id)
        assert again.octets_in + again.octets_out < 1_000  # a resumed session, too
        assert (again.prekeys, again.stocked) == (64, 16)
        assert before == node.custody.keys.keyring.current()


async def test_used_prekeys_are_topped_up_with_new_ones(bench: Bench) -> None:
    line = cable()
    async with bench.node(line) as node:
        await bench.provision(line)
        operator = bench.identity.peer_id
        with bench.custody() as custody:
            taken = [custody.prekeys.take(node.peer_id)[0] for _ in range(5)]
            for index in taken:
                node.custody.keys.prekeys.used(operator, index)
            for _ in range(3):
                index, _ = node.custody.keys.prekeys.take(operator)
                custody.prekeys.used(node.peer_id, index)
        result = await bench.provision(line)
        assert (result.prekeys, result.stocked) == (64, 16)
        with bench.custody() as custody:
            assert custody.prekeys.take(node.peer_id)[0] == 5
            assert custody.prekeys.stock(node.peer_id).end == 69


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
async def test_an_interrupted_run_goes_on_where_it_was(bench: Bench, share: float) -> None:
    """Ctrl-C, and the board restarts as well; nothing that was exchanged goes over again."""
    line = cable()
    moved: list[Progress] = []

    def watch(progress: Progress) -> None:
        moved.append(progress)
        total = progress.up_total + progress.down_total
        if total and progress.up + progress.down >= share * total:
            run.cancel()

    async with bench.node(line):
        with bench.custody() as custody:
            run = asyncio.ensure_future(provision(line.left, custody, PLAN, report=watch))
            with pytest.raises(asyncio.CancelledError):
                await run
    done = moved[-1]
    assert done.stage == "exchanging"
    async with bench.node(line) as node:
        result = await bench.provision(line)
        assert (result.prekeys, result.stocked) == (64, 16)
        last = bench.seen[-1]
        # What was on its way when the cable went quiet may go again, once.
        slack = 8 * 1184 + 6703
        assert last.up_total <= done.up_total - done.up + slack
        assert last.down_total <= done.down_total - done.down + slack
        with bench.custody() as custody:
            index, public = custody.prekeys.take(node.peer_id)
            seed = node.custody.keys.prekeys.seed(bench.identity.peer_id, index)
            assert CRYPTO.kem_keypair(bytes(seed)) == public


async def test_a_pulled_cable_is_said_to_be(bench: Bench) -> None:
    line = cable()

    def watch(progress: Progress) -> None:
        if progress.up > 20_000:
            line.pull()

    async with bench.node(line):
        with bench.custody() as custody, pytest.raises(ProvisionError, match="cable was lost"):
            await provision(line.left, custody, PLAN, report=watch)
        line.plug()
        assert (await bench.provision(line)).prekeys == 64


async def test_a_node_of_another_gateway_refuses(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SILENCE_S", 1.0)
    line = cable()
    async with bench.node(line, expect=b"\xee" * 32) as node:
        with pytest.raises(ProvisionError, match="refuses a session"):
            await bench.provision(line)
        assert node.settings.expect == b"\xee" * 32


async def test_another_node_than_the_one_meant_is_named(bench: Bench) -> None:
    line = cable()
    async with bench.node(line) as node:
        with pytest.raises(ProvisionError, match="Another node answers") as caught:
            await bench.provision(line, expect=b"\xdd" * 32)
        assert node.peer_id.hex()[:16] in str(caught.value)
        assert node.settings.expect is None


async def test_a_node_that_sends_readings_and_nothing_else_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SILENCE_S", 1.0)
    monkeypatch.setattr(ProvisioningDesk, "take", lambda *_: None)
    line = cable()
    async with bench.node(line) as node:
        node.settings.interval_ms = 50
        with pytest.raises(ProvisionError, match="said nothing for 1 s"):
            await bench.provision(line)


async def test_a_node_that_says_nothing_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SILENCE_S", 0.05)
    line = cable()
    async with line.right.open():
        with pytest.raises(ProvisionError, match="said nothing") as caught:
            await bench.provision(line)
    assert "pqmesh_node.run()" in caught.value.advice


async def test_an_operator_who_lost_everything_starts_anew(bench: Bench) -> None:
    line = cable()
    async with bench.node(line) as node:
        await bench.provision(line)
        first = node.custody.keys.tags(bench.identity.peer_id)
        for file in bench.folder.glob("state.sqlite*"):
            file.unlink()
        result = await bench.provision(line)
        assert (result.prekeys, result.stocked) == (64, 16)
        again = node.custody.keys.tags(bench.identity.peer_id)
        assert first[0] == again[0]
        assert first[1] != again[1]
        assert node.custody.keys.keyring.floor(bench.identity.peer_id) == 2
        with bench.custody() as custody:
            index, public = node.custody.keys.prekeys.take(bench.identity.peer_id)
            seed = custody.prekeys.seed(node.peer_id, index)
            assert CRYPTO.kem_keypair(bytes(seed)) == public
