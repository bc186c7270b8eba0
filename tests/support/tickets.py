# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tickets for tests of what keeps them."""

from typing import Any

from pqmesh.engine.tickets import Ticket
from pqmesh.record import replace

_PLAIN = Ticket(b"P" * 32, b"c" * 32, None, 0, bytes(8), 0, 0, 0)


def ticket(peer: bytes = b"P" * 32, **fields: Any) -> Ticket:
    """A ticket of ``peer`` with some fields of one's own."""
    return replace(_PLAIN, peer_id=peer, **fields)
