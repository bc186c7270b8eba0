# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every NAT against every NAT: punched where that is possible, relayed where it is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from pqmesh_host.quic.nat.outcome import How
from pqmesh_host.quic.relay.budget import Allowance
from support.nat_nodes import Node, Nodes
from support.natlab import Host, NatKind, NatLab, missing_for_natlab

_missing = missing_for_natlab()
pytestmark = pytest.mark.skipif(_missing is not None, reason=_missing or "")

RANDOM_PORTS = {NatKind.SYMMETRIC, NatKind.CARRIER_GRADE}
PORT_FILTERS = {NatKind.PORT_RESTRICTED, *RANDOM_PORTS}


def expected(one: NatKind, other: NatKind) -> How:
    """A NAT with a fresh port per destination cannot be met by one that filters by port."""
    for random, filtering in ((one, other), (other, one)):
        if random in RANDOM_PORTS and filtering in PORT_FILTERS:
            return How.RELAYED
    return How.PUNCHED


@pytest.fixture(scope="module")
def lab() -> Iterator[NatLab]:
    with NatLab() as made:
        yield made


@pytest.fixture(scope="module")
def hosts(lab: NatLab) -> dict[str, dict[NatKind, Host]]:
    """Two hosts behind each kind, so that a kind can meet itself; and the public helper."""
    sides = {
        side: {kind: lab.host(f"{side}{kind.value[:7]}", kind) for kind in NatKind}
        for side in "lr"
    }
    return {**sides, "helper": {NatKind.OPEN: lab.host("helper")}}


async def meet(nodes: Nodes, left: Host, right: Host, helper: Node) -> tuple[How, int, float]:
    """How, rounds, and seconds until the first message came back."""
    one, other = await nodes.add(left), await nodes.add(right)
    for node in (one, other):
        await node.endpoint.connect(helper.address, expect=helper.peer_id)
    began = time.monotonic()
    peer, how = await one.traversal.connect(other.peer_id)
    await peer.send(b"first")
    assert await asyncio.wait_for(other.receive(one.peer_id), 10) == b"first"
    assert peer.peer_id == other.peer_id
    return how, one.traversal.outcomes[-1].rounds, time.monotonic() - began


@pytest.mark.parametrize("left", NatKind, ids=lambda kind: kind.value)
async def test_every_pair_meets(
    lab: NatLab, hosts: dict[str, dict[NatKind, Host]], left: NatKind
) -> None:
    async with Nodes(lab) as nodes:
        helper = await nodes.add(hosts["helper"][NatKind.OPEN], relay=lambda _: Allowance())
        async with asyncio.TaskGroup() as tasks:
            met = {
                right: tasks.create_task(meet(nodes, hosts["l"][left], hosts["r"][right], helper))
                for right in NatKind
            }
        found = {right: task.result()[0] for right, task in met.items()}
        print({right.value: task.result() for right, task in met.items()})
        assert found == {right: expected(left, right) for right in NatKind}
