# SPDX-License-Identifier: MIT OR Apache-2.0
"""A real ant-quic node behind a real NAT: we bring it together with a peer of ours.

Needs what `make interop` installs. The node is told of our helper only; a node of ours behind
another NAT then asks the helper for it by PeerId.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pqmesh_host.quic.relay.budget import Allowance
from support.nat_nodes import Nodes, expected
from support.natlab import Host, NatKind, NatLab, missing_for_natlab
from tools.interop.install import BUILD, VERSIONS
from tools.interop.node import AntQuicNode

_missing = missing_for_natlab()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_missing is not None, reason=_missing or ""),
]

PAIRS = [
    (NatKind.PORT_RESTRICTED, NatKind.PORT_RESTRICTED),
    (NatKind.SYMMETRIC, NatKind.FULL_CONE),
    (NatKind.SYMMETRIC, NatKind.SYMMETRIC),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[NatLab]:
    with NatLab() as made:
        yield made


def inside(host: Host, program: Path, folder: Path) -> Path:
    """A script that runs ``program`` on a host, listening on the host's own address."""
    script = folder / "node"
    script.write_text(
        "#!/usr/bin/env bash\n"
        f'exec ip netns exec {host.namespace} {program} "${{@/127.0.0.1:/{host.address4}:}}"\n'
    )
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("theirs", "ours"), PAIRS, ids=lambda kind: kind.value)
async def test_it_is_met_through_our_coordinator(
    lab: NatLab, tmp_path: Path, version: str, theirs: NatKind, ours: NatKind
) -> None:
    program = BUILD / version / "bin" / "ant-quic"
    if not program.exists():
        pytest.skip(f"ant-quic {version} is not installed: run `make interop` once")
    number = f"{VERSIONS.index(version)}{PAIRS.index((theirs, ours))}"
    there, here = lab.host(f"aq{number}", theirs), lab.host(f"us{number}", ours)
    async with Nodes(lab) as nodes:
        helper = await nodes.add(lab.host(f"help{number}"), relay=lambda _: Allowance())
        one = await nodes.add(here)
        await one.endpoint.connect(helper.address, expect=helper.peer_id)
        script = inside(there, program.absolute(), tmp_path)
        known = f"{helper.address[0]}:{helper.address[1]}"
        async with AntQuicNode.start(script, "--echo", "--known-peers", known) as node:
            async with asyncio.timeout(15):
                while helper.endpoint.peer(node.peer_id) is None:
                    await asyncio.sleep(0.05)
            peer, how = await one.traversal.connect(node.peer_id)
            assert how is expected(theirs, ours)
            await peer.send(b"through two NATs")
            assert await asyncio.wait_for(one.receive(node.peer_id), 10) == b"through two NATs"
