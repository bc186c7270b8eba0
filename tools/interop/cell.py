# SPDX-License-Identifier: MIT OR Apache-2.0
"""What one cell of the matrix is, and the identities and echo both sides use."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pqmesh.identity import Identity
from pqmesh_host.crypto import HostCrypto
from pqmesh_host.quic.endpoint import QuicEndpoint
from pqmesh_host.quic.peer import Peer
from tools.interop.node import AntQuicNode

RECV_S = 20.0


class Failed(Exception):
    """The cell's claim does not hold; says what was seen instead."""


class NotPossible(Exception):
    """The claim cannot hold with this peer, and why: a bug of theirs, or work not done."""


@dataclass(frozen=True)
class Cell:
    """One claim, checked by ``run`` on a program; it returns its evidence."""

    name: str
    direction: str
    """``->`` we act on them, ``<-`` they act on us, ``<>`` both."""

    run: Callable[[Path], Awaitable[str]]
    slow: bool = False


CELLS: list[Cell] = []


def cell(
    name: str, direction: str, *, slow: bool = False
) -> Callable[[Callable[[Path], Awaitable[str]]], Callable[[Path], Awaitable[str]]]:
    """Enter a coroutine function into the matrix."""

    def enter(run: Callable[[Path], Awaitable[str]]) -> Callable[[Path], Awaitable[str]]:
        CELLS.append(Cell(name, direction, run, slow))
        return run

    return enter


def check(condition: bool, seen: str) -> None:
    """Fail the cell unless ``condition``."""
    if not condition:
        raise Failed(seen)


def identity(name: str = "pqmesh-interop") -> Identity:
    """A fixed identity: the machine's secrets stay out of an interop run."""
    crypto = HostCrypto()
    return Identity(crypto.sha256(name.encode()), crypto)


def pattern(size: int, salt: int = 0) -> bytes:
    """Bytes no two messages of a run share, and that do not look like control messages."""
    block = hashlib.sha256(b"%d %d" % (size, salt)).digest()
    return (block * (size // len(block) + 1))[:size]


@contextlib.asynccontextmanager
async def dialled(
    program: Path, *options: str, nat_frames: bool = False
) -> AsyncIterator[tuple[AntQuicNode, QuicEndpoint, Peer]]:
    """An echoing node, our endpoint, and our connection to it."""
    async with (
        AntQuicNode.start(program, "--echo", *options) as node,
        QuicEndpoint.open(identity(), host="127.0.0.1", nat_frames=nat_frames) as ours,
    ):
        yield node, ours, await ours.connect(node.address, expect=node.peer_id)


@contextlib.asynccontextmanager
async def accepted(
    program: Path, *options: str
) -> AsyncIterator[tuple[AntQuicNode, QuicEndpoint, Peer]]:
    """A node that dials our endpoint, our endpoint, and the connection it made."""
    async with QuicEndpoint.open(identity(), host="127.0.0.1") as ours:
        target = dial_target(ours)
        async with AntQuicNode.start(program, "--connect", target, *options) as node:
            async with asyncio.timeout(RECV_S):
                peer = await ours.accept()
            yield node, ours, peer


def dial_target(endpoint: QuicEndpoint) -> str:
    """The address of an endpoint of ours as the program's --connect takes it."""
    host, port = endpoint.local_address
    return f"{host}:{port}"


async def appears(condition: Callable[[], bool], within_s: float = RECV_S) -> bool:
    """Wait until ``condition`` holds; return whether it did in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def echo(peer: Peer, payload: bytes) -> None:
    """Send, and demand the same bytes back."""
    await peer.send(payload)
    async with asyncio.timeout(RECV_S):
        back = await peer.recv()
    check(back == payload, f"sent {len(payload)} bytes, {len(back)} others came back")
