# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a configured link becomes: rate, provider, and whom to try first."""

from __future__ import annotations

from pathlib import Path

from pqmesh.identity import Identity
from pqmesh.limits import SERIAL_LINK
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.events import EventBus
from pqmesh_host.mesh.switchboard import Switchboard
from pqmesh_host.node_links import Links, profile_of, provider_of
from pqmesh_host.store import Store
from support.mesh_nodes import any_link
from support.tickets import ticket

OWN, BOARD, OTHER = b"\x00" * 32, b"\xb0" * 32, b"\xb1" * 32


def test_a_link_brings_its_rate_into_the_engines_timers() -> None:
    link = any_link(baud=9600, name="slow", paced=False)
    assert profile_of(link).bits_per_second == 9600
    assert profile_of(None) == SERIAL_LINK
    assert provider_of(link).name == "slow"


async def test_the_likely_board_is_the_links_last_one_that_has_a_ticket(tmp_path: Path) -> None:
    crypto, bus = HostCrypto(), EventBus()
    with Store.open(tmp_path / "state.sqlite") as store:
        switchboard = Switchboard(OWN, store, bus, bytes)
        links = Links(Identity(bytes(32), crypto), crypto, store, switchboard, bus)
        assert links._likely("bench", None) is None
        store.note_peer(BOARD, "bench")
        assert links._likely("bench", None) is None
        links.tickets.save(ticket(BOARD))
        assert links._likely("bench", None) == BOARD
        assert links._likely("elsewhere", None) is None
        assert links._likely("elsewhere", BOARD) == BOARD
        assert links._likely("bench", OTHER) is None
