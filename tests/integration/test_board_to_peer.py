# SPDX-License-Identifier: MIT OR Apache-2.0
"""The main job, every layer real: board, gateway, QUIC peer; readings up, a command down."""

from __future__ import annotations

from pathlib import Path

from pqmesh.limits import SERIAL_LINK
from pqmesh_host.transports.memory import MemoryCable
from support.mesh_nodes import (
    any_link,
    board,
    joining,
    make_config,
    peer_id_in,
    running,
    trusting,
)


async def test_five_readings_up_one_command_down_and_its_reply(tmp_path: Path) -> None:
    make_config(tmp_path / "peer")
    peer_id = peer_id_in(tmp_path / "peer")
    cable = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    config = make_config(tmp_path / "gateway", link=(any_link(),), quic=trusting(peer_id))
    async with (
        running(config, providers=[cable.left]) as (gateway, at_gateway),
        running(joining(gateway, tmp_path / "peer")) as (peer, at_peer),
        board(cable, tmp_path / "board", expect=gateway.peer_id) as node,
    ):
        opened = (await at_gateway.wait("session-open"))[0]
        assert opened.peer == node.peer_id
        assert opened.over == "bench"
        assert opened.wire_bytes > 10_000  # HS-S carries two keys and two signatures
        joined = (await at_peer.wait("peer-open"))[0]
        assert joined.peer == gateway.peer_id

        readings = await at_peer.wait("reading", count=5)
        assert {event.peer for event in readings} == {node.peer_id}
        assert {event.details["via"] for event in readings} == {gateway.peer_id.hex()}
        assert all(event.wire_bytes > 0 for event in readings)
        ids = [event.details["id"] for event in at_peer.of("reading")]
        assert len(set(ids)) == len(ids)

        answer = await peer.command(node.peer_id.hex()[:8], "interval", {"ms": 300}, 10)
        assert (answer["ok"], answer["result"]) == (True, 300)
        assert answer["from"] == node.peer_id.hex()
        assert answer["via"] == gateway.peer_id.hex()
        assert node.settings.interval_ms == 300
        await at_gateway.wait("command", peer=peer.peer_id)
    assert at_gateway.of("stopped")
    assert not at_gateway.of("dropped")


async def test_both_sides_restart_and_the_next_session_costs_a_hundred_octets(
    tmp_path: Path,
) -> None:
    """With no board pinned on the link: the gateway finds out whom to try from its store."""
    cable = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    config = make_config(tmp_path / "gateway", link=(any_link(name="bench"),))
    gateway_id = peer_id_in(tmp_path / "gateway")
    costs = []
    for _ in range(3):
        async with (
            running(config, providers=[cable.left]) as (gateway, at_gateway),
            board(cable, tmp_path / "board", expect=gateway_id),
        ):
            opened = (await at_gateway.wait("session-open"))[0]
            costs.append((opened.details["resumed"], opened.wire_bytes))
            await at_gateway.wait("reading", count=2)  # the board has heard us as well
            snapshot = gateway.snapshot()
            assert snapshot.tickets == 1
            assert snapshot.links[0].handshakes["resumed"] == int(opened.details["resumed"])
    assert [resumed for resumed, _ in costs] == [False, True, True]
    assert all(octets <= 150 for _, octets in costs[1:])
