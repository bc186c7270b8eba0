# SPDX-License-Identifier: MIT OR Apache-2.0
"""Addresses that are not on our UDP socket: the far end of a relay's tunnel.

A connection keeps the address it was given and hands it back with every datagram; one of
these then carries the datagram itself. It reads as (host, port) like any other.
"""

from __future__ import annotations

from collections.abc import Callable


class VirtualAddress(tuple[str, int]):
    """(host, port) as the other side of the tunnel knows it. Equals only itself, so that the
    same host met directly, or through another tunnel, is another path.

    :param carry: takes one datagram for this address; may drop it, must not block
    """

    carry: Callable[[bytes], object]

    def __new__(cls, address: tuple[str, int], carry: Callable[[bytes], object]) -> VirtualAddress:
        made = super().__new__(cls, address)
        made.carry = carry
        return made

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)
