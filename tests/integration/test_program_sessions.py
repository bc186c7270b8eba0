# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs on a board, its gateway and a QUIC peer talk over the nodes' own sessions."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from pqmesh.errors import SessionEnded
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

SOON_MS = 15_000


async def converse(one: Any, one_id: bytes, two: Any, two_id: bytes) -> None:
    """The same lines, whatever the two nodes are."""

    async def answer() -> None:
        answered = 0
        while answered < 3:  # a session that a newer one has replaced is opened again
            with contextlib.suppress(SessionEnded):
                async with two.session(one_id, SOON_MS) as session:
                    while answered < 3:
                        data = await session.receive(SOON_MS)
                        answered += 1
                        await session.send(b"re " + data)

    answering = asyncio.create_task(answer())
    async with one.session(two_id, SOON_MS) as session:
        assert session.peer_id == two_id
        for number in range(3):
            message = await session.send(b"%d" % number, priority=1, deadline_ms=SOON_MS)
            assert await message.delivered(SOON_MS) >= 0
            assert await session.receive(SOON_MS) == b"re %d" % number
    await answering


async def test_the_same_verbs_on_a_board_a_gateway_and_a_peer(tmp_path: Path) -> None:
    make_config(tmp_path / "peer")
    peer_id = peer_id_in(tmp_path / "peer")
    cable = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    config = make_config(tmp_path / "gateway", link=(any_link(),), quic=trusting(peer_id))
    async with (
        running(config, providers=[cable.left]) as (gateway, at_gateway),
        running(joining(gateway, tmp_path / "peer")) as (peer, _),
        board(cable, tmp_path / "board", expect=gateway.peer_id) as node,
    ):
        for each in (gateway, node, peer):
            each.session()  # from now on it takes messages for its program
        await at_gateway.wait("reading", count=5)  # both had begun a handshake: one is left
        await converse(node, node.peer_id, gateway, gateway.peer_id)
        await converse(gateway, gateway.peer_id, node, node.peer_id)
        await converse(peer, peer.peer_id, gateway, gateway.peer_id)
        await at_gateway.wait("reading", count=10)  # the mesh goes on beside it
        async with gateway.session(node.peer_id, SOON_MS) as session:
            cable.pull()
            with pytest.raises(SessionEnded):
                await session.receive(SOON_MS)
        at_gateway.drain()
        before = len(at_gateway.of("reading"))
        cable.plug()
        await at_gateway.wait("session-open", count=2)
        await at_gateway.wait("reading", count=before + 5)
        await converse(gateway, gateway.peer_id, node, node.peer_id)
    assert not at_gateway.of("dropped")
