# SPDX-License-Identifier: MIT OR Apache-2.0
"""The composition root: order of opening and closing, causes named, requests answered."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pqmesh.limits import SERIAL_LINK
from pqmesh_host.config import Config, MetricsConfig, PeerConfig, QuicConfig, RadioConfig
from pqmesh_host.driver import now_us
from pqmesh_host.errors import OperatorError, StoreError
from pqmesh_host.node import CommandUnreachable, Node, _root_cause
from pqmesh_host.ops.control_socket import BadRequest
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import HandshakeFailed, RelayRefused
from pqmesh_host.quic.relay.tunnel import Tunnel
from pqmesh_host.transports.memory import MemoryCable
from support.mesh_nodes import any_link, make_config, running
from support.quic_pair import identity


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path)


async def test_a_node_without_links_is_a_peer(config: Config) -> None:
    async with running(config) as (node, watched):
        snapshot = node.snapshot()
        assert (snapshot.role, snapshot.links, snapshot.neighbours) == ("peer", [], [])
        started = (await watched.wait("started"))[0]
        assert started.details["quic"] == snapshot.quic
        assert snapshot.quic.startswith("127.0.0.1:")
    assert watched.of("stopped")


async def test_a_node_with_links_is_a_gateway(config: Config) -> None:
    cable = MemoryCable(name="bench")
    config = dataclasses.replace(config, link=(any_link(expect=b"\xb0" * 32),))
    async with running(config, providers=[cable.left]) as (node, _):
        (link,) = node.snapshot().links
        assert (node.role, link.name, link.open, link.expect) == (
            "gateway",
            "bench",
            True,
            "b0" * 32,
        )
    assert cable.links == {}


async def test_an_ipv6_address_is_shown_in_brackets(config: Config) -> None:
    config = dataclasses.replace(config, quic=QuicConfig(listen=("::1", 0)))
    try:
        async with running(config) as (node, _):
            assert node.snapshot().quic.startswith("[::1]:")
    except OperatorError:
        pytest.skip("this machine has no IPv6")


async def test_metrics_are_served_when_configured(config: Config) -> None:
    config = dataclasses.replace(config, metrics=MetricsConfig(listen=("127.0.0.1", 0)))
    async with running(config) as (node, _):
        assert node.snapshot().clients == 0


async def test_a_failure_while_running_is_raised_by_its_own_name(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    cable = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    config = dataclasses.replace(config, link=(any_link(),))
    reached = False

    async def run() -> None:
        nonlocal reached
        async with Node.open(config, providers=[cable.left]) as node:
            reached = True

            def broken(_frame: bytes, _now: int) -> None:
                raise StoreError("The disk is full.")

            monkeypatch.setattr(node._links[0]._engine, "receive", broken)
            cable.links["left"].inject(b"anything")
            await asyncio.sleep(60)

    with pytest.raises(StoreError, match="disk is full"):
        async with asyncio.timeout(10):
            await run()
    assert reached
    assert cable.links == {}
    async with Node.open(config, providers=[cable.left]):
        pass  # everything was closed: it opens again


async def test_what_its_user_raises_passes_through(config: Config) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Node.open(config):
            raise ZeroDivisionError


async def test_requests_over_the_control_socket_are_the_same_calls(config: Config) -> None:
    async with running(config) as (node, _):
        assert (await node._on_status({}))["peer"] == node.peer_id.hex()
        with pytest.raises(BadRequest, match="knows nobody"):
            await node._on_send({"to": "beef", "command": "ping"})
        with pytest.raises(BadRequest):
            await node._on_send({"to": "beef"})
        with pytest.raises(OperatorError, match="this node itself"):
            await node.command(node.peer_id.hex(), "ping", {}, 1)


@pytest.mark.parametrize("arguments", [{"x": {1, 2}}, {"x": "y" * 5000}])
async def test_arguments_that_fit_no_message_are_refused(
    config: Config, arguments: dict[str, Any]
) -> None:
    cable = MemoryCable(mtu=SERIAL_LINK.mtu)
    config = dataclasses.replace(config, link=(any_link(),))
    async with running(config, providers=[cable.left]) as (node, _):
        node._switchboard.router.first_hops = lambda _to: [b"\xb0" * 32]  # type: ignore[method-assign]
        with pytest.raises(BadRequest, match="was not sent"):
            await node.command("b0" * 32, "led", arguments, 1)


async def test_a_command_that_airtime_would_hold_too_long_is_refused_with_the_time(
    config: Config,
) -> None:
    radio = RadioConfig(region="EU868", frequency_hz=864_100_000)
    link = any_link(kind="radio", name="mast")
    config = dataclasses.replace(config, link=(link,), radio=radio)
    async with running(config, providers=[MemoryCable(mtu=255, name="mast").left]) as (node, _):
        (mast,) = node._links
        mast.carries = lambda peer_id: peer_id == b"\xb0" * 32  # type: ignore[method-assign]
        assert mast.air is not None
        at = now_us()
        while mast.air.budget.next_possible_us(80, at) == at:
            at += mast.air.budget.spend(80, at)
        with pytest.raises(CommandUnreachable, match="mast has no airtime for another 3,") as no:
            await node.command("b0" * 32, "ping", {}, 10)
        assert "(EU868 863-865: " in str(no.value)
        assert "Next possible" in no.value.advice
        with pytest.raises(CommandUnreachable, match="not sent") as other:
            await node.command("b1" * 32, "ping", {}, 10)
        assert "airtime" not in str(other.value)  # another way may be open


def test_an_operators_error_is_the_cause_wherever_it_hides() -> None:
    wanted = StoreError("x")
    bug = ZeroDivisionError()
    assert _root_cause(BaseExceptionGroup("", [bug, ExceptionGroup("", [wanted])])) is wanted
    assert _root_cause(BaseExceptionGroup("", [ExceptionGroup("", [bug])])) is bug
    several = BaseExceptionGroup("", [bug, ValueError()])
    assert _root_cause(several) is several


async def test_a_peer_at_another_address_is_found_through_a_third_node(tmp_path: Path) -> None:
    everyone = QuicConfig(trust=None, traverse=True, relay=None)
    helper_config = make_config(tmp_path / "helper", quic=everyone)
    async with running(helper_config) as (helper, _):
        known = PeerConfig(address=helper.quic_address, id=helper.peer_id)
        target_config = make_config(tmp_path / "target", quic=everyone, peer=(known,))
        async with running(target_config) as (target, watched):
            await watched.wait("peer-open", peer=helper.peer_id)
            moved = PeerConfig(address=("127.0.0.1", 9), id=target.peer_id)
            config = make_config(tmp_path / "seeker", quic=everyone, peer=(known, moved))
            async with running(config) as (seeker, seen):
                await seen.wait("peer-open", peer=target.peer_id)
                await watched.wait("peer-open", peer=seeker.peer_id)
                here = {one.peer: one.over for one in seeker.snapshot().neighbours}
                host, port = target.quic_address
                assert here[target.peer_id.hex()] == f"quic {host}:{port}"
                assert seeker.snapshot().reach["punched"] == 1


async def test_without_the_switches_a_node_neither_finds_nor_relays(config: Config) -> None:
    async with (
        running(config) as (node, _),
        QuicEndpoint.open(identity("stranger")) as endpoint,
    ):
        assert node.snapshot().reach == {}
        with pytest.raises(HandshakeFailed):
            await endpoint.connect(node.quic_address)
    everyone = dataclasses.replace(config, quic=QuicConfig(trust=None))
    async with (
        running(everyone) as (node, _),
        QuicEndpoint.open(identity("stranger")) as endpoint,
    ):
        peer = await endpoint.connect(node.quic_address)
        with pytest.raises(RelayRefused, match="501"):
            await Tunnel.bind(peer, endpoint)


async def test_a_node_relays_for_whom_its_configuration_names(config: Config) -> None:
    named = QuicConfig(trust=None, relay=frozenset({identity("friend").peer_id}))
    async with running(dataclasses.replace(config, quic=named)) as (node, _):
        for name, served in (("friend", True), ("stranger", False)):
            async with QuicEndpoint.open(identity(name)) as endpoint:
                peer = await endpoint.connect(node.quic_address)
                if served:
                    tunnel = await Tunnel.bind(peer, endpoint)
                    assert tunnel.address[0] == "127.0.0.1"
                    assert node.snapshot().reach["relay_open"] == 1
                else:
                    with pytest.raises(RelayRefused, match="403"):
                        await Tunnel.bind(peer, endpoint)
