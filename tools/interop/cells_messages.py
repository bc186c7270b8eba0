# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cells about handshakes, identities and messages."""

from __future__ import annotations

import asyncio
import json
import statistics
from pathlib import Path

from pqmesh_host.quic.appstream import AppStream
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.errors import NotAcknowledged
from tools.interop.asker import binary
from tools.interop.cell import (
    RECV_S,
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
from tools.interop.install import release_of
from tools.interop.node import AntQuicNode

HANDSHAKES = 50
DIALLERS = 5
SIZES = (1, 2, 63, 1199, 1200, 4096, 65_536, 1 << 20, 4 << 20)
MESSAGES = 1000
COUNTERS = 50


@cell("handshake 50/50", "->")
async def handshakes_we_dial(program: Path) -> str:
    """Fifty dials in a row, each pinned, confirmed and closed."""
    async with (
        AntQuicNode.start(program) as node,
        QuicEndpoint.open(identity(), host="127.0.0.1") as ours,
    ):
        took = []
        for _ in range(HANDSHAKES):
            peer = await ours.connect(node.address, expect=node.peer_id)
            took.append(peer.handshake_ms)
            await peer.close()
        return f"{len(took)}/{HANDSHAKES}, median {statistics.median(took):.1f} ms"


@cell("handshake 50/50", "<-", slow=True)
async def handshakes_they_dial(program: Path) -> str:
    """Fifty fresh nodes, each with a new identity, dial us."""
    took: list[float] = []

    async with QuicEndpoint.open(identity(), host="127.0.0.1") as ours:
        target = dial_target(ours)
        gate = asyncio.Semaphore(DIALLERS)

        async def one() -> None:
            async with gate, AntQuicNode.start(program, "--connect", target) as node:
                await node.until(
                    lambda: ours.peer(node.peer_id) is not None, RECV_S, "it dials us"
                )
                peer = ours.peer(node.peer_id)
                if peer is not None:
                    took.append(peer.handshake_ms)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(HANDSHAKES):
                tasks.create_task(one())
    check(len(took) == HANDSHAKES, f"only {len(took)} of {HANDSHAKES} came through")
    return f"{len(took)}/{HANDSHAKES}, median {statistics.median(took):.1f} ms"


@cell("both report the same PeerIds", "->")
async def ids_we_dial(program: Path) -> str:
    """The PeerId each side derives is the one the other says it has."""
    async with dialled(program) as (node, ours, peer):
        short = ours.peer_id[:8].hex()
        check(peer.peer_id == node.peer_id, "we derive another id than it has")
        await node.wait("peer_connected", peer_id=short, direction="inbound")
        return f"theirs {node.peer_id[:8].hex()}, ours {short}"


@cell("both report the same PeerIds", "<-")
async def ids_they_dial(program: Path) -> str:
    """The same, the other way round."""
    async with accepted(program) as (node, ours, peer):
        short = ours.peer_id[:8].hex()
        check(peer.peer_id == node.peer_id, "we derive another id than it has")
        await node.wait("peer_connected", peer_id=short, direction="outbound")
        return f"theirs {node.peer_id[:8].hex()}, ours {short}"


@cell("messages of 1 B to 4 MiB, each way", "<>")
async def sizes(program: Path) -> str:
    """Every size is echoed whole."""
    async with dialled(program) as (_, _, peer):
        for size in SIZES:
            await echo(peer, pattern(size))
        return f"{len(SIZES)} sizes up to {SIZES[-1]} B"


@cell("messages of 1 B to 4 MiB on a connection they dialled", "<>")
async def sizes_accepted(program: Path) -> str:
    """The same over a connection of theirs."""
    async with accepted(program, "--echo") as (_, _, peer):
        for size in SIZES:
            await echo(peer, pattern(size))
        return f"{len(SIZES)} sizes up to {SIZES[-1]} B"


@cell("a message of 0 B", "->")
async def empty(program: Path) -> str:
    """It is sent and does no harm; ant-quic drops empty streams (ant-quic-wire §4.2)."""
    async with dialled(program) as (node, _, peer):
        await peer.send(b"")
        await echo(peer, b"after it all")
        reported = await node.wait("data_received")
        check([e["bytes"] for e in reported] == [12], f"the node reports {reported}")
        return "ignored by ant-quic, connection unharmed"


@cell("1,000 messages in a row", "<>")
async def thousand(program: Path) -> str:
    """None lost, none doubled, none changed."""
    async with dialled(program) as (_, _, peer):
        sent = [pattern(64 + n % 1500, n) for n in range(MESSAGES)]

        async def send_all() -> None:
            for message in sent:
                await peer.send(message)

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(send_all())
            got = [await peer.recv() for _ in sent]
        check(sorted(got) == sorted(sent), "what came back is not what was sent")
        in_order = "in order" if got == sent else "streams overtook each other"
        return f"{len(got)} echoed, {in_order}"


@cell("their --counter-test into ours", "<-")
async def counters(program: Path) -> str:
    """Eight-byte big-endian counters, consecutive."""
    options = ("--counter-test", "--counter-interval", "20")
    async with accepted(program, *options) as (_, _, peer), asyncio.timeout(RECV_S):
        seen = [int.from_bytes(await peer.recv(), "big") for _ in range(COUNTERS)]
        expected = list(range(seen[0], seen[0] + COUNTERS))
        check(sorted(seen) == expected, f"counters are {seen[:5]}...")
        return f"{COUNTERS} consecutive from {seen[0]}"


@cell("ACK-v2 asked by us", "->")
async def ack_we_ask(program: Path) -> str:
    """Accepted; a repeat is accepted and delivered once; a conflicting repeat is refused."""
    async with dialled(program) as (node, _, peer):
        for _ in range(2):
            await peer.send_acknowledged(b"once", request_id=bytes(16))
        try:
            await peer.send_acknowledged(b"conflict", request_id=bytes(16))
            said = "accepted"
        except NotAcknowledged as refused:
            said = str(refused)
        await peer.send_acknowledged(b"other", request_id=b"1" * 16)
        await node.wait("data_received", bytes=5)
        delivered = [event["bytes"] for event in node.of_kind("data_received")]
        check(delivered == [4, 5], f"the node delivered {delivered}")
        check("invalid envelope" in said, f"a conflicting repeat was {said}")
        return "accepted, repeat delivered once, conflict refused"


@cell("ACK-v2 and probe answered by us", "<-")
async def asked(program: Path) -> str:
    """The real library asks; the program has no option for it, so a small one does."""
    asker = binary(release_of(program))
    if not asker.exists():
        raise NotPossible(
            "the asker is not built: run python -m tools.interop without --installed"
        )
    async with QuicEndpoint.open(identity(), host="127.0.0.1") as ours:
        process = await asyncio.create_subprocess_exec(
            asker, dial_target(ours), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 2 * RECV_S)
        lines = [line for line in output.decode().splitlines() if line.startswith("{")]
        steps = {step["step"]: step for step in map(json.loads, lines)}
        peer = await asyncio.wait_for(ours.accept(), 1)
        got = [await peer.recv() for _ in range(2)]
    check(got == [b"once", b"twice"], f"we delivered {got}")
    for name in ("probe", "first", "repeat", "second"):
        check(steps[name]["ok"], f"{name}: {steps[name]['text']}")
    check(not steps["conflict"]["ok"], "a conflicting repeat was accepted")
    return f"probe {steps['probe']['text']}; repeat delivered once; {steps['conflict']['text']}"


@cell("application byte streams", "<>")
async def byte_streams(program: Path) -> str:
    """The real library opens one and accepts one, on a connection it dialled."""
    asker = binary(release_of(program))
    if not asker.exists():
        raise NotPossible(
            "the asker is not built: run python -m tools.interop without --installed"
        )
    async with QuicEndpoint.open(identity(), host="127.0.0.1") as ours:
        process = await asyncio.create_subprocess_exec(
            asker, dial_target(ours), "streams", stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(RECV_S):
                peer = await ours.accept()
                theirs = await peer.accept_bi()
                heard = await read_all(theirs)
                await theirs.write(heard)
                theirs.finish()
                mine = await peer.open_bi()
                await mine.write(bytes(1_000_000))
                mine.finish()
                back = await read_all(mine)
        finally:
            process.kill()
            await process.communicate()
    check(heard == b"there and back", f"we heard {heard!r}")
    check(back == bytes(1_000_000), f"{len(back)} of 1,000,000 bytes came back")
    return "theirs echoed by us; 1,000,000 B of ours echoed by them"


async def read_all(stream: AppStream) -> bytes:
    """Everything up to the FIN."""
    parts = []
    while part := await stream.read():
        parts.append(part)
    return b"".join(parts)


@cell("probes answered", "->")
async def probes(program: Path) -> str:
    """Ten probes, ten answers."""
    async with dialled(program) as (_, _, peer):
        trips = [await peer.probe() for _ in range(10)]
        return f"10/10, median {statistics.median(trips):.2f} ms"


@cell("OBSERVED_ADDRESS learned by both", "<>")
async def observed(program: Path) -> str:
    """Each side hears where the other sees it."""
    async with dialled(program) as (node, ours, peer):
        await node.wait("external_address_discovered", addr=f"udp://127.0.0.1:{node.port}")
        await appears(lambda: peer.addresses.observed is not None)
        check(
            peer.addresses.observed == ours.local_address,
            f"it sees us at {peer.addresses.observed}, we are {ours.local_address}",
        )
        return f"we are {peer.addresses.observed}, it is 127.0.0.1:{node.port}"
