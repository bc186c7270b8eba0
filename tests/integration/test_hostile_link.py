# SPDX-License-Identifier: MIT OR Apache-2.0
"""Garbage, floods and strangers: the gateway drops them, says so, and serves the right board."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from pathlib import Path

import pytest
from aioquic.asyncio import connect
from aioquic.quic.configuration import QuicConfiguration

from pqmesh.framing.hdlc import enframe
from pqmesh.limits import SERIAL_LINK
from pqmesh.record import replace
from pqmesh.wire.mesh import reading
from pqmesh_host.config import QuicConfig
from pqmesh_host.transports.memory import MemoryCable
from pqmesh_host.transports.serial import SerialProvider
from support.mesh_nodes import (
    SOON_S,
    any_link,
    board,
    joining,
    make_config,
    running,
)


class RawCable:
    """The far end of a unix-socket link, in the hands of an attacker."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.setblocking(False)
        self._plug: socket.socket

    async def plugged(self) -> None:
        self._plug, _ = await asyncio.get_running_loop().sock_accept(self._listener)

    async def write(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._plug, octets)

    def close(self) -> None:
        self._plug.close()
        self._listener.close()


def noise(kind: str) -> bytes:
    source = random.Random(kind)
    if kind == "garbage":
        return source.randbytes(200_000)
    if kind == "half frames":
        whole = [enframe(source.randbytes(300)) for _ in range(400)]
        return b"".join(frame[: source.randrange(1, len(frame))] for frame in whole)
    if kind == "well-framed flood":
        return b"".join(enframe(source.randbytes(source.randrange(1, 60))) for _ in range(4_000))
    return b"\x7e" + bytes(300_000)  # one frame that never ends


@pytest.mark.parametrize("kind", ["garbage", "half frames", "well-framed flood", "endless frame"])
async def test_noise_on_the_link_harms_nobody(tmp_path: Path, kind: str) -> None:
    cable = RawCable(tmp_path / "b.sock")
    good = MemoryCable(mtu=SERIAL_LINK.mtu, name="good")
    config = make_config(tmp_path / "gateway", link=(any_link(), any_link()))
    bad = SerialProvider(cable.address, mtu=SERIAL_LINK.mtu, name="bad")
    try:
        async with (
            running(config, providers=[good.left, bad]) as (gateway, watched),
            board(good, tmp_path / "board"),
            asyncio.timeout(2 * SOON_S),
        ):
            await cable.plugged()
            octets = noise(kind)
            await cable.write(octets)
            await watched.wait("reading", count=3, over="good")
            link = {one.name: one for one in gateway.snapshot().links}["bad"]
            while link.octets_in < len(octets) // 2:
                await asyncio.sleep(0.02)
                link = {one.name: one for one in gateway.snapshot().links}["bad"]
            assert link.open
            assert link.frames_bad + sum(link.refused.values()) > 0 or kind == "endless frame"
            assert len(watched.of("dropped")) <= 2  # counted, not shouted
    finally:
        cable.close()


async def test_a_board_with_another_key_than_the_pinned_one(tmp_path: Path) -> None:
    with_right_board = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    async with board(MemoryCable(), tmp_path / "right") as node:
        pinned = node.peer_id
    config = make_config(tmp_path / "gateway", link=(any_link(expect=pinned),))
    async with running(config, providers=[with_right_board.left]) as (gateway, watched):
        async with board(with_right_board, tmp_path / "wrong") as stranger:
            wrong = (await watched.wait("wrong-key"))[0]
            assert wrong.peer == stranger.peer_id
            assert wrong.details["expected"] == pinned.hex()
            assert "change `expect`" in wrong.text
            assert gateway.snapshot().links[0].open
            assert gateway.snapshot().neighbours == []
            assert not watched.of("reading")
        async with board(with_right_board, tmp_path / "right"):
            opened = (await watched.wait("session-open"))[0]
            assert opened.peer == pinned
            await watched.wait("reading", peer=pinned)


async def test_a_peer_with_a_classical_only_tls_offer(tmp_path: Path) -> None:
    config = make_config(tmp_path / "gateway")
    async with running(config) as (gateway, watched):
        classical = QuicConfiguration(verify_mode=ssl.CERT_NONE, alpn_protocols=["h3"])
        host, port = gateway.quic_address
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(SOON_S), connect(host, port, configuration=classical):
                pass
        refused = (await watched.wait("peer-refused"))[0]
        assert "alert" in refused.text
        assert gateway.snapshot().neighbours == []


async def test_a_stranger_is_refused_and_told(tmp_path: Path) -> None:
    async with (
        running(make_config(tmp_path / "gateway")) as (gateway, at_gateway),
        running(joining(gateway, tmp_path / "stranger")) as (_, at_stranger),
    ):
        await at_gateway.wait("peer-refused")
        refused = (await at_stranger.wait("peer-refused"))[0]
        assert refused.details["retry_in_ms"] > 0


async def test_a_peer_that_is_trusted_to_listen_may_not_command(tmp_path: Path) -> None:
    cable = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    config = make_config(tmp_path / "gateway", link=(any_link(),), quic=QuicConfig(trust=None))
    async with (
        running(config, providers=[cable.left]) as (gateway, at_gateway),
        running(joining(gateway, tmp_path / "curious")) as (curious, at_curious),
        board(cable, tmp_path / "board", expect=gateway.peer_id, interval_ms=200) as node,
    ):
        await at_curious.wait("reading")
        answer = await curious.command(node.peer_id.hex(), "interval", {"ms": 900}, 5)
        assert not answer["ok"]
        assert "may not command here" in answer["result"]
        assert answer["from"] == gateway.peer_id.hex()
        await at_gateway.wait("dropped", peer=curious.peer_id)
        assert node.settings.interval_ms == 200


async def test_a_board_may_speak_only_for_itself(tmp_path: Path) -> None:
    cable = MemoryCable(mtu=SERIAL_LINK.mtu, name="bench")
    config = make_config(tmp_path / "gateway", link=(any_link(),))
    async with (
        running(config, providers=[cable.left]) as (_, watched),
        board(cable, tmp_path / "board") as node,
    ):
        await watched.wait("session-open")
        forged = reading(b"12345678", "fire", 1, "", 0)
        await node.send(replace(forged, origin=b"\x77" * 32))
        await node.send(reading(b"87654321", "smoke", 0, "", 0))
        await watched.wait("reading", name="smoke")
        assert not watched.of("reading", name="fire")
        assert watched.of("dropped", text="a board may speak only for itself")
