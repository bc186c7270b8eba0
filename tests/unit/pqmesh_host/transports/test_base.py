# SPDX-License-Identifier: MIT OR Apache-2.0
"""The contract module itself: errors that carry advice, and a contract suite with teeth."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from pqmesh_host.transports.base import Link, LinkInfo, LinkUnavailable
from pqmesh_host.transports.memory import MemoryLink
from support.link_contract import LinkContract


def test_unavailable_tells_what_to_do() -> None:
    error = LinkUnavailable("No port.", "Plug it in.")
    assert (str(error), error.exit_code) == ("No port. Plug it in.", 5)


def test_link_info_is_a_value() -> None:
    info = LinkInfo(name="a", mtu=10, bits_per_second=1)
    assert info == LinkInfo(name="a", mtu=10, bits_per_second=1)
    assert info.broadcast is False


class MergingLink(MemoryLink):
    """Breaks the contract: two frames become one."""

    async def receive(self) -> bytes:
        return await super().receive() + await super().receive()


async def test_the_contract_catches_a_link_that_merges_frames() -> None:
    class Suite(LinkContract):
        @contextlib.asynccontextmanager
        async def connected(self) -> AsyncIterator[tuple[Link, Link]]:
            left, right = MemoryLink("left"), MergingLink("right")
            left._far, right._far = right, left
            yield left, right

    with pytest.raises((AssertionError, TimeoutError)):
        await Suite().test_frames_keep_their_boundaries()
