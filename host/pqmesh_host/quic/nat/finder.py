# SPDX-License-Identifier: MIT OR Apache-2.0
"""An endpoint whose pinned dials find the peer elsewhere when it is not at its address."""

from __future__ import annotations

from ..endpoint import QuicEndpoint
from ..peer import Peer
from .traverse import Traversal

FIND_S = 20.0
"""Enough for every stage of a traversal with its default limits."""


class Finder:
    """Stands in for ``QuicEndpoint`` where one dials and accepts."""

    def __init__(self, endpoint: QuicEndpoint, traversal: Traversal) -> None:
        self._endpoint = endpoint
        self._traversal = traversal

    async def connect(
        self, address: tuple[str, int], *, expect: bytes | None = None, timeout_s: float = 10.0
    ) -> Peer:
        """As ``QuicEndpoint.connect``; with ``expect``, punched or relayed if need be.

        :param timeout_s: for a dial without ``expect``; with it, at least FIND_S
        :raises Unreachable: with ``expect``: nothing worked; ``tried`` says what was tried
        """
        if expect is None:
            return await self._endpoint.connect(address, timeout_s=timeout_s)
        peer, _ = await self._traversal.connect(expect, [address], max(timeout_s, FIND_S))
        return peer

    async def accept(self) -> Peer:
        """As ``QuicEndpoint.accept``."""
        return await self._endpoint.accept()
