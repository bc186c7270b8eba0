# SPDX-License-Identifier: MIT OR Apache-2.0
"""The composition root: order of opening and closing, causes named, requests answered."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pqmesh.limits import SERIAL_LINK
from pqmesh_host.config import Config, MetricsConfig, QuicConfig
from pqmesh_host.errors import OperatorError, StoreError
from pqmesh_host.node import Node, _profile, _provider, _root_cause
from pqmesh_host.ops.control_socket import BadRequest
from pqmesh_host.transports.memory import MemoryCable
from support.mesh_nodes import any_link, make_config, running


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


def test_an_operators_error_is_the_cause_wherever_it_hides() -> None:
    wanted = StoreError("x")
    bug = ZeroDivisionError()
    assert _root_cause(BaseExceptionGroup("", [bug, ExceptionGroup("", [wanted])])) is wanted
    assert _root_cause(BaseExceptionGroup("", [ExceptionGroup("", [bug])])) is bug
    several = BaseExceptionGroup("", [bug, ValueError()])
    assert _root_cause(several) is several


def test_a_link_brings_its_rate_into_the_engines_timers() -> None:
    link = any_link(baud=9600, name="slow", paced=False)
    assert _profile(link).bits_per_second == 9600
    assert _profile(None) == SERIAL_LINK
    assert _provider(link).name == "slow"
