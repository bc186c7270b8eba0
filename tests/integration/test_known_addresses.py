# SPDX-License-Identifier: MIT OR Apache-2.0
"""Two real nodes meet, both restart, and the one finds the other by its PeerId alone."""

import dataclasses
from pathlib import Path

from pqmesh_host.config import PeerConfig, QuicConfig
from support.mesh_nodes import joining, make_config, peer_id_in, running


async def test_after_a_restart_a_peer_is_found_by_its_peer_id_alone(tmp_path: Path) -> None:
    make_config(tmp_path / "asking")
    trust = frozenset({peer_id_in(tmp_path / "asking")})
    config = make_config(
        tmp_path / "answering", quic=QuicConfig(listen=("127.0.0.1", 0), trust=trust)
    )
    async with running(config) as (answering, _):
        address = answering.quic_address
        asking_config = joining(answering, tmp_path / "asking")
        async with running(asking_config) as (_, at_asking):
            await at_asking.wait("peer-open")

    there_again = dataclasses.replace(config, quic=QuicConfig(listen=address, trust=trust))
    by_id_alone = dataclasses.replace(
        asking_config, peer=(PeerConfig(id=peer_id_in(tmp_path / "answering")),)
    )
    async with running(there_again) as (answering, _), running(by_id_alone) as (asking, at_asking):
        opened = (await at_asking.wait("peer-open"))[0]
        assert opened.peer == answering.peer_id
        assert opened.details["initiator"]
        (known,) = await asking._on_peers({})
        assert known["address"] == f"{address[0]}:{address[1]}"
        assert (known["successes"], known["connected"]) == (2, True)
        forgotten = await asking._on_forget({"peer": answering.peer_id.hex()[:8]})
        assert forgotten == {"peer": answering.peer_id.hex(), "addresses": 1}
        assert await asking._on_peers({}) == []
