# SPDX-License-Identifier: MIT OR Apache-2.0
"""What happens afterwards: a NAT that changes, a relay's refusal, an address that is a trap."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import Callable, Iterator

import pytest

from pqmesh_host.quic.errors import Unreachable
from pqmesh_host.quic.limits import QuicLimits
from pqmesh_host.quic.nat import aqcc, interfaces
from pqmesh_host.quic.nat.outcome import How, TraversalLimits
from pqmesh_host.quic.relay.budget import Allowance
from support.nat_nodes import Node, Nodes
from support.natlab import NatKind, NatLab, missing_for_natlab

_missing = missing_for_natlab()
pytestmark = pytest.mark.skipif(_missing is not None, reason=_missing or "")

QUICK = TraversalLimits(punch_s=2.5, upgrade_s=1.0)
LIVELY = QuicLimits(keep_alive_s=0.5)
MESSAGES, MESSAGE_BYTES = 60, 50_000


@pytest.fixture(scope="module")
def lab() -> Iterator[NatLab]:
    with NatLab() as made:
        yield made


async def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


async def joined(nodes: Nodes, helper: Node, *others: Node) -> None:
    for node in others:
        await node.endpoint.connect(helper.address, expect=helper.peer_id)


async def test_a_relayed_pair_is_upgraded_when_the_nat_changes(lab: NatLab) -> None:
    left, right = lab.host("uleft", NatKind.SYMMETRIC), lab.host("uright", NatKind.SYMMETRIC)
    async with Nodes(lab, limits=QUICK, quic=LIVELY) as nodes:
        helper = await nodes.add(lab.host("uhelp"), relay=lambda _: Allowance())
        one, other = await nodes.add(left), await nodes.add(right)
        await joined(nodes, helper, one, other)
        peer, how = await one.traversal.connect(other.peer_id)
        assert how is How.RELAYED
        await peer.send(b"relayed")
        assert await asyncio.wait_for(other.receive(one.peer_id), 10) == b"relayed"
        lab.change_nat(right, NatKind.FULL_CONE)
        await until(lambda: (p := one.endpoint.peer(other.peer_id)) and not p.relayed, 30)
        await until(lambda: (p := other.endpoint.peer(one.peer_id)) and not p.relayed)
        await until(lambda: helper.relay and not helper.relay.sessions)
        # The handle from before goes on working, over the direct connection.
        await peer.send(b"direct")
        assert await asyncio.wait_for(other.receive(one.peer_id), 10) == b"direct"
        assert (await one.traversal.connect(other.peer_id))[1] is How.PUNCHED
        assert one.traversal.stats()["upgraded"] == 1


@pytest.mark.parametrize("sender", ["behind", "outside"])
@pytest.mark.parametrize("dialler", ["behind", "outside"])
async def test_rebinding_in_mid_transfer_loses_nothing(
    lab: NatLab, sender: str, dialler: str
) -> None:
    moving = lab.host(f"m{sender[0]}{dialler[0]}", NatKind.FULL_CONE)
    async with Nodes(lab, quic=LIVELY) as nodes:
        outside = await nodes.add(lab.host(f"o{sender[0]}{dialler[0]}"))
        behind = await nodes.add(moving)
        first = await behind.endpoint.connect(outside.address)
        if dialler == "outside":
            mapped = (await outside.endpoint.accept()).address
            await first.close(code=1)
            await until(lambda: not outside.endpoint.peers)
            await outside.endpoint.connect(mapped)
            await until(lambda: behind.endpoint.peers)
        source, sink = (behind, outside) if sender == "behind" else (outside, behind)
        await until(lambda: source.endpoint.peers and sink.endpoint.peers)
        before = outside.endpoint.peers[0].address

        async def send() -> None:
            for number in range(MESSAGES):
                await source.endpoint.peers[0].send(
                    number.to_bytes(4, "big") * (MESSAGE_BYTES // 4)
                )
                if number == MESSAGES // 3:
                    lab.change_nat(moving, NatKind.SYMMETRIC)

        sending = asyncio.create_task(send())
        got = set()
        async with asyncio.timeout(40):
            while len(got) < MESSAGES:
                message = await sink.receive(source.peer_id)
                assert message == message[:4] * (MESSAGE_BYTES // 4)
                got.add(int.from_bytes(message[:4], "big"))
        await sending
        assert got == set(range(MESSAGES))
        assert outside.endpoint.peers[0].address != before  # it did move


async def test_without_a_willing_relay_the_refusal_is_told(lab: NatLab) -> None:
    left, right = lab.host("rleft", NatKind.SYMMETRIC), lab.host("rright", NatKind.SYMMETRIC)
    async with Nodes(lab, limits=QUICK) as nodes:
        helper = await nodes.add(lab.host("rhelp"), relay=lambda _: None)
        one, other = await nodes.add(left), await nodes.add(right)
        await joined(nodes, helper, one, other)
        with pytest.raises(Unreachable, match="status 403: this relay does not serve you"):
            await one.traversal.connect(other.peer_id)
        assert helper.relay is not None
        assert helper.relay.sessions == {}


async def test_neighbours_behind_one_nat_meet_at_home(lab: NatLab) -> None:
    """Their NAT cannot be punched and does not turn packets round; their interfaces can be met."""
    left = lab.host("nleft", NatKind.SYMMETRIC)
    right = lab.beside("nright", left)
    async with Nodes(lab, limits=QUICK) as nodes:
        helper = await nodes.add(lab.host("nhelp"))
        one = await nodes.add(left, everywhere=True)
        other = await nodes.add(right, everywhere=True)
        await joined(nodes, helper, one, other)
        peer, how = await one.traversal.connect(other.peer_id)
        assert how is How.PUNCHED
        assert peer.address == (right.address4, other.address[1])
        await peer.send(b"next door")
        assert await asyncio.wait_for(other.receive(one.peer_id), 10) == b"next door"


async def test_an_interface_that_comes_and_goes_is_announced(
    lab: NatLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interfaces, "FRESH_S", 0.0)
    limits = dataclasses.replace(QUICK, announce_s=0.1)
    moving = lab.host("imove")
    async with Nodes(lab, limits=limits) as nodes:
        node = await nodes.add(moving, everywhere=True)
        watcher = await nodes.add(lab.host("iwatch"))
        await node.endpoint.connect(watcher.address)
        await until(lambda: watcher.endpoint.peers)
        told = watcher.endpoint.peers[0].addresses.candidates
        port = node.address[1]
        await until(lambda: (moving.public4, port) in told.values())
        lab.address(moving, "add", "198.19.7.7/15")
        await until(lambda: ("198.19.7.7", port) in told.values())
        lab.address(moving, "del", "198.19.7.7/15")
        await until(lambda: ("198.19.7.7", port) not in told.values())
        assert (moving.public4, port) in told.values()


async def test_third_parties_are_not_probed(lab: NatLab) -> None:
    """A coordinator that lies about addresses gets its victim not one packet."""
    victim = lab.host("victim")
    async with Nodes(lab, limits=QUICK) as nodes:
        helper = await nodes.add(lab.host("liar"))
        one, other = await nodes.add(lab.host("tone")), await nodes.add(lab.host("ttwo"))
        await joined(nodes, helper, one, other)
        with contextlib.closing(nodes.socket(victim)) as bystander:
            target = bystander.getsockname()
            lying(helper, target)
            with pytest.raises(Unreachable):
                await one.traversal.connect(other.peer_id)
            # Neither those of the coordinator's round, nor an Accepted nobody asked for.
            await until(lambda: other.traversal.stats().get("received_accepted", 0) >= 2)
            assert one.traversal.stats()["refused_addresses"] > 0
            with pytest.raises(BlockingIOError):
                bystander.recv(2048)


def lying(helper: Node, target: tuple[str, int]) -> None:
    """Replace every address this coordinator tells of, except the first, by the victim's."""
    rendezvous = helper.traversal._rendezvous
    post = rendezvous._post

    def tell(to: bytes, message: aqcc.Coordination) -> None:
        if message.kind == "Accepted":
            seen = message.initiator_addresses[0]
            hidden = ((seen[0], 2000), target)  # nobody is at port 2000
            message = dataclasses.replace(
                message, initiator_addresses=hidden, target_addresses=hidden
            )
            post(to, dataclasses.replace(message, request_id=message.request_id + 1000))
        post(to, message)

    rendezvous._post = tell  # type: ignore[method-assign]


async def test_a_bystander_would_have_been_heard(lab: NatLab) -> None:
    """The count above can fail: a packet to the bystander arrives."""
    async with Nodes(lab) as nodes:
        one, victim = await nodes.add(lab.host("bone")), lab.host("bvictim")
        with contextlib.closing(nodes.socket(victim)) as bystander:
            dial = one.endpoint.start_dial(bystander.getsockname(), bytes(32))
            await until(lambda: heard(bystander))
            dial.abort(0, "")


def heard(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(2048))
    except BlockingIOError:
        return False
