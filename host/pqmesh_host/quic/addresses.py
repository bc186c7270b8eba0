# SPDX-License-Identifier: MIT OR Apache-2.0
"""Names to addresses the socket can send to, and back to what people read."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from .errors import UnknownHost
from .udp import MAX_PORT, Address


async def resolve(address: tuple[str, int], family: socket.AddressFamily) -> list[Address]:
    """Look a (host, port) up; on a dual-stack socket IPv4 comes in its mapped form.

    :raises UnknownHost: no address of this family
    """
    host, port = address
    # The C library would take the port modulo 65,536.
    if not 0 < port <= MAX_PORT:
        raise UnknownHost(f"port {port} does not exist: use 1 to {MAX_PORT}")
    flags = socket.AI_V4MAPPED | socket.AI_ALL if family == socket.AF_INET6 else 0
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=family, type=socket.SOCK_DGRAM, flags=flags
        )
    except (socket.gaierror, UnicodeError) as error:
        raise UnknownHost(f"{host!r} port {port}: no address this node can reach") from error
    return [entry[4] for entry in found]


def readable(address: Address) -> tuple[str, int]:
    """An address as people write it: no flow or scope, no IPv4-mapped form."""
    host, port = address[0], address[1]
    try:
        mapped = ipaddress.IPv6Address(host).ipv4_mapped
    except ValueError:
        return host, port
    return (str(mapped) if mapped is not None else host), port


def numeric(address: tuple[str, int], family: socket.AddressFamily) -> Address | None:
    """An IP address as a socket of ``family`` wants it; None if it cannot send there."""
    host, port = ipaddress.ip_address(address[0]), address[1]
    if family == socket.AF_INET:
        return (str(host), port) if host.version == 4 else None
    return (f"::ffff:{host}" if host.version == 4 else str(host), port, 0, 0)
