# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cells about NAT frames, coordination, and the lives of connections."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from pqmesh_host.quic import frames, lifecycle
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.peer import Peer
from tools.interop.cell import (
    NotPossible,
    accepted,
    appears,
    cell,
    check,
    dial_target,
    dialled,
    echo,
    identity,
    pattern,
)
from tools.interop.node import AntQuicNode

IDLE_S = 60
CROSSINGS = 5


@cell("ADD_ADDRESS, PUNCH_ME_NOW, REMOVE_ADDRESS sent", "->")
async def nat_frames(program: Path) -> str:
    """In the layout it accepts: the connection lives on, and it logs what it read."""
    async with dialled(program, "--verbose", nat_frames=True) as (node, _, peer):
        address = ("198.51.100.7", 9000)
        peer.send_frame(frames.AddAddress(1, address))
        peer.send_frame(frames.PunchMeNow(1, 1, address))
        peer.send_frame(frames.RemoveAddress(1))
        await echo(peer, b"still here")
        await asyncio.sleep(0.5)
        check(peer.is_open, "the connection is gone")
        seen = [line for line in node.log if "198.51.100.7" in line]
        return f"connection unharmed; {len(seen)} log lines name the address"


@cell("ADD_ADDRESS received", "<-")
async def add_address_received(program: Path) -> str:
    """It announces its addresses once an external one is known (ant-quic-wire §2.6)."""
    async with dialled(program, nat_frames=True) as (_, _, peer):
        told = await appears(lambda: bool(peer.addresses.candidates), within_s=10)
        await echo(peer, b"still here")
        if not told:
            raise NotPossible("no ADD_ADDRESS within 10 s: on loopback it has no candidate")
        return f"candidates {sorted(peer.addresses.candidates.items())}"


@cell("coordination messages (AQCC)", "->")
async def coordination(program: Path) -> str:
    """A request for a peer it does not know is answered with Rejected."""
    async with dialled(program) as (node, ours, peer):
        request = {
            "initiator": list(ours.peer_id),
            "target": list(bytes(32)),
            "round": 1,
            "initiator_addrs": [dial_target(ours)],
        }
        envelope = {
            "request_id": 7,
            "expires_at_unix_ms": int((time.time() + 30) * 1000),
            "message": {"CoordinationRequest": request},
        }
        await peer.send_coordination(json.dumps(envelope).encode())
        answered = await appears(lambda: bool(peer.coordination), within_s=10)
        await echo(peer, b"still here")
        check(answered, f"no answer: {node.tail()}")
        answer = json.loads(peer.coordination[0])
        rejected = answer["message"].get("CoordinationRejected", {})
        check(answer["request_id"] == 7 and bool(rejected), f"it answered {answer}")
        return f"rejected: {rejected.get('reason')}"


@cell("crossed dials end in one connection", "<>")
async def crossed(program: Path) -> str:
    """Both dial at once; afterwards one connection carries messages, "superseded" is success."""
    superseded = 0
    for _ in range(CROSSINGS):
        async with QuicEndpoint.open(identity(), host="127.0.0.1") as ours:
            target = dial_target(ours)
            async with AntQuicNode.start(program, "--echo", "--connect", target) as node:
                await ours.connect(node.address, expect=node.peer_id)
                await asyncio.sleep(7)  # ant-quic drains a superseded connection for 5 s
                check(len(ours.peers) == 1, f"{len(ours.peers)} peers live")
                await echo(ours.peers[0], pattern(5000))
                superseded += ours.stats().counts.get("superseded", 0)
    return f"{CROSSINGS}/{CROSSINGS}, {superseded} with both connections confirmed"


@cell("every lifecycle close code, sent", "->")
async def close_codes(program: Path) -> str:
    """It notices each of them."""
    async with (
        AntQuicNode.start(program, "--echo") as node,
        QuicEndpoint.open(identity(), host="127.0.0.1") as ours,
    ):
        reasons = []
        for n, code in enumerate(lifecycle.NAMES, start=1):
            peer = await ours.connect(node.address, expect=node.peer_id)
            await echo(peer, b"%d" % code)
            await peer.close(code)
            events = await node.wait("peer_disconnected", count=n, within_s=40)
            reasons.append(f"{code & 0xFF:#04x} {events[-1].get('reason')}")
        return "; ".join(reasons)


@cell("its shutdown, received", "<-")
async def shutdown_received(program: Path) -> str:
    """SIGINT: we learn code and reason at once."""
    async with dialled(program) as (node, _, peer):
        await echo(peer, b"alive")
        await node.stop()
        async with asyncio.timeout(5):
            closed = await peer.wait_closed()
        check(closed.by_peer, f"we closed: {closed}")
        return f"code {closed.code:#x}, reason {closed.reason!r}"


@cell("idle 60 s held by keep-alive", "<>", slow=True)
async def idle(program: Path) -> str:
    """Nothing is sent for a minute on a connection of each direction."""

    async def hold(peer: Peer) -> str:
        await echo(peer, b"before")
        await asyncio.sleep(IDLE_S)
        await echo(peer, b"after")
        return f"probes {peer.counts.get('probe', 0)}"

    async with dialled(program) as (_, _, ours), accepted(program, "--echo") as (_, _, theirs):
        seen = await asyncio.gather(hold(ours), hold(theirs))
        return f"dialled: {seen[0]}; accepted: {seen[1]}"


@cell("our restart with the same identity", "->")
async def restart(program: Path) -> str:
    """Gone without a word, back from another port: recognised, and talked to."""
    short = identity().peer_id[:8].hex()
    async with AntQuicNode.start(program, "--echo") as node:
        async with QuicEndpoint.open(identity(), host="127.0.0.1") as first:
            await echo(await first.connect(node.address), b"first life")
            first.vanish()
        async with QuicEndpoint.open(identity(), host="127.0.0.1") as second:
            peer = await second.connect(node.address, expect=node.peer_id)
            await echo(peer, b"second life")
            events = await node.wait("peer_connected", count=1, peer_id=short)
            return f"one PeerId, {len(events)} peer_connected"
