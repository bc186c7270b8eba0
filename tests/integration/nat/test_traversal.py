# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every NAT against every NAT: punched where that is possible, relayed where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pqmesh_host.quic.nat.outcome import How, TraversalLimits
from pqmesh_host.quic.relay.budget import Allowance
from support.nat_nodes import Nodes, expected, meet
from support.natlab import Host, NatKind, NatLab, missing_for_natlab

_missing = missing_for_natlab()
pytestmark = pytest.mark.skipif(_missing is not None, reason=_missing or "")


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


def row(version: int, left: NatKind) -> dict[NatKind, How]:
    """What is to come of ``left`` and every kind it is tried with."""
    kinds = NatKind if version == 4 else (NatKind.PORT_RESTRICTED, NatKind.SYMMETRIC)
    return {right: expected(left, right) for right in kinds}


ROWS = [(4, kind) for kind in NatKind] + [(6, NatKind.PORT_RESTRICTED), (6, NatKind.SYMMETRIC)]


@pytest.mark.parametrize(
    ("version", "left"), ROWS, ids=lambda value: getattr(value, "value", value)
)
async def test_every_pair_meets(
    lab: NatLab, hosts: dict[str, dict[NatKind, Host]], version: int, left: NatKind
) -> None:
    wanted = row(version, left)
    async with Nodes(lab, version, TraversalLimits(punch_s=2.5)) as nodes:
        helper = await nodes.add(hosts["helper"][NatKind.OPEN], relay=lambda _: Allowance())
        async with asyncio.TaskGroup() as tasks:
            met = {
                right: tasks.create_task(meet(nodes, hosts["l"][left], hosts["r"][right], helper))
                for right in wanted
            }
    found = {right: task.result() for right, task in met.items()}
    assert {right: meeting.how for right, meeting in found.items()} == wanted
    for meeting in found.values():
        assert meeting.rounds == (2 if meeting.how is How.RELAYED else 1)


async def test_a_known_address_of_an_open_host_needs_nobody(
    lab: NatLab, hosts: dict[str, dict[NatKind, Host]]
) -> None:
    async with Nodes(lab) as nodes:
        one = await nodes.add(hosts["l"][NatKind.CARRIER_GRADE])
        other = await nodes.add(hosts["r"][NatKind.OPEN])
        _, how = await one.traversal.connect(other.peer_id, [other.address])
        assert how is How.DIRECT
        assert one.traversal.outcomes[-1].rounds == 0
