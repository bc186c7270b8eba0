# SPDX-License-Identifier: MIT OR Apache-2.0
"""Close codes of ant-quic, and which of two connections to one peer lives on (§4.7)."""

from __future__ import annotations

import enum


class Phase(enum.Enum):
    """Where a connection is in its life."""

    HANDSHAKE = enum.auto()
    OPEN = enum.auto()
    ENDED = enum.auto()


SHUTDOWN = 0
SUPERSEDED = 0x4E5B00
READER_EXIT = 0x4E5B01
PEER_SHUTDOWN = 0x4E5B02
BANNED = 0x4E5B03
LIFECYCLE_CLEANUP = 0x4E5B04
LIVENESS_TIMEOUT = 0x4E5B05
NO_READER = 0x4E5B06

NAMES = {
    SHUTDOWN: "Shutdown",
    SUPERSEDED: "superseded",
    READER_EXIT: "reader exit",
    PEER_SHUTDOWN: "peer shutdown",
    BANNED: "banned",
    LIFECYCLE_CLEANUP: "lifecycle cleanup",
    LIVENESS_TIMEOUT: "liveness timeout",
    NO_READER: "no reader",
}

CONNECTION_ID_LABEL = b"ant-quic/lifecycle-connection-id/v1"
CONNECTION_ID_CONTEXT = b"canonical"
CONNECTION_ID_BYTES = 32

UNREAD_STREAM = 0x0
"""Application error of STOP_SENDING for a message we do not take."""


CROSSING_S = 5.0
"""How long after one side's dial is confirmed the other side's still counts as crossing it.
Longer than a handshake, so that both ends answer alike though their clocks see the two
dials at slightly different moments."""


def newer_wins(
    *,
    newer_initiator: bool,
    newer_id: bytes,
    newer_started: float,
    older_initiator: bool,
    older_id: bytes,
    older_confirmed: float,
) -> bool:
    """Decide between two live connections to one PeerId. Both ends must decide alike.

    Dialled by the same side, or long after each other: the newer, as the older is stale.
    Crossed dials: the larger exporter-derived id, which both ends compute from the TLS
    secrets. ant-quic takes the larger id however far the dials lie apart.
    """
    crossed = newer_initiator != older_initiator
    if crossed and newer_started - older_confirmed < CROSSING_S:
        return newer_id > older_id
    return True
